#!/bin/sh
# Prints shell lines that make a CUDA toolkit known to the build, for `eval`. What it does it says on standard error.
# An installed toolkit (CUDA_PATH, nvcc on the PATH, /usr/local/cuda) of 12.4 or newer is taken; where there is none, one is put together
# from NVIDIA's Python packages (compiler, runtime, cuBLAS; 0.9 GB) in target/cuda-toolkit: enough to compile and link, no driver.
set -eu

say() {
    echo "cuda: $*" >&2
}

stop() {
    say "$*"
    exit 1
}

here=$(cd "$(dirname "$0")/.." && pwd)
wheels=$here/target/cuda-toolkit

# The version of the nvcc in $1 as 1204 for 12.4; nothing when it does not run.
version_of() {
    "$1/bin/nvcc" --version 2>/dev/null | sed -n 's/.*release \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | awk '{ print $1 * 100 + $2 }'
}

# What of a toolkit's libraries and headers is not in $1; nothing when all are there.
missing_in() {
    for library in cudart cublas cublasLt; do
        found=$(find -L "$1"/lib64 "$1"/lib "$1"/targets/*/lib -maxdepth 1 -name "lib$library.so" 2>/dev/null | head -n 1)
        [ -n "$found" ] || printf ' lib%s' "$library"
    done
    found=$(find -L "$1"/include "$1"/targets/*/include -maxdepth 1 -name cublas_v2.h 2>/dev/null | head -n 1)
    [ -n "$found" ] || printf ' cublas_v2.h'
}

installed() {
    on_path=$(command -v nvcc || true)
    for folder in "${CUDA_PATH:-}" "${on_path%/bin/nvcc}" /usr/local/cuda /opt/cuda; do
        [ -n "$folder" ] && [ -x "$folder/bin/nvcc" ] || continue
        version=$(version_of "$folder")
        if [ -n "$version" ] && [ "$version" -ge 1204 ]; then
            missing=$(missing_in "$folder")
            [ -n "$missing" ] || { echo "$folder"; return; }
            say "$folder has nvcc, but no$missing: install the toolkit's development files too, as in \`apt install cuda-libraries-dev-12-4\`"
            continue
        fi
        say "$folder has CUDA $version (as $((${version:-0} / 100)).$((${version:-0} % 100))): 12.4 or newer is needed"
    done
}

from_wheels() {
    python3 -m venv --help >/dev/null 2>&1 || stop "no CUDA toolkit is installed, and without python3-venv none can be put together: install one from https://developer.nvidia.com/cuda-downloads"
    say "no CUDA toolkit is installed: putting one together from NVIDIA's Python packages in $wheels"
    rm -rf "$wheels.new" && mkdir -p "$wheels.new"
    python3 -m venv "$wheels.new/venv"
    "$wheels.new/venv/bin/pip" install --quiet --no-deps nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 \
        nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85 nvidia-cublas==13.0.2.14 nvidia-cuda-culibos==13.0.85 >&2
    mv "$wheels.new"/venv/lib/python3*/site-packages/nvidia/cu13 "$wheels.new/cu13"
    rm -rf "$wheels.new/venv"
    # CMake and the linker look for lib64 and for names without a version, and packages have neither.
    ln -s lib "$wheels.new/cu13/lib64"
    for library in cudart cublas cublasLt; do ln -s "lib$library.so.13" "$wheels.new/cu13/lib/lib$library.so"; done
    rm -rf "$wheels" && mv "$wheels.new" "$wheels"
}

toolkit=$(installed)
if [ -z "$toolkit" ]; then
    [ -x "$wheels/cu13/bin/nvcc" ] || from_wheels
    toolkit=$wheels/cu13
fi
say "toolkit: $toolkit"
echo "CUDA_PATH='$toolkit'; CUDACXX='$toolkit/bin/nvcc'; PATH='$toolkit/bin':\"\$PATH\"; export CUDA_PATH CUDACXX PATH"
