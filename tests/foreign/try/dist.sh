#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is distributed has every file that is kept.
tree=$srcdir
. "$srcdir/tests/foreign/common.sh"
need git
git -C "$tree" ls-files >kept 2>/dev/null || { echo "skipped: the tests run in no clone"; exit 77; }
while read -r file; do
    case $file in .gitignore) continue ;; esac
    [ -f "$prefix/../source/$file" ] || echo "$file"
done <kept >missing
[ ! -s missing ] || fail "Makefile.am distributes no $(tr '\n' ' ' <missing)"
