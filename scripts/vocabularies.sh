#!/bin/sh
# Fetches llama.cpp's vocabularies (ggml-vocab-*.gguf, each with 47 texts and their tokens) and chat templates (templates/*.jinja) into
# the folder that is named, unless they are there. They come with the sources of the Python package llama-cpp-python, which pip fetches (77 MB) and nothing runs or installs.
set -eu

folder=$1
package=llama-cpp-python
version=0.3.36

if [ -e "$folder/ggml-vocab-qwen2.gguf.out" ] && [ -d "$folder/templates" ]; then
    exit 0
fi
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "vocabularies: fetching the sources of $package $version with pip"
python3 -m pip download --quiet --no-deps --no-binary "$package" --dest "$work" "$package==$version"
tar -xzf "$work"/*.tar.gz -C "$work"
cp "$work"/llama_cpp_python-"$version"/vendor/llama.cpp/models/ggml-vocab-* "$folder"/
mkdir -p "$folder/templates"
cp "$work"/llama_cpp_python-"$version"/vendor/llama.cpp/models/templates/*.jinja "$folder/templates"/
echo "vocabularies: $(ls "$folder"/*.gguf | wc -l | tr -d ' ') in $folder"
