/* SPDX-License-Identifier: MIT */
/* tests/otp_codes.c - prints TOTP codes of the adapter's core, one a line:
 * algorithm, secret in base32, digits, time, code. */
#include <stdio.h>

#include "passcode/passcode.h"

static const char *const names[] = {
    [PASSCODE_SHA1] = "SHA1",
    [PASSCODE_SHA256] = "SHA256",
    [PASSCODE_SHA512] = "SHA512",
};
static const size_t key_lens[] = {
    [PASSCODE_SHA1] = 20,
    [PASSCODE_SHA256] = 32,
    [PASSCODE_SHA512] = 48,
};

static void
print_code(const struct passcode_totp *totp, int64_t time_s)
{
    char secret[2 * PASSCODE_KEY_MAX], code[PASSCODE_SIZE] = "";

    passcode_base32(totp->key.bytes, totp->key.len, secret);
    passcode_totp_at(totp, time_s / 30, code);
    printf("%s %s %u %lld %s\n", names[totp->hash], secret, totp->digits,
           (long long)time_s, code);
}

int
main(void)
{
    struct passcode_totp totp = { .period_s = 30 };
    int hash, round;
    size_t i;

    for (hash = PASSCODE_SHA1; hash <= PASSCODE_SHA512; hash++)
        for (round = 0; round < 30; round++) {
            totp.hash = (enum passcode_hash)hash;
            totp.digits = PASSCODE_DIGITS_MIN + (unsigned)round % 3;
            totp.key.len = key_lens[hash];
            for (i = 0; i < totp.key.len; i++)
                totp.key.bytes[i] = (uint8_t)(i * 37 + (size_t)round * 101);
            print_code(&totp, INT64_C(1700000000) + round * 123457);
        }
    return 0;
}
