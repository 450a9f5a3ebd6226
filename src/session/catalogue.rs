//! The models that can be used by name: how large they are, whether they are on this machine, and whether they fit.

use crate::chat::{Fits, KnownModel};
use crate::engine::memory;
use crate::models::{Catalogue, Places};

use super::model::offered;

/// All models of the catalogue, in its order.
#[must_use]
pub fn known_models(places: &Places) -> Vec<KnownModel> {
    let free = memory::free_bytes();
    let known = |entry| {
        let offered = offered(entry, places.machine);
        let fits = fits(offered.bytes, free);
        KnownModel { file: places.find(entry), fits, offered }
    };
    Catalogue::bundled().entries().iter().map(known).collect()
}

/// llama.cpp rearranges most weights of some quantisations into a second copy, so a model takes up to twice its file.
fn fits(file_bytes: u64, free_bytes: u64) -> Fits {
    match file_bytes {
        bytes if bytes > free_bytes => Fits::No,
        bytes if bytes.saturating_mul(2) > free_bytes => Fits::Perhaps,
        _ => Fits::Yes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::HubVariables;

    #[test]
    fn a_model_fits_for_sure_if_there_is_room_for_it_twice() {
        assert_eq!([2, 3, 6, 7].map(|bytes| fits(bytes, 6)), [Fits::Yes, Fits::Yes, Fits::Perhaps, Fits::No]);
    }

    #[test]
    fn what_is_on_this_machine_has_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::new(folder.path(), None, HubVariables::default());
        let entry = Catalogue::bundled().default_for(places.machine);
        let file = places.own_path(entry);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::File::create(&file).and_then(|made| made.set_len(entry.bytes)).expect("a sparse file");
        let known = known_models(&places);
        assert_eq!(known.len(), Catalogue::bundled().entries().len());
        let here: Vec<_> = known.iter().filter_map(|model| Some((&*model.offered.name, model.file.clone()?))).collect();
        assert_eq!(here, [(&*entry.name, file)]);
    }
}
