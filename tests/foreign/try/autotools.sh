#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The autotools: in the tree, beside it, `make distcheck`, and with the runtime's sources.
. "$srcdir/tests/foreign/common.sh"
need autoreconf automake make pkg-config
project autotools
mv follower.yaml follower.etrace
mv counter.yaml counter.etrace
cp "$(pkg-config --variable=datadir etrace)/make/etrace.am" .
quietly autoreconf -fi
mkdir beside sources
(cd beside && quietly ../configure && quietly make -j8)
runs beside/follow
rebuilds "make -j8 -C beside" beside
(cd sources && quietly ../configure --without-etrace-library && quietly make -j8)
runs sources/follow
if ldd sources/follow 2>/dev/null | grep libetrace; then fail "libetrace is linked"; fi
rm -rf beside sources
quietly ./configure
quietly make -j8
runs ./follow
rebuilds make .
quietly make distcheck
