//! The models that other tests stand on.

#[path = "support/models.rs"]
mod support;

use lunette::engine::message::CancelToken;
use lunette::models::{Catalogue, check};

#[test]
#[ignore = "needs the models: `make test` fetches them"]
fn the_test_models_are_here_and_whole() {
    for name in ["smollm2-135m", "qwen2.5-coder-0.5b"] {
        let entry = Catalogue::bundled().named(name).expect("it is listed");
        check(&support::model(name), entry, &mut |_| {}, &CancelToken::default()).expect("it has its checksum");
    }
}
