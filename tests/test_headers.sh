#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_headers.sh - each public header compiles alone, as C11 and as
# C++17, with the warnings that a careful author of plugins has on.
. "$(dirname "$0")/tap.sh"

CC=${CC:-cc}
CXX=${CXX:-g++}
warnings='-Wall -Wextra -Wpedantic -Wconversion -Wundef -Werror'
command -v "${CXX%% *}" >/dev/null 2>&1 || CXX=none

# compiles LANGUAGE HEADER COMPILER...; $before is included before it.
before=
compiles()
{
    local language=$1 header=$2 said
    shift 2
    said=$(printf '%s\n#include "%s"\nextern int not_empty;\n' \
        "${before:+#include <$before>}" "$header" |
        "$@" $warnings -I"$srcdir/include" -x "$language" -fsyntax-only - 2>&1)
    if [ $? -eq 0 ]; then
        pass "$header ${before:+after $before }alone as $language"
    else
        fail "$header ${before:+after $before }alone as $language" "$said"
    fi
}

both()
{
    compiles c "$1" $CC -std=c11
    if [ "$CXX" = none ]; then
        skip "$1 alone as c++" "no C++ compiler"
    else
        compiles c++ "$1" $CXX -std=c++17
    fi
}

for path in $(sources include); do
    both "${path#include/}"
done
# These declare more for those who have jansson's values.
before=jansson.h
both factor/answer.h
both factor/plain.h

[ "$tap_number" -gt 0 ] || fail "there are headers" "none in include/"
finish
