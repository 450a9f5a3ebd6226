# Each of these installs what is missing on this machine (and says so first), builds, fetches the model that it needs, and does its job.
# With Rust, cmake and a C++ compiler there, plain cargo does as well: see CONTRIBUTING.md.

LUNETTE = cargo run --quiet --release --
# The model that people use, and the small one that tests use.
TEST_MODELS = qwen2.5-coder-0.5b smollm2-135m

.PHONY: demo test slow bench screenshots setup build models checks tests
# The steps of a test run say more in their order than side by side.
.NOTPARALLEL:

# Opens Pride and Prejudice, as many chapters as this machine reads in about a minute. Without a terminal it answers one question and prints the figures.
demo: build
	$(LUNETTE) pull
	$(LUNETTE) demo

# What has to pass before a change is taken: formatting, lints, documentation; every quick test, the engine
# with a real model, and the unpatched library beside ours. `make slow` is the rest.
test: checks tests

# What loading, opening, waiting and switching cost; seconds and memory by length, always beside full attention on the same machine.
bench: build models
	cargo bench --bench document
	cargo bench --bench frames
	cargo bench --bench first_frame -- --model "$$($(LUNETTE) pull smollm2-135m)"
	cargo bench --bench prefill -- --model "$$($(LUNETTE) pull)"

# The pictures in README.md, from the program's real output.
screenshots: build
	cargo run --release --example screenshots -- --model "$$($(LUNETTE) pull)"

setup:
	@scripts/setup.sh

build: setup
	@echo "build: the program (the first time takes a few minutes: llama.cpp is compiled too)"
	cargo build --release

models: build
	@for model in $(TEST_MODELS); do $(LUNETTE) pull $$model || exit; done

# In release mode, so that llama.cpp is compiled once for these and for the tests.
checks:
	@scripts/setup.sh lints
	cargo fmt --all --check
	cargo clippy --all-targets --release -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --release --document-private-items

tests: models
	cargo test -p lunette -p llama-cpp-sys-2 --release
	tests/stock/compare "$$($(LUNETTE) pull smollm2-135m)"
	cargo test --release --test engine_model --test unpatched -- --ignored --test-threads 1
	cargo test --release --test models -- --ignored the_test_models_are_here_and_whole

# What has not been seen to pass on an idle machine yet, or takes too long for every change: the screen in a terminal, README's commands, and the
# headless contract with a model. It moves to `test`, one by one, when it has.
slow: models
	cargo test --release --test readme --test headless --test screen_pty -- --ignored --test-threads 1
