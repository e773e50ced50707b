# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the scripts in try/ share.  In: $1, the prefix that etrace was installed into; $2, an empty
# folder; srcdir.  A script ends with 0, with 77 and a word where a tool is not there, or fails.
set -eu
prefix=$1
work=$2
here=$(cd "$srcdir/tests/foreign" && pwd)

# What a make around this one, or the user, said is not about these projects.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR CFLAGS LDFLAGS LIBS VERBOSE
unset ETRACE_GEN ETRACE_DATADIR ETRACE_GENFLAGS srcdir
LC_ALL=C
PATH=$prefix/bin:$PATH
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
LD_LIBRARY_PATH=$prefix/lib
ACLOCAL_PATH=$prefix/share/aclocal
CMAKE_PREFIX_PATH=$prefix
export LC_ALL PATH PKG_CONFIG_PATH LD_LIBRARY_PATH ACLOCAL_PATH CMAKE_PREFIX_PATH
cd "$work"

# End as skipped unless all of these are there.
need() {
    for tool; do
        command -v "$tool" >/dev/null 2>&1 || { echo "skipped: there is no $tool"; exit 77; }
    done
}

fail() {
    echo "failed: $*"
    exit 1
}

# The project $1 with the models and the program, in a folder of this name that becomes the current one.
project() {
    mkdir "$1"
    cp "$here/program/"* "$here/$1/"* "$1"
    cd "$1"
}

# The files that were written since the last call of mark, sorted, on one line.
mark() {
    sleep 0.05
    touch "$work/mark"
    sleep 0.05
}
written() {
    find "${1-.}" -newer "$work/mark" \( -name 'follower.[cho]' -o -name 'counter.[cho]' -o \
        -name '*follower.c.o' -o -name '*counter.c.o' -o -name 'main*.o' -o -name follow \) \
        -type f | sed 's,.*/,,; s/\.c\.o$/.o/; s/^.*_//' | LC_ALL=C sort | tr '\n' ' '
}

# Run $2... with its output in the log, which is shown if it fails.
quietly() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log"; fail "$*"; }
}

# $1 is the command that builds, $2 the folder that it builds in.  After a build, nothing is written
# by a second one, nor when a file changed that has no part in it.  When a file changed that one model
# was read from, this model is made again and the other is not; likewise for a header that was lost.
rebuilds() {
    mark
    quietly $1
    wrote "$2" "" "by a second build"
    echo >unrelated.yaml
    quietly $1
    wrote "$2" "" "for a file of nobody"
    for file in leaky.yaml "$(ls follower.yaml follower.etrace 2>/dev/null)"; do
        mark
        touch "$file"
        quietly $1
        wrote "$2" "follow follower.c follower.h follower.o main.o " "for $file"
    done
    mark
    quietly $1
    wrote "$2" "" "once more"
    mark
    find "$2" -name counter.h -exec rm {} +
    quietly $1
    wrote "$2" "counter.c counter.h counter.o follow main.o " "for a lost header"
}
wrote() {
    found=$(written "$1")
    [ "$found" = "$2" ] || { cat "$work/log"; fail "written $3: '$found', not '$2'"; }
}

# Run the program $1.
runs() {
    said=$("$@") || fail "$*: $said"
    [ "$said" = "it follows" ] || fail "$*: $said"
}
