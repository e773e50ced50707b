#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A program in C++, with CMake; the model under a name of its own, in a folder of its own.
. "$srcdir/tests/foreign/common.sh"
need cmake make c++
project cpp
quietly cmake -S . -B build -G "Unix Makefiles" \
    -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Wconversion -Werror"
quietly cmake --build build
runs build/follow
[ -f build/generated/follower.h ] || fail "OUT_DIR is not honoured"
