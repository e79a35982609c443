/* SPDX-License-Identifier: MIT */
/* tests/otp_codes.c - prints TOTP codes of the adapter's core, one a line:
 * algorithm, secret in base32, digits, time, code. */
#include <stdio.h>

#include "plugin/adapter-otp/otp_core.h"

static const char *const names[] = {
    [OTP_SHA1] = "SHA1",
    [OTP_SHA256] = "SHA256",
    [OTP_SHA512] = "SHA512",
};
static const size_t key_lens[] = {
    [OTP_SHA1] = 20,
    [OTP_SHA256] = 32,
    [OTP_SHA512] = 48,
};

static void
print_code(const struct otp_totp *totp, int64_t time_s)
{
    char secret[2 * OTP_KEY_MAX], code[OTP_CODE_SIZE] = "";

    otp_base32(totp->key.bytes, totp->key.len, secret);
    otp_totp_at(totp, time_s / 30, code);
    printf("%s %s %u %lld %s\n", names[totp->hash], secret, totp->digits,
           (long long)time_s, code);
}

int
main(void)
{
    struct otp_totp totp = { .period_s = 30 };
    int hash, round;
    size_t i;

    for (hash = OTP_SHA1; hash <= OTP_SHA512; hash++)
        for (round = 0; round < 30; round++) {
            totp.hash = (enum otp_hash)hash;
            totp.digits = OTP_DIGITS_MIN + (unsigned)round % 3;
            totp.key.len = key_lens[hash];
            for (i = 0; i < totp.key.len; i++)
                totp.key.bytes[i] = (uint8_t)(i * 37 + (size_t)round * 101);
            print_code(&totp, INT64_C(1700000000) + round * 123457);
        }
    return 0;
}
