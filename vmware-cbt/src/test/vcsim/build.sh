#!/bin/sh
# Builds vcsim into the user's cache unless one of this very source is there, and prints its path. Takes half a minute once.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/migratekit
version=$(sha256sum "$here/main.go")
program=$cache/vcsim-${version%"${version#????????????}"}
if [ ! -x "$program" ]; then
    echo "building vcsim" >&2
    mkdir -p "$cache"
    # Under a name of its own first: two builds at once must not see each other's half.
    GOCACHE=$cache/go-build GOPATH=/usr/share/gocode GO111MODULE=off go build -o "$program.$$" "$here/main.go"
    mv "$program.$$" "$program"
fi
echo "$program"
