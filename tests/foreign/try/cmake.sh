#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# CMake with make and with Ninja; a wrong call is refused with words.
. "$srcdir/tests/foreign/common.sh"
need cmake make
project cmake
quietly cmake -S . -B build -G "Unix Makefiles"
quietly cmake --build build
runs build/follow
rebuilds "cmake --build build" build
if command -v ninja >/dev/null 2>&1; then
    quietly cmake -S . -B ninja -G Ninja
    quietly cmake --build ninja
    runs ninja/follow
    rebuilds "cmake --build ninja" ninja
fi
refused() {
    cp "$here/cmake/CMakeLists.txt" .
    echo "$1" >>CMakeLists.txt
    if cmake -S . -B wrong >"$work/log" 2>&1; then fail "taken: $1"; fi
    tr -s ' \n' ' ' <"$work/log" | grep -q "$2" || { cat "$work/log"; fail "no word of '$2'"; }
}
refused 'etrace_generate(TARGET follow MODELS a.yaml b.yaml PREFIX p)' 'PREFIX is for one model'
refused 'etrace_generate(TARGET nobody MODELS a.yaml)' 'there is no target nobody'
refused 'etrace_generate(TARGET follow MODEL a.yaml)' 'MODELS model.yaml'
refused 'find_package(etrace 99 REQUIRED)' 'version "99"'
