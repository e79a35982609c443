/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_core.h - codes, locks and pace as arithmetic.
 *
 * Bytes and numbers only: no JSON, no host, no clock.  Instants are _ms since
 * 1970; a code is ASCII digits with a NUL.  Every function is pure; any
 * thread may call it.
 */
#ifndef OTP_CORE_H
#define OTP_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OTP_DIGITS_MIN = 6, /* liboath makes no others */
    OTP_DIGITS_MAX = 8,
    OTP_CODE_SIZE = OTP_DIGITS_MAX + 1,
    OTP_KEY_MAX = 64,
    OTP_CHALLENGE_KEY_LEN = 20, /* 160 bits, RFC 4226 R6 */
    OTP_WINDOW_MAX = 10
};

struct otp_key {
    uint8_t bytes[OTP_KEY_MAX];
    size_t len;
};

/* The HMAC of a TOTP authenticator (RFC 6238). */
enum otp_hash { OTP_SHA1, OTP_SHA256, OTP_SHA512 };

/* Zero is the answer that lets nobody in. */
enum otp_result {
    OTP_WRONG = 0,
    OTP_EXPIRED, /* it was right, but its time is over */
    OTP_USED,    /* it is right, but was accepted before */
    OTP_RIGHT
};

/* What a user typed, without spaces and dashes.  False: it is no code of so
 * many digits; ret_code is "" then. */
bool otp_clean(const char *typed, unsigned digits,
               char ret_code[OTP_CODE_SIZE]);

/* HOTP value (RFC 4226); false: liboath refuses these arguments. */
bool otp_hotp(const struct otp_key *key, uint64_t counter, unsigned digits,
              char ret_code[OTP_CODE_SIZE]);

/* Compare with every candidate in constant time.  Returns a mask: bit n is
 * set if candidates[n] equals the code. */
uint32_t otp_matches(const char *code, size_t len,
                     const char candidates[][OTP_CODE_SIZE], size_t count);

/* Is this the code of a challenge, whose key is used once, at position 0? */
enum otp_result otp_challenge_check(const struct otp_key *key, unsigned digits,
                                    const char *code, int64_t expires_at_ms,
                                    int64_t now_ms);

struct otp_totp {
    struct otp_key key;
    enum otp_hash hash;
    unsigned digits;
    unsigned period_s;
    unsigned window;   /* steps accepted before and after the present one */
    int64_t last_step; /* the highest that was ever accepted; -1: none */
};

/* TOTP value of one step (RFC 6238). */
bool otp_totp_at(const struct otp_totp *totp, int64_t step,
                 char ret_code[OTP_CODE_SIZE]);

/* Check a code against every step of the window.  Right: *ret_step is the
 * highest step that matched, to be kept as the new last_step. */
enum otp_result otp_totp_check(const struct otp_totp *totp, int64_t now_ms,
                               const char *code, int64_t *ret_step);

/* When consecutive failures lock, and for how long. */
struct otp_lock_rule {
    uint32_t every;      /* each so many failures lock */
    uint32_t disable_at; /* so many disable until an operator acts; 0: never */
    int64_t first_ms;    /* how long the first lock lasts; each further one */
    int64_t longest_ms;  /* twice as long as the one before, up to this */
};

/* Consecutive failures of one authenticator, or of one account. */
struct otp_counter {
    uint32_t failures;
    bool disabled;
    int64_t locked_until_ms;
};

/* How long the lock that this many failures bring lasts; 0: they lock not. */
int64_t otp_lock_time(const struct otp_lock_rule *rule, uint32_t failures);

/* One more failure.  True: it locked or disabled. */
bool otp_count_failure(struct otp_counter *counter,
                       const struct otp_lock_rule *rule, int64_t now_ms);

/* Refused before any comparison? */
bool otp_locked(const struct otp_counter *counter, int64_t now_ms);

/* The pace of messages within one flow. */
struct otp_pace {
    uint32_t max_resends;
    int64_t cooldown_ms;
};
enum otp_pace_verdict { OTP_PACE_LIMIT = 0, OTP_PACE_TOO_SOON, OTP_PACE_OK };

/* May one more message go out, after so many resends? */
enum otp_pace_verdict otp_may_resend(const struct otp_pace *pace,
                                     uint32_t resends, int64_t sent_at_ms,
                                     int64_t now_ms);

/* Is so little of a code's life left that a resend draws a new one? */
bool otp_too_old(int64_t expires_at_ms, int64_t now_ms);

/* Is the selection of the selected device the same click once more? */
bool otp_same_click(int64_t sent_at_ms, int64_t now_ms);

/* RFC 4648 base32 without padding.  Room: otp_base32_size(len) bytes. */
size_t otp_base32_size(size_t len);
void otp_base32(const uint8_t *bytes, size_t len, char *ret_text);

#endif
