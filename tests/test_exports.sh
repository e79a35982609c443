#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_exports.sh - what the built objects export and how they are
# hardened, and which way the includes point.
. "$(dirname "$0")/tap.sh"

entry=factor_plugin_v1

object_of()
{
    echo "$builddir/.libs/$1.so"
}

# The executables of this build that exist, with their paths.
programs()
{
    local name
    for name in ${FACTOR_PROGRAMS-factord factorctl factor-step}; do
        [ ! -x "$builddir/$name" ] || echo "$builddir/$name"
    done
}

# ------------------------------------------------------------ one symbol

exports_one_symbol()
{
    local name object seen
    for name in $(plugins); do
        object=$(object_of "$name")
        if [ ! -f "$object" ]; then
            fail "$name is built" "no $object"
            continue
        fi
        seen=$(symbols -D --defined-only "$object" |
            awk '$NF != "'$entry'" { print $NF }')
        none "$name exports nothing but $entry" "$seen"
        if symbols -D --defined-only "$object" | grep " T $entry\$" >/dev/null; then
            pass "$name exports $entry"
        else
            fail "$name exports $entry"
        fi
    done
}

# Objects that nobody lists: left over, or never tested.
no_strays()
{
    local object name strays=
    for object in "$builddir"/.libs/{adapter,delivery,source,store}-*.so; do
        [ -e "$object" ] || continue
        name=$(basename "$object" .so)
        plugins | grep -qx -- "$name" || strays+="$object"$'\n'
    done
    none "every plugin object belongs to a listed plugin" "${strays%$'\n'}"
}

# The ABI's major stands in four places.
one_major()
{
    local header symbol map pc bad=
    header=$(sed -n 's/^#define FACTOR_ABI_MAJOR \([0-9]*\)u\{0,1\}$/\1/p' \
        "$srcdir/include/factor/base.h")
    symbol=$(sed -n 's/^#define FACTOR_ENTRY_SYMBOL "\(.*\)"$/\1/p' \
        "$srcdir/include/factor/plugin.h")
    map=$(sed -n 's/^ *global: \(.*\);$/\1/p' \
        "$srcdir/include/factor-plugin.map")
    pc=$(sed -n 's/^abi_major=//p' "$builddir/include/factor-plugin.pc")
    [ "$symbol" = "factor_plugin_v$header" ] ||
        bad+="base.h says $header, plugin.h $symbol"$'\n'
    [ "$map" = "$symbol" ] || bad+="the map has $map"$'\n'
    [ "$pc" = "$header" ] || bad+="factor-plugin.pc has $pc"$'\n'
    [ "$symbol" = "$entry" ] || bad+="this test has $entry"$'\n'
    none "headers, map and pkg-config agree on the ABI" "${bad%$'\n'}"
}

# ----------------------------------------------------- include direction

# includes FOLDER: "file:line:name" of each quoted include below a folder.
includes()
{
    local file
    for file in $(sources "$1"); do
        sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p;t
            s/.*//p' "$srcdir/$file" |
            awk -v file="$file" '/./ { print file ":" NR ":" $0 }'
    done
}

# only FOLDER PATTERN: quoted includes below a folder match the pattern.
only()
{
    [ -d "$srcdir/$1" ] || return 0
    none "$1 includes only $3" \
        "$(includes "$1" | awk -F: '$3 !~ /'"${2//\//\\/}"'/')"
}

include_direction()
{
    local folder
    only include '^factor/' 'factor/'
    only host '^(host/|factor/|config\.h$)' 'host/ and factor/'
    for folder in "$srcdir"/plugin/*/; do
        [ -d "$folder" ] || continue
        folder=plugin/$(basename "$folder")
        only "$folder" "^($folder/|factor/|passcode/|push/|config\.h$)" \
            "itself, factor/, passcode/ and push/"
    done
    only ctl '^(ctl/|factor/|config\.h$)' 'ctl/ and factor/'
    only phone '^(phone/|factor/|config\.h$)' 'phone/ and factor/'
    only testlib '^(testlib/|host/|factor/|factor-test|config\.h$)' \
        'testlib/, host/ and factor/'
}

# The contract stands on the C library alone.
contract_is_bare()
{
    local file
    only passcode "^passcode/" "itself"
    only push '^(push/|factor/)' 'itself and factor/'
    none "include/factor includes nothing but C's own headers" "$(
        for file in $(sources include); do
            grep -nE '^[ \t]*#[ \t]*include[ \t]*<' "$srcdir/$file" |
                grep -vE '<(std(def|int|bool|arg|io)|string)\.h>' | sed "s|^|$file:|"
        done)"
}

# --------------------------------------------------------------- hardening

# each NAME OBJECT-LIST COMMAND...: the command, given each object, succeeds.
each()
{
    local name=$1 objects=$2 object bad=
    shift 2
    for object in $objects; do
        "$@" "$object" || bad+="$object"$'\n'
    done
    none "$name" "${bad%$'\n'}"
}

is_bound_now()
{
    elf -dW "$1" | grep -E '\(BIND_NOW\)|\(FLAGS_1\).*NOW' >/dev/null
}

has_relro()
{
    elf -lW "$1" | grep GNU_RELRO >/dev/null
}

has_no_exec_stack()
{
    elf -lW "$1" | grep 'GNU_STACK.* RW ' >/dev/null
}

has_no_text_relocation()
{
    ! elf -dW "$1" | grep '(TEXTREL)' >/dev/null
}

is_pie()
{
    elf -dW "$1" | grep '(FLAGS_1).*PIE' >/dev/null
}

has_stack_protector()
{
    symbols -D -u "$1" | grep ' __stack_chk_fail' >/dev/null
}

# Under sanitizers, which go without it, each check says that it is skipped.
harden()
{
    if [ -n "$unhardened" ]; then
        skip "$1" "$unhardened"
    else
        each "$@"
    fi
}

hardening()
{
    local objects executables unhardened=
    objects=$(for name in $(plugins); do object_of "$name"; done)
    executables=$(programs)
    [ -n "$objects$executables" ] || bail_out "nothing is built"
    ! sanitized || unhardened='sanitizers are on'
    [ "${FACTOR_HARDENING:-yes}" != no ] || unhardened='--disable-hardening'
    harden "bound at start" "$objects $executables" is_bound_now
    harden "relocations read-only" "$objects $executables" has_relro
    harden "stack not executable" "$objects $executables" has_no_exec_stack
    harden "text never relocated" "$objects $executables" \
        has_no_text_relocation
    harden "executables are position independent" "$executables" is_pie
    harden "the daemon has a stack protector" \
        "$(printf '%s\n' "$executables" | grep '/factord$')" \
        has_stack_protector
}

one_major
exports_one_symbol
no_strays
include_direction
contract_is_bare
hardening
finish
