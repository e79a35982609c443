#!/bin/sh
# SPDX-License-Identifier: MIT
# doc/settings.sh - factord.conf(5): the lines @host@ and @plugins@ of its
# template replaced by the settings that the programs declare.
#
#     settings.sh ./factord CONFIG TEMPLATE PLUGIN...
set -eu

factord=$1
config=$2
template=$3
shift 3

plugins()
{
    for plugin in "$@"; do
        echo ".Sh SETTINGS OF $(echo "$plugin" | tr 'a-z' 'A-Z')"
        "$factord" --config "$config" --print-manual "$plugin"
    done
}

while IFS= read -r line; do
    case $line in
    @host@) "$factord" --print-manual host ;;
    @plugins@) plugins "$@" ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$template"
