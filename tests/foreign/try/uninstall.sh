#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make install DESTDIR=` writes below DESTDIR what is in the prefix; `make uninstall` leaves nothing.
. "$srcdir/tests/foreign/common.sh"
need make
list() { (cd "$1" && find . ! -type d | LC_ALL=C sort); }
mkdir stage
quietly make -C "$prefix/../build" install DESTDIR="$work/stage"
list "$prefix" >wanted
list "stage$prefix" >found
quietly diff wanted found
if command -v install-info >/dev/null 2>&1 && [ -f "$prefix/share/info/etrace.info" ]; then
    grep -q '^\* etrace: (etrace)' "stage$prefix/share/info/dir" || fail "no line in the menu of info"
fi
quietly make -C "$prefix/../build" uninstall DESTDIR="$work/stage"
left=$(find stage ! -type d; find "stage$prefix" -name '*etrace*')
[ -z "$left" ] || fail "left: $left"
