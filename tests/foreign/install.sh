#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a packager does, in the folder $1: what is distributed, from a source folder that cannot be
# written, built in build/ and installed into prefix/.  In: ETRACE_BUILDDIR, a configured tree.
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR CFLAGS LDFLAGS LIBS VERBOSE
cd "$1"
make -s -C "$ETRACE_BUILDDIR" distdir distdir="$1/source"
chmod -R a-w source
mkdir build
cd build
# The compiler's time is not what this is about.
../source/configure -q --prefix="$1/prefix" CFLAGS=-O0
make -s -j2
make -s install
