#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_style.sh - the house style, as far as a script can see it.
#
# A function may be longer than its limit only by name: see the list in
# tests/long_functions, which wants a reason for each.
. "$(dirname "$0")/tap.sh"

AWK=${AWK:-awk}
longest_function=80
longest_line=80
longest_example=80

code_folders='include host passcode push plugin ctl testlib phone'
all_folders="$code_folders tests bench"

stripped=$(mktemp -d) || exit
trap 'rm -rf "$stripped"' EXIT

# One stripped copy of each file, searched by all that follows.
strip_all()
{
    local file
    for file in $(sources $all_folders); do
        mkdir -p "$stripped/${file%/*}"
        "$AWK" -f "$srcdir/tests/strip.awk" "$srcdir/$file" \
            >"$stripped/$file"
    done
}

# search PATTERN FOLDER... : "file:line:text" in stripped code.
search()
{
    local pattern=$1 folder
    shift
    for folder; do
        [ ! -d "$stripped/$folder" ] ||
            (cd "$stripped" && grep -rnE -- "$pattern" "$folder")
    done | sort
}

# calls NAMES FOLDER... : calls of functions by these names, not of members.
calls()
{
    local names
    names=$(echo $1 | tr ' ' '|')
    shift
    search "(^|[^A-Za-z0-9_.>])($names)[ ]*\\(" "$@"
}

# but PATTERN: all lines whose file is not excepted.
but()
{
    grep -vE "^($1):"
}

banned_calls()
{
    none "no call that overruns, splits in place or takes a shell" \
        "$(calls 'strcpy strcat stpcpy sprintf vsprintf gets strtok atoi atol
            atoll atof system popen alloca' $all_folders)"
    none "no randomness from rand" \
        "$(calls 'rand srand random srandom drand48 rand_r' $all_folders)"
    none "time and chance come from host/clock.c" \
        "$(calls 'time clock clock_gettime gettimeofday timespec_get getrandom
            getentropy arc4random arc4random_buf RAND_bytes RAND_priv_bytes' \
            include host plugin ctl | but 'host/clock\.c')"
    none "adapters do not allocate for themselves" \
        "$(calls 'malloc realloc reallocarray strdup strndup asprintf
            vasprintf' plugin | grep '^plugin/adapter-')"
    none "nothing but main.c prints" \
        "$(calls 'printf puts putchar vprintf' host plugin |
            but 'host/main\.c')"
}

banned_forms()
{
    none "no // comments" "$(search '//' $all_folders)"
    none "structs by tag, no typedef" \
        "$(search '^[ ]*typedef +(struct|union|enum)' $code_folders)"
    none "no tabs" "$(search $'\t' $all_folders)"
}

# grep_all PATTERN: as search, in the files as they are.
grep_all()
{
    local file
    for file in $(sources $all_folders); do
        grep -nE -- "$1" "$srcdir/$file" | sed "s|^|$file:|"
    done
}

layout()
{
    local file
    none "no space at a line's end" "$(grep_all '[ '$'\t'']+$')"
    none "no line over $longest_line columns" "$(
        for file in $(sources $all_folders); do
            # Bytes that continue a UTF-8 character take no column.
            sed 's/[\x80-\xbf]//g' "$srcdir/$file" |
                "$AWK" -v max="$longest_line" -v file="$file" \
                    'length($0) > max { print file ":" NR ": " length($0) }'
        done)"
    none "every file opens with its licence and its purpose" "$(
        for file in $(sources $all_folders); do
            "$AWK" -v file="$file" '
                NR == 1 && !/^\/\* SPDX-License-Identifier: / { bad = 1 }
                NR == 2 && index($0, "/* " file " - ") != 1 &&
                    index("include/" substr($0, 4), file " - ") != 1 {
                    bad = 1 }
                NR == 2 { exit }
                END { if (bad) print file }' "$srcdir/$file"
        done)"
}

# "file:name lines" of each function over the limit.
long_functions()
{
    local file
    for file in $(sources $all_folders); do
        "$AWK" -v max="$longest_function" -v file="$file" '
            # The name stands in column 0, its type on the line before.
            /^[A-Za-z_][A-Za-z0-9_]*\(/ { name = $0; sub(/\(.*/, "", name) }
            /^\{/ { start = NR }
            /^\}/ && start {
                if (NR - start - 1 > max)
                    print file ":" name, NR - start - 1
                start = 0
            }' "$stripped/$file"
    done
}

function_length()
{
    local list=$srcdir/tests/long_functions found named
    found=$(long_functions)
    named=$(sed '/^#/d;/^$/d' "$list")
    none "no function over $longest_function lines but those named" "$(
        printf '%s\n' "$found" | while read -r function lines; do
            [ -z "$function" ] ||
                printf '%s\n' "$named" | grep -q "^$function [^ ]" ||
                echo "$function has $lines lines"
        done)"
    none "every named exception is still needed" "$(
        printf '%s\n' "$named" | while read -r function reason; do
            [ -z "$function" ] ||
                printf '%s\n' "$found" | grep -q "^$function " ||
                echo "$function"
        done)"
}

# The example is whole, and stays small enough to be read in one go.
example_length()
{
    local file=plugin/adapter-example/example.c lines
    lines=$(grep -c '[^[:space:]]' "$stripped/$file")
    if [ "$lines" -gt 0 ] && [ "$lines" -le "$longest_example" ]; then
        pass "the example adapter is within $longest_example lines of code"
    else
        fail "the example adapter is within $longest_example lines of code" \
            "$file has $lines"
    fi
    none "the example adapter has one statement a line" "$(
        sed 's/for ([^)]*)//' "$stripped/$file" | grep -nE ';[ ]*[^ ]')"
}

# Return type on its own line, name in column 0: grep '^name(' finds it.
definitions()
{
    local file
    none "a definition's name stands in column 0" "$(
        for file in $(sources $all_folders); do
            "$AWK" -v file="$file" '
                /^[a-z][A-Za-z0-9_ ]*[ *][a-z_0-9]+\(/ { head = NR ": " $0 }
                /;/ || /^$/ { head = "" }
                /^\{/ && head != "" { print file ":" head; head = "" }' \
                "$stripped/$file"
        done)"
}

strip_all
banned_calls
banned_forms
layout
definitions
function_length
example_length
finish
