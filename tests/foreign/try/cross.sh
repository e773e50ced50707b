#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# For another machine, whose libetrace is not there: etrace-gen is this machine's, the runtime is
# compiled from its sources.  The programs run where qemu is.
. "$srcdir/tests/foreign/common.sh"
for host in aarch64-linux-gnu arm-linux-gnueabihf riscv64-linux-gnu; do
    if command -v $host-gcc >/dev/null 2>&1; then break; fi
done
need $host-gcc make pkg-config
cpu=${host%%-*}
emulator="qemu-$cpu -L /usr/$host"
unset CC
on_target() {
    if ./"$1" >/dev/null 2>&1 && [ "$(uname -m)" != "$cpu" ]; then
        fail "$1 is a program of this machine"
    fi
    if command -v "qemu-$cpu" >/dev/null 2>&1; then runs $emulator "$1"; fi
}

project make
quietly make CC=$host-gcc 'ETRACE_LIBS=$(ETRACE_RUNTIME)/etrace.c -lm'
on_target follow
cd "$work"
if command -v autoreconf >/dev/null 2>&1; then
    project autotools
    mv follower.yaml follower.etrace
    mv counter.yaml counter.etrace
    cp "$(pkg-config --variable=datadir etrace)/make/etrace.am" .
    quietly autoreconf -fi
    quietly ./configure --host=$host
    quietly make
    on_target follow
    cd "$work"
fi
if command -v cmake >/dev/null 2>&1; then
    project cmake
    quietly cmake -S . -B build -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$cpu" \
        -DCMAKE_C_COMPILER=$host-gcc
    quietly cmake --build build
    on_target build/follow
fi
