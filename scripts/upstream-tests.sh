#!/bin/sh
# Runs llama.cpp's own test programs with the library as it is and with the patched one, and prints their exit codes side by side.
#
#   scripts/upstream-tests.sh                    all of them
#   scripts/upstream-tests.sh gguf rope          these
#
# Both libraries are built first, as tests/stock/compare does; UNPATCHED and PATCHED name folders that have them already, in lib/.
# The programs come with the sources of the Python package llama-cpp-python, which pip fetches (77 MB); their llama.cpp is a little newer
# than ours, so a program that doesn't compile is told and left out. Each is compiled once, with the headers of the unpatched library, and
# linked with both: what links and passes shows that the patches keep interface and layout.
# Fails if a program passes with the unpatched library and doesn't with the patched one.
set -eu

cd "$(dirname "$0")/.."
work=target/upstream-tests
package=llama-cpp-python
version=0.3.36
# Those that need neither a model nor a network, with what they need. They are run without arguments but for the vocabulary of tokenizer-*.
plain='gguf rope grammar-parser llama-grammar quantize-fns alloc barrier sampling opt unicode batch-alloc backend-ops'
with_common='json-schema-to-grammar grammar-integration chat-template jinja chat-peg-parser reasoning-budget llama-archs tokenizer-0'
# A test that takes longer hangs, or is too much for this machine.
most_seconds=${UPSTREAM_TEST_SECONDS:-1800}

sources() {
    [ -d "$work/sources/tests" ] && return
    echo "upstream-tests: fetching the sources of $package $version with pip"
    mkdir -p "$work/fetched"
    python3 -m pip download --quiet --no-deps --no-binary "$package" --dest "$work/fetched" "$package==$version"
    tar -xzf "$work/fetched"/*.tar.gz -C "$work/fetched"
    mv "$work/fetched"/*/vendor/llama.cpp "$work/sources"
    rm -r "$work/fetched"
}

# Builds the library that the rest of the line says, and prints the folder of its build.
library() {
    cargo build --quiet --release --manifest-path tests/stock/Cargo.toml "$@" >&2
    # The newest, if there are several.
    ls -dt "$target"/release/build/llama-cpp-sys-2-*/out | while read -r out; do
        [ -d "$out/lib" ] && echo "$out" && break
    done
}

compile() {
    [ "$2" -nt "$1" ] || [ ! -e "$1" ] || return 0
    c++ -std=c++17 -O1 -fopenmp -w -I"$1.d" -I"$include/include" -I"$include/ggml/include" -I"$include/ggml/src" -I"$include/src" -I"$include/common" \
        -I"$include/vendor" -I"$include" -c "$2" -o "$1" 2>"$1.log"
}

# The helpers of llama.cpp's programs, which are no part of the library.
common() {
    [ -e "$work/libcommon.a" ] && return
    echo "upstream-tests: compiling the helpers of llama.cpp's programs"
    mkdir -p "$work/common"
    for source in "$include"/common/*.cpp "$include"/common/jinja/*.cpp; do
        [ -e "$source" ] || continue
        object=$work/common/$(basename "$source" .cpp)-$(basename "$(dirname "$source")").o
        compile "$object" "$source" || echo "  $(basename "$source") does not compile: $object.log"
    done
    ar rcs "$work/libcommon.a" "$work"/common/*.o
}

# Links $1 with the library of the build in $2, and $3.
link() {
    c++ -fopenmp -o "$1-$(basename "$3")" "$1.o" $4 -Wl,--start-group "$2"/lib/*.a -Wl,--end-group -ldl -lpthread -lm 2>"$1.link.log"
}

arguments() {
    case $1 in
        tokenizer-0) echo "$work/sources/models/ggml-vocab-llama-bpe.gguf" ;;
    esac
}

# The exit code of program $1, whose output goes to $1.out.
run() {
    code=0
    timeout "$most_seconds" "$1" $(arguments "$2") >"$1.out" 2>&1 || code=$?
    echo $code
}

sources
target=$PWD/tests/stock/target
unpatched=${UNPATCHED:-$(library --target-dir "$target")}
target=$PWD/tests/stock/target/patched
patched=${PATCHED:-$(library --no-default-features --target-dir "$target")}
# Where cargo unpacked it to build the library.
include=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/llama-cpp-sys-2-"$(awk '/^llama/ { print $2 }' ggml-patches/upstream)"/llama.cpp | head -n 1)
mkdir -p "$work/programs"

wanted=${*:-$plain $with_common}
worse=0
printf '%-24s %10s %8s\n' program unpatched patched
for name in $wanted; do
    program=$work/programs/$name
    case " $with_common " in *" $name "*) common; helpers=$work/libcommon.a ;; *) helpers= ;; esac
    # The programs include headers by paths from their folder.
    ln -sfn "$include" "$work/programs/llama.cpp"
    mkdir -p "$work/programs/tests"
    cp "$work/sources/tests/test-$name.cpp" "$work"/sources/tests/*.h "$work/programs/tests/"
    for folder in src ggml include common vendor; do ln -sfn "$include/$folder" "$work/programs/$folder"; done
    if ! compile "$program.o" "$work/programs/tests/test-$name.cpp"; then
        printf '%-24s does not compile with our headers: %s\n' "$name" "$program.o.log"
        continue
    fi
    if ! link "$program" "$unpatched" unpatched "$helpers" || ! link "$program" "$patched" patched "$helpers"; then
        printf '%-24s does not link: %s\n' "$name" "$program.link.log"
        continue
    fi
    before=$(run "$program-unpatched" "$name")
    after=$(run "$program-patched" "$name")
    printf '%-24s %10s %8s\n' "$name" "$before" "$after"
    [ "$before" != 0 ] || [ "$after" = 0 ] || worse=1
done
[ $worse = 0 ] || echo "upstream-tests: the patched library fails where the unpatched one passes"
exit $worse
