#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_phone_library.sh - the phone's library does no I/O of its own:
# what it imports is on a list; and its header stands alone.
. "$(dirname "$0")/tap.sh"

CC=${CC:-cc}
CXX=${CXX:-g++}
command -v "${CXX%% *}" >/dev/null 2>&1 || CXX=none
archive=$builddir/phone/.libs/libfactor-phone.a
[ -f "$archive" ] || bail_out "phone/libfactor-phone.la is not built"

# No file, socket, clock, environment, process or locale.  explicit_bzero and
# malloc_usable_size are of factor_phone_wipe_json.
allowed='
    mem(chr|cmp|cpy|move|set) bcmp explicit_bzero malloc_usable_size
    str(n?cmp|len|chr|str|spn|cspn|dup|rchr)
    v?snprintf
    malloc calloc free reallocarray
    __[a-z_]+_chk __stack_chk_fail _GLOBAL_OFFSET_TABLE_
    json_[a-z_]+ jsonp_[a-z_]+
    oath_(totp_generate|base32_decode)
    (ASN1|BN|EC|ECDSA|ERR|EVP|OPENSSL|OSSL|SHA256)_?[A-Za-z0-9_]*
    d2i_ECDSA_SIG SHA256
    (factor_)?phone_[a-z0-9_]+
'
sanitizer='(__(asan|ubsan|tsan|sanitizer|lsan)_[a-z0-9_]+)'
pattern="^($(echo $allowed | tr ' ' '|'))\$"
# jansson reads and writes files, too.
files='^json_(load|dump)(_file|f|fd)$'

imports()
{
    symbols -u "$archive" | awk '$1 == "U" { print $2 }' | sort -u
}

none "the library imports nothing that is I/O" "$(
    imports | grep -vE "$pattern" |
        { if sanitized; then grep -vE "^$sanitizer\$"; else cat; fi; })"
none "the library takes no files from jansson" "$(imports | grep -E "$files")"
none "the library takes no randomness from OpenSSL" \
    "$(imports | grep -E '^(RAND_|EC_KEY_generate|EVP_(EC|PKEY_Q?)_?(key)?gen)')"

# header LANGUAGE COMPILER...
header()
{
    local language=$1 said
    shift
    said=$(printf '#include "phone/phone.h"\nextern int not_empty;\n' |
        "$@" -Wall -Wextra -Wpedantic -Wconversion -Wundef -Werror \
            -I"$srcdir" -x "$language" -fsyntax-only - 2>&1)
    if [ $? -eq 0 ]; then
        pass "phone/phone.h alone as $language"
    else
        fail "phone/phone.h alone as $language" "$said"
    fi
}

header c $CC -std=c11
if [ "$CXX" = none ]; then
    skip "phone/phone.h alone as c++" "no C++ compiler"
else
    header c++ $CXX -std=c++17
fi
finish
