#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_lists.sh - every file of the tree is in the distribution, and so
# in some list: the lists are written by hand.
. "$(dirname "$0")/tap.sh"

folders='include host plugin ctl testlib phone web conf doc tests bench .ci m4'

# Also what the build makes out of *.in, when it is done in the source tree.
in_tree()
{
    cd "$srcdir" || exit
    find $(ls -d $folders 2>/dev/null) -type f \
        ! -path '*/node_modules/*' ! -path '*/.deps/*' ! -path '*/.libs/*' \
        ! -name '*.o' ! -name '*.lo' ! -name '*.la' ! -name '*.a' \
        ! -name '*.log' ! -name '*.trs' ! -name .dirstamp ! -name '.*.sw?' \
        ! -name '*~' ! -name .gitignore |
        while read -r file; do
            [ -f "$file.in" ] || { [ -x "$file" ] && [ -f "$file.c" ]; } ||
                echo "$file"
        done | sort -u
}

listed()
{
    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
        make -s --no-print-directory -C "$builddir" print-distfiles |
        sort -u
}

in_list=$(listed)
[ -n "$in_list" ] || bail_out "make print-distfiles says nothing"
none "every file is in a list of some fragment" \
    "$(comm -23 <(in_tree) <(printf '%s\n' "$in_list"))"
finish
