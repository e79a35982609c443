#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_outside.sh - a plugin is built outside of the tree, against what
# is installed and nothing else; the plugin is that of doc/plugin-guide.md.
#
# In the guide a comment before a block of code says what it is:
#     <!-- file: NAME -->    is written to NAME
#     <!-- run -->           is run by the shell
#     <!-- from: FILE -->    stands in FILE of the tree, word for word
. "$(dirname "$0")/tap.sh"

MAKE=${MAKE:-make}
CC=${CC:-cc}
NM=${NM:-nm}
guide=$srcdir/doc/plugin-guide.md
work=$builddir/outside

# block N: the N-th marked block of the guide; marks: one mark a line.
block()
{
    awk -v wanted="$1" '
        /^<!-- (file: .*|run|from: .*) -->$/ { armed = 1; next }
        /^```/ && armed { armed = 0; open = 1; n++; next }
        /^```/ { open = 0 }
        open && n == wanted' "$guide"
}

marks()
{
    sed -n 's/^<!-- \(file: .*\|run\|from: .*\) -->$/\1/p' "$guide"
}

make_install()
{
    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS "$MAKE" -s -C "$builddir" \
        install DESTDIR="$work/root" >"$work/install.log" 2>&1
}

# Everything below sees the installed tree alone, through pkg-config, as the
# author of a package does.
enter_root()
{
    local pc
    pc=$(find "$work/root" -name factor-plugin.pc | head -n 1)
    [ -n "$pc" ] || bail_out "factor-plugin.pc was not installed"
    export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$work/root
    # The guide says cc; what was installed wants the compiler of the build.
    mkdir -p "$work/bin"
    printf '#!/bin/sh\nexec %s "$@"\n' "$CC" >"$work/bin/cc"
    chmod +x "$work/bin/cc"
    PATH=$(dirname "$(find "$work/root" -name factor-step)"):$PATH
    export PATH=$work/bin:$PATH
    # Flags that an installed library made with sanitizers needs.
    export LDFLAGS=
    [ "${FACTOR_ASAN:-no}" = yes ] && LDFLAGS='-fsanitize=address,undefined'
    [ "${FACTOR_TSAN:-no}" = yes ] && LDFLAGS='-fsanitize=thread'
    return 0
}

# The text of block N stands in the file.
quoted()
{
    awk -v RS='\001' '
        NR == FNR { quote = $0; next }
        index($0, quote) { found = 1 }
        END { exit !found }' <(block "$1") "$2"
}

follow_the_guide()
{
    local n=0 mark said
    while read -r mark; do
        n=$((n + 1))
        case $mark in
        file:*)
            block $n >"$work/author/${mark#file: }"
            ;;
        from:*)
            if quoted $n "$srcdir/${mark#from: }"; then
                pass "block $n of the guide stands in ${mark#from: }"
            else
                fail "block $n of the guide stands in ${mark#from: }"
            fi
            ;;
        run)
            block $n >"$work/author/run-$n.sh"
            if said=$(cd "$work/author" && bash -eu "run-$n.sh" 2>&1); then
                pass "block $n of the guide runs"
            else
                fail "block $n of the guide runs" "$said"
            fi
            ;;
        esac
    done < <(marks)
}

rm -rf "$work"
mkdir -p "$work/author" "$work/root"
if grep -q 'FACTOR_TEST_CLOCK' "$builddir/Makefile" &&
    grep -q '^TEST_CLOCK_CPPFLAGS = -D' "$builddir/Makefile"; then
    skip "a plugin is built outside of the tree" "a test-clock build"
    finish
fi
make_install || bail_out "make install failed, see $work/install.log"
enter_root
follow_the_guide
# $NM may be a command with an option.
exported=$($NM -D --defined-only "$work/author/adapter-terms.so" |
    awk '{ print $NF }')
if [ "$exported" = factor_plugin_v1 ]; then
    pass "the plugin exports its entry and nothing else"
else
    fail "the plugin exports its entry and nothing else" "$exported"
fi
[ "$tap_number" -gt 4 ] || fail "the guide has blocks to follow"
[ "$tap_failed" -eq 0 ] && rm -rf "$work"
finish
