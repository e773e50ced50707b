#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A plain makefile: also in parallel, from nothing, again and again.
. "$srcdir/tests/foreign/common.sh"
need make pkg-config
project make
quietly make
runs ./follow
rebuilds "make -j8" .
for round in 1 2 3 4 5 6 7 8 9 10; do
    rm -f follower.* counter.[ch] counter.etrace.d ./*.o follow
    cp "$here/program/follower.yaml" .
    quietly make -j8
    runs ./follow
    [ "$(grep -c etrace-gen "$work/log")" = 2 ] || fail "round $round: not one call for each model"
done
