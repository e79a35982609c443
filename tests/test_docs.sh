#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_docs.sh - every public declaration says what it is.
#
# In include/factor each struct, each function and each member that is a
# function has a comment before it or behind it.  A member or function
# directly below a documented one shares its comment: no empty line between.
# A comment that names a unit, an owner, errors or threads is for the reader
# to judge; that there is one is for this script.
. "$(dirname "$0")/tap.sh"

AWK=${AWK:-awk}

undocumented()
{
    "$AWK" -v file="$1" '
    # Lines of a comment, whole or the end of code.
    {
        line = $0
        opens = line ~ /\/\*/
        closes = line ~ /\*\//
        whole = in_comment || line ~ /^[ ]*\/\*/
        was_in_comment = in_comment
        if (opens && !closes)
            in_comment = 1
        else if (closes)
            in_comment = 0
        behind = opens && !whole
    }
    # A section line, "--- In plan_reads ---", is no comment of what follows.
    whole {
        if (!was_in_comment)
            section = line ~ /^[ ]*\/\* ---/
        if (!section)
            documented = 1
        next
    }
    line ~ /^[ ]*$/ {
        documented = 0
        next
    }
    function report(what) {
        print file ":" NR ": " what
    }
    # A definition of a struct; a mere announcement may say it behind.
    line ~ /^struct [a-z_]+ \{/ {
        if (!documented && !behind)
            report($2)
        documented = 0
        next
    }
    # A member that is a function: its comment covers all of its lines.
    line ~ /^[ ]+[A-Za-z_].*\(\*[a-z_]+\)\(/ {
        if (!documented && !behind)
            report(line)
    }
    # A function: starts in column 0, has a parenthesis, is no macro.
    line ~ /^[A-Za-z_][A-Za-z_0-9 *]*\(/ && line !~ /^(typedef|extern)/ &&
        line !~ /__attribute__/ {
        if (!documented && !behind)
            report(line)
    }
    line ~ /^\}/ {
        documented = 0
    }
    ' "$srcdir/$1"
}

# Macros that are more than a guard: some words before or behind.
undocumented_macros()
{
    "$AWK" -v file="$1" '
    /\*\// { documented = 1 }
    /^$/ { documented = 0 }
    /^#define / && $2 !~ /_H$/ && !/\/\*/ && !documented {
        print file ":" NR ": " $2
    }' "$srcdir/$1"
}

for header in $(sources include); do
    none "$header: structs and functions are explained" \
        "$(undocumented "$header")"
    none "$header: macros are explained" "$(undocumented_macros "$header")"
done
[ "$tap_number" -gt 0 ] || fail "there are headers" "none in include/"
finish
