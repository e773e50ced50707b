#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In: AWK, the version, and documents.  Out: the info manual, as texinfo: a chapter a document.
set -eu
awk=$1
version=$2
shift 2
here=$(dirname "$0")

cat <<END
\\input texinfo
@documentencoding UTF-8
@settitle etrace-gen $version
@dircategory Software development
@direntry
* etrace: (etrace).             C of recurrent networks that learn online.
@end direntry
@titlepage
@title etrace-gen
@end titlepage
@contents
@node Top
@top etrace-gen
etrace-gen reads a recurrent network from a YAML file and writes C for exactly that network: the step, its
Jacobians, and an online learning rule that works with eligibility traces.  The options of the program are in
its manual page, etrace-gen(1).
@menu
END
# The names are those that convert.awk gives to nodes.
for document; do
    sed -n '1s/^# //p' "$document" | tr -cd 'A-Za-z0-9 \n-' | sed 's/.*/* &::/'
done
echo '@end menu'
for document; do
    "$awk" -v to=texinfo -f "$here/convert.awk" "$document"
done
echo '@bye'
