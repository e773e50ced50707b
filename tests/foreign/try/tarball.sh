#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A tarball ships what was generated: it is built where libetrace is, but no etrace-gen.
. "$srcdir/tests/foreign/common.sh"
need autoreconf automake make pkg-config
project autotools
mv follower.yaml follower.etrace
mv counter.yaml counter.etrace
cp "$(pkg-config --variable=datadir etrace)/make/etrace.am" .
quietly autoreconf -fi
quietly ./configure
quietly make dist
cd "$work"
cp -R "$prefix" without
rm without/bin/etrace-gen
sed "s,^prefix=.*,prefix=$work/without," "$prefix/lib/pkgconfig/etrace.pc" \
    >without/lib/pkgconfig/etrace.pc
PATH=${PATH#"$prefix/bin:"}
PKG_CONFIG_PATH=$work/without/lib/pkgconfig
LD_LIBRARY_PATH=$work/without/lib
if command -v etrace-gen; then echo "skipped: etrace-gen is installed outside of the test"; exit 77; fi
gzip -dc autotools/follow-1.0.tar.gz | tar -xf -
mkdir build
cd build
quietly ../follow-1.0/configure
quietly make
runs ./follow
[ -z "$(find . -name '*.[ch]' ! -name config.h)" ] || fail "something was generated"
# Who changes a model is told what to install.
echo >>../follow-1.0/follower.etrace
if make >"$work/log" 2>&1; then fail "a changed model was ignored"; fi
grep -q "etrace-gen.*is missing" "$work/log" || { cat "$work/log"; fail "no word of etrace-gen"; }
