#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_headers.sh - each public header compiles alone, as C11 and as
# C++17, with the warnings that a careful author of plugins has on.
. "$(dirname "$0")/tap.sh"

CC=${CC:-cc}
CXX=${CXX:-g++}
warnings='-Wall -Wextra -Wpedantic -Wconversion -Wundef -Werror'
command -v "${CXX%% *}" >/dev/null 2>&1 || CXX=none

compiles()
{
    local language=$1 header=$2 said
    shift 2
    said=$(printf '#include "%s"\nextern int not_empty;\n' "$header" |
        "$@" $warnings -I"$srcdir/include" -x "$language" -fsyntax-only - 2>&1)
    if [ $? -eq 0 ]; then
        pass "$header alone as $language"
    else
        fail "$header alone as $language" "$said"
    fi
}

for path in $(sources include); do
    header=${path#include/}
    compiles c "$header" $CC -std=c11
    if [ "$CXX" = none ]; then
        skip "$header alone as c++" "no C++ compiler"
    else
        compiles c++ "$header" $CXX -std=c++17
    fi
done

[ "$tap_number" -gt 0 ] || fail "there are headers" "none in include/"
finish
