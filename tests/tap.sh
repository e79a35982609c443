# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# tests/tap.sh - TAP for script tests; sourced by them.
#
# A test prints its plan last, by finish.  Run by hand:
#     FACTOR_BUILDDIR=build bash tests/test_NAME.sh

set -u
export LC_ALL=C

srcdir=${FACTOR_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
builddir=${FACTOR_BUILDDIR:-$srcdir/build}
tap_number=0
tap_failed=0

pass()
{
    tap_number=$((tap_number + 1))
    echo "ok $tap_number - $1"
}

# fail NAME [TEXT]: each line of the text says what offends.
fail()
{
    tap_number=$((tap_number + 1))
    tap_failed=1
    [ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
    echo "not ok $tap_number - $1"
}

skip()
{
    tap_number=$((tap_number + 1))
    echo "ok $tap_number - $1 # SKIP $2"
}

# none NAME OFFENDERS: passes if there are no offenders.
none()
{
    if [ -z "$2" ]; then
        pass "$1"
    else
        fail "$1" "$2"
    fi
}

bail_out()
{
    echo "Bail out! $1"
    exit 1
}

finish()
{
    echo "1..$tap_number"
    exit "$tap_failed"
}

# sources FOLDER... : the C files and headers below these folders, relative
# to the top; folders that are not there (yet) hold none.
sources()
{
    local folder
    for folder; do
        [ ! -d "$srcdir/$folder" ] ||
            (cd "$srcdir" && find "$folder" -name node_modules -prune -o \
                -name '*.[ch]' -type f -print)
    done | sort
}

# The plugins of this build, by name, without an ending.
plugins()
{
    local object
    if [ -n "${FACTOR_PLUGINS+set}" ]; then
        printf '%s\n' $FACTOR_PLUGINS
    else
        for object in "$builddir"/.libs/*-*.so; do
            [ ! -e "$object" ] || basename "$object" .so
        done
    fi
}

sanitized()
{
    [ "${FACTOR_ASAN:-no}" = yes ] || [ "${FACTOR_TSAN:-no}" = yes ]
}

# nm and readelf.  A tool that fails would make the absence of a symbol look
# proven: it ends the test.  $$ is the script itself, from any subshell.
trap 'bail_out "nm or readelf failed"' TERM

must()
{
    "$@" || kill -TERM $$
}

symbols()
{
    must ${NM:-nm} "$@"
}

elf()
{
    must ${READELF:-readelf} "$@"
}
