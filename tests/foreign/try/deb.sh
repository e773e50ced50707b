#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian packages: they are built, lintian is silent, and what is in them works together.
. "$srcdir/tests/foreign/common.sh"
need make
status=0
"$prefix/../source/packaging/deb" "$prefix/../source" "$work" || status=$?
[ $status = 0 ] || exit $status
[ ! -s lintian.log ] || { cat lintian.log; fail "lintian is not silent"; }
for package in etrace-gen_ libetrace0_ libetrace-dev_; do
    dpkg-deb -x $package*.deb root
done
PATH=$work/root/usr/bin:${PATH#"$prefix/bin:"}
lib=$(dirname "$work"/root/usr/lib/*/libetrace.so)
LD_LIBRARY_PATH=$lib
need cmake
CMAKE_PREFIX_PATH=$work/root/usr
project cmake
quietly cmake -S . -B build -Detrace_DIR="$lib/cmake/etrace"
quietly cmake --build build
runs build/follow
ldd build/follow | grep -q "$work/root.*libetrace.so.0" || fail "another libetrace is linked"
grep -q "$work/root/usr/bin/etrace-gen" build/CMakeCache.txt || fail "another etrace-gen was run"
