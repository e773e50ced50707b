#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The module of Zephyr, in an application that is built by a stand-in for Zephyr.
. "$srcdir/tests/foreign/common.sh"
need cmake make
project zephyr
ZEPHYR_BASE=$here/zephyr-base
export ZEPHYR_BASE
quietly cmake -S . -B build -G "Unix Makefiles"
quietly cmake --build build
runs build/follow
