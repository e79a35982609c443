#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_unit.sh - the systemd units: what systemd says of them.
. "$(dirname "$0")/tap.sh"

units=$(mktemp -d) || exit
trap 'rm -rf "$units"' EXIT

# As installed, but for the folder that programs are in.
fill_in()
{
    sed -e "s|@sbindir@|$builddir|g" -e 's|@sysconfdir@|/etc|g' \
        "$srcdir/conf/$1.in" >"$units/$1"
}

has()
{
    if grep -qxF "$1" "$units/factord.service"; then
        pass "K4: the unit says $1"
    else
        fail "K4: the unit says $1"
    fi
}

score()
{
    local name="the unit is exposed by at most 1.5" said
    if ! command -v systemd-analyze >/dev/null; then
        skip "$name" "there is no systemd-analyze"
    elif said=$(systemd-analyze security --offline=true --threshold=15 \
        --no-pager "$units/factord.service" 2>&1); then
        pass "$name"
    else
        fail "$name" "$(printf '%s\n' "$said" | grep -v '^✓')"
    fi
}

# The units as a whole are well-formed; programs are where this build has them.
well_formed()
{
    local name="systemd takes the units" said
    if ! command -v systemd-analyze >/dev/null; then
        skip "$name" "there is no systemd-analyze"
        return
    fi
    cp "$srcdir"/conf/*.socket "$units"
    said=$(systemd-analyze verify --man=no --recursive-errors=no \
        "$units"/* 2>&1)
    none "$name" "$said"
}

fill_in factord.service
has NoNewPrivileges=yes
has LimitCORE=0
has SystemCallFilter=@system-service
has 'SystemCallFilter=~@privileged @resources'
score
well_formed
finish
