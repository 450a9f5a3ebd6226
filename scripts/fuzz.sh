#!/bin/sh
# Fuzzes every target in turn for HOURS together (default 1), and ends with the first finding.
#
#   scripts/fuzz.sh 8
#   TARGETS='gguf template' scripts/fuzz.sh 0.5
#
# Corpora are kept in fuzz/corpus, so that the next run goes on where this one ended; findings lie in fuzz/artifacts. The program is built with
# coverage and the address sanitizer by a nightly toolchain, as `cargo fuzz build` does; that tool is not needed, and works beside this.
# FOLDER=… only builds, and leaves the programs there: they run on any machine with the same libraries, without Rust.
set -eu
cd "$(dirname "$0")/../fuzz"
hours=${1:-1}
all=$(sed -n '/^\[\[bin\]\]/{n;s/^name = "\(.*\)"$/\1/p;}' Cargo.toml)
targets=${TARGETS:-$all}
seconds=$(awk "BEGIN { print int($hours * 3600 / $(echo "$targets" | wc -w)) }")
triple=$(rustc +nightly -vV | sed -n 's/^host: //p')
coverage='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0
    --cfg fuzzing -Zsanitizer=address -Cdebug-assertions'

# Build scripts and macros stay as they are: the flags are for the other target, though it is this machine.
RUSTFLAGS=$(echo $coverage) cargo +nightly build --release --target "$triple" $(for target in $targets; do echo "--bin $target"; done)
programs=target/$triple/release
if [ -n "${FOLDER:-}" ]; then
    mkdir -p "$FOLDER"
    for target in $targets; do strip -o "$FOLDER/$target" "$programs/$target"; done
    exit
fi
for target in $targets; do
    echo "fuzz: $target for $seconds s"
    mkdir -p "corpus/$target" "artifacts/$target"
    # A template may fill the memory: the program renders an unknown one in a process of its own first. What is never freed is kept on purpose.
    ASAN_OPTIONS=detect_leaks=0 "$programs/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=65536 \
        -artifact_prefix="artifacts/$target/" "corpus/$target"
done
echo "fuzz: nothing found"
