#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is installed says what is true: the library exports what its headers declare, etrace.pc names what
# is there, libetrace(3) has every function, manual pages and snippets can be read.
. "$srcdir/tests/foreign/common.sh"
need nm pkg-config
functions() { sed -n 's/.* T //p' | LC_ALL=C sort -u; }
nm -g --defined-only "$prefix/lib/libetrace.a" | functions >archive
nm -D --defined-only "$prefix/lib/libetrace.so.0" | functions >shared
cat "$prefix"/include/etrace/*.h | tr -c 'A-Za-z0-9_' '\n' | LC_ALL=C sort -u >words
LC_ALL=C comm -12 archive words >declared
[ -s declared ] || fail "no function is declared"
quietly diff declared shared
while read -r name; do
    grep -q "$name" "$prefix/share/man/man3/libetrace.3" || fail "libetrace(3) has no $name"
done <shared

[ -f "$prefix/share/doc/etrace/examples/digits/model.yaml" ] || fail "no examples in share/doc/etrace"
for name in etrace_gen datadir templatedir schemadir runtimesrc; do
    path=$(pkg-config --variable=$name etrace)
    [ -e "$path" ] || fail "etrace.pc: $name is $path"
done
grep -q "ETR_ABI = $(pkg-config --variable=abi etrace) " "$prefix/include/etrace/etrace_info.h" ||
    fail "etrace.pc: abi"

if command -v mandoc >/dev/null 2>&1; then
    # They have no date.
    mandoc -T lint -W warning "$prefix"/share/man/man?/* 2>&1 | grep -v 'missing date' >lint || :
    [ ! -s lint ] || { cat lint; fail "manual pages"; }
fi
if command -v python3 >/dev/null 2>&1; then
    quietly python3 -m json.tool "$prefix/share/etrace/vscode/etrace.code-snippets"
fi
