#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
. "$srcdir/tests/foreign/common.sh"
need meson ninja pkg-config
project meson
quietly meson setup build
quietly ninja -C build
runs build/follow
rebuilds "ninja -C build" build
