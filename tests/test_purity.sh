#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/test_purity.sh - adapters are pure: what they import is on a list, and
# they keep nothing that changes.
#
# The list says what is allowed, so that a call nobody thought of is refused:
# no clock, file, socket, process, randomness, environment, locale, logging
# or allocation.  An addition here wants a reason beside it.
. "$(dirname "$0")/tap.sh"


allowed='
    mem(chr|cmp|cpy|mem|move|rchr|set) explicit_bzero
    str(n?cmp|n?len|n?casecmp|r?chr|chrnul|str|spn|cspn|pbrk|n?cpy|toll?|toull?)
    stp(n?cpy)
    __isoc23_strto(l|ll|ul|ull) __isoc99_sscanf sscanf
    v?snprintf
    qsort bsearch abort
    __assert_fail
    __ctype_(b|tolower|toupper)_loc
    __[a-z]+_chk __explicit_bzero_chk __stack_chk_fail
    __cxa_finalize __gmon_start__ _ITM_(de)?registerTMCloneTable
    __errno_location
'
# The instance, made by init and released by fini.  What a step needs comes
# from host->alloc: malloc, realloc and strdup stay out.
allowed+='
    calloc free
'
# jansson: values in memory; neither files nor its global settings.
allowed+='
    json_(array|object|string|integer|real|true|false|null|boolean)(_[a-z_]+)?
    json_(n?string|vs?printf|sprintf)(_[a-z]+)?
    json_(u|v)?n?pack(_ex)? json_v?unpack(_ex)? json_delete json_equal
    json_(deep_)?copy json_number_value json_dumps json_dumpb json_loadb
    json_loads
'
# liboath: the computations; not its users file, which is a file with a lock.
allowed+='
    oath_(hotp|totp)_(generate|validate)[0-9a-z_]*
    oath_(hex2bin|bin2hex|base32_decode|base32_encode|strerror_name)
'
# The bytes of an address that is written out.
allowed+='
    inet_pton
'
# A hash of what is in the arguments; libxcrypt with the caller sized memory.
allowed+='
    crypt_r crypt_rn crypt_gensalt_rn crypt_checksalt
    CRYPTO_memcmp OPENSSL_cleanse SHA(1|256|512) HMAC EVP_sha(1|256|512)
    EVP_Digest((Init|Final)_ex|Update)? EVP_MD_CTX_(new|free)
'
# Whether a text is a private key: read from memory, with a callback that has no
# passphrase, so that nobody is asked for one.
allowed+='
    BIO_(new_mem_buf|free) PEM_read_bio_PrivateKey
    EVP_PKEY_(free|get_group_name)
'

sanitizer='__(asan|ubsan|tsan|sanitizer|lsan)_[a-z0-9_]+'
pattern="^($(echo $allowed | tr ' ' '|'))\$"

imports()
{
    symbols -D -u "$1" | awk '{ print $NF }' | sed 's/@.*//' | sort -u
}

# Data that can be written: .data and .bss, but for the linker's own.
writable()
{
    elf -SW "$1" | sed -n 's/^ *\[ *\([0-9]*\)\] \(\.[a-z.]*\) .*/\1 \2/p' |
        awk '$2 == ".data" || $2 == ".bss" || $2 ~ /^\.tdata|^\.tbss/ {
                 print $1 }' |
        while read -r section; do
            elf -sW "$1" | awk -v section="$section" '
                ($4 == "OBJECT" || $4 == "TLS") && $7 == section { print $8 }'
        done | grep -vE '^(completed\.[0-9]+|__dso_handle|__TMC_END__)$' |
        sort -u
}

count=0
for name in $(plugins); do
    case $name in
    adapter-*) ;;
    *) continue ;;
    esac
    object=$builddir/.libs/$name.so
    if [ ! -f "$object" ]; then
        fail "$name is built" "no $object"
        continue
    fi
    count=$((count + 1))
    none "$name imports only what a pure function needs" \
        "$(imports "$object" | grep -vE "$pattern" |
            { if sanitized; then grep -vE "^$sanitizer\$"; else cat; fi; })"
    if sanitized; then
        skip "$name has no data that changes" "sanitizers keep their own"
    else
        none "$name has no data that changes" "$(writable "$object")"
    fi
done
[ "$count" -gt 0 ] || fail "there is an adapter to test" "none is built"
finish
