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
quietly make -C "$prefix/../build" uninstall DESTDIR="$work/stage"
left=$(find stage ! -type d; find "stage$prefix" -name '*etrace*')
[ -z "$left" ] || fail "left: $left"
