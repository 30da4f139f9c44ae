#!/bin/sh
# Makes src/main/java/io/migratekit/nbd/libnbd/ anew from libnbd's header and libnbd.symbols.
#
# Run by hand; the build never does. It needs `jextract` on PATH and the header of libnbd 1.14
# (Debian 12: libnbd-dev), the oldest version we support: functions of later versions are probed
# by name in Handle. The checked-in files were made with jextract built from its source of
# 2026-08-21 (reports itself as 25) on libclang 14, from libnbd 1.14.2's header.
set -eu
cd "$(dirname "$0")"

command -v jextract >/dev/null || { echo "regenerate.sh: jextract is not on PATH" >&2; exit 1; }
header=${LIBNBD_HEADER:-/usr/include/libnbd.h}
[ -r "$header" ] || { echo "regenerate.sh: $header is missing (Debian: apt-get install libnbd-dev)" >&2; exit 1; }

symbols=$(mktemp)
trap 'rm -f "$symbols"' EXIT
grep -v -e '^#' -e '^$' libnbd.symbols > "$symbols"
rm -f src/main/java/io/migratekit/nbd/libnbd/*.java
jextract "@$symbols" --output src/main/java -t io.migratekit.nbd.libnbd \
    --header-class-name Libnbd -l :libnbd.so.0 "$header"
