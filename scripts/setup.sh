#!/bin/sh
# Installs what building Lunette needs and is not here: cmake and a C++ compiler. Says what it will do, then does it.
# Where the Hugging Face hub can't be reached, models come as Python packages (model-from-packages.sh): then pip is needed too.
# With the word `lints` it also installs clippy, rustfmt (rustup's minimal profile lacks them) and cargo-machete.
# Debian, Ubuntu and their like through apt-get (as root, or with sudo), macOS through Homebrew; elsewhere it says what is missing.
set -eu

# The version that the lints were written against.
MACHETE=0.9.2

say() {
    echo "setup: $*"
}

stop() {
    echo "setup: $*" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Runs a command as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        stop "this needs root, and sudo is not here. As root: $*"
    fi
}

install_with_apt() {
    say "will install with apt-get: $*"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

install_with_brew() {
    for package in "$@"; do
        if [ "$package" = g++ ]; then
            say "will ask macOS for its command line tools, which have the C++ compiler: run make again when they are here"
            xcode-select --install
            exit 1
        fi
        say "will install with Homebrew: $package"
        brew install --quiet "$package"
    done
}

if ! has cargo && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    stop "Rust is here but not on the PATH: . \"${CARGO_HOME:-$HOME/.cargo}/env\""
fi
has cargo || stop "Rust is missing: install it from https://rustup.rs, then run make again"

has_pip() {
    python3 -m pip --version >/dev/null 2>&1
}

missing=
has "${CXX:-c++}" || missing="g++"
has cmake || missing="$missing cmake"
if ! has_pip && ! "$(dirname "$0")/hub-answers.sh"; then
    say "the Hugging Face hub can't be reached, so models will come as Python packages"
    if has brew; then missing="$missing python3"; else missing="$missing python3-pip"; fi
fi

if [ "${1:-}" = lints ]; then
    if ! { cargo clippy --version && cargo fmt --version; } >/dev/null 2>&1; then
        has rustup || stop "clippy or rustfmt is missing: install them with this system's package manager"
        say "will install with rustup: clippy and rustfmt"
        rustup component add clippy rustfmt
    fi
    if ! cargo machete --version >/dev/null 2>&1; then
        say "will install with cargo: cargo-machete $MACHETE, which finds unused dependencies"
        cargo install --quiet --locked "cargo-machete@$MACHETE"
    fi
fi

# The list is of words without blanks, so it is split on purpose.
# shellcheck disable=SC2086
if [ -z "$missing" ]; then
    say "nothing to install: cargo, cmake and a C++ compiler are here"
elif has apt-get; then
    install_with_apt $missing
elif has brew; then
    install_with_brew $missing
else
    stop "missing: $missing. Install with this system's package manager, then run make again"
fi
