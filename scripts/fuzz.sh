#!/bin/sh
# Fuzzes every target in turn for HOURS together (default 1), and ends with the first finding.
#
#   scripts/fuzz.sh 8
#
# Corpora are kept in fuzz/corpus, so that the next run goes on where this one ended; findings lie in fuzz/artifacts.
# Needs a nightly toolchain. The target that reads PDFs needs target/release/lunette.
set -eu
cd "$(dirname "$0")/.."
hours=${1:-1}
targets='gguf template config request loader text html epub docx others pdf'
count=$(echo "$targets" | wc -w)
seconds=$(awk "BEGIN { print int($hours * 3600 / $count) }")

if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    echo "fuzz: installing cargo-fuzz"
    cargo install cargo-fuzz
fi
LUNETTE=$PWD/target/release/lunette
export LUNETTE
for target in $targets; do
    if [ "$target" = pdf ] && [ ! -x "$LUNETTE" ]; then
        echo "fuzz: pdf is left out: there is no $LUNETTE (cargo build --release)"
        continue
    fi
    echo "fuzz: $target for $seconds s"
    # A template may fill the memory: the program renders an unknown one in a process of its own first.
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=65536
done
echo "fuzz: nothing found"
