#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A prefix that was moved as a whole: the program reads the templates beside it, CMake finds the rest.
. "$srcdir/tests/foreign/common.sh"
cp -R "$prefix" moved
echo '/* moved */' >>moved/share/etrace/templates/model.c.m4
moved/bin/etrace-gen -d . "$here/program/counter.yaml"
grep -q "/\* moved \*/" counter.c || fail "other templates were read"
PATH=$work/moved/bin:${PATH#"$prefix/bin:"}
etrace-gen -d . "$here/program/counter.yaml"
grep -q "/\* moved \*/" counter.c || fail "other templates were read, through PATH"
need cmake make
CMAKE_PREFIX_PATH=$work/moved
LD_LIBRARY_PATH=$work/moved/lib
project cmake
quietly cmake -S . -B build
quietly cmake --build build
runs build/follow
grep -q "/\* moved \*/" build/counter.c || fail "CMake found another etrace-gen"
