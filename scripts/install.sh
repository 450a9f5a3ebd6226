#!/bin/sh
# Installs the program BINARY, what shells complete with it, and its manual page below PREFIX:
#   scripts/install.sh BINARY PREFIX
# DESTDIR, if set, is put in front of PREFIX, as packagers expect.
set -eu
binary=$1
prefix=${DESTDIR:-}$2

# Generated first, so that nothing is installed if the program doesn't run.
generated=$(mktemp -d)
trap 'rm -rf "$generated"' EXIT
"$binary" completions bash > "$generated/lunette"
"$binary" completions zsh > "$generated/_lunette"
"$binary" completions fish > "$generated/lunette.fish"
"$binary" man > "$generated/lunette.1"

put() {
    mkdir -p "$(dirname "$3")"
    install -m "$1" "$2" "$3"
    echo "installed: $3"
}
put 755 "$binary" "$prefix/bin/lunette"
put 644 "$generated/lunette" "$prefix/share/bash-completion/completions/lunette"
put 644 "$generated/_lunette" "$prefix/share/zsh/site-functions/_lunette"
put 644 "$generated/lunette.fish" "$prefix/share/fish/vendor_completions.d/lunette.fish"
put 644 "$generated/lunette.1" "$prefix/share/man/man1/lunette.1"
