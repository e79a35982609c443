/* SPDX-License-Identifier: MIT */
/* passcode/passcode.h - codes, locks and pace as arithmetic.
 *
 * Bytes and numbers only: no JSON, no host, no clock.  Instants are _ms since
 * 1970; a code is ASCII digits with a NUL.  Every function is pure; any
 * thread may call it.
 */
#ifndef PASSCODE_PASSCODE_H
#define PASSCODE_PASSCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PASSCODE_DIGITS_MIN = 6, /* liboath makes no others */
    PASSCODE_DIGITS_MAX = 8,
    PASSCODE_SIZE = PASSCODE_DIGITS_MAX + 1,
    PASSCODE_KEY_MAX = 64,
    PASSCODE_CHALLENGE_KEY_LEN = 20, /* 160 bits, RFC 4226 R6 */
    PASSCODE_WINDOW_MAX = 10
};

struct passcode_key {
    uint8_t bytes[PASSCODE_KEY_MAX];
    size_t len;
};

/* The HMAC of a TOTP authenticator (RFC 6238). */
enum passcode_hash { PASSCODE_SHA1, PASSCODE_SHA256, PASSCODE_SHA512 };

/* Zero is the answer that lets nobody in. */
enum passcode_result {
    PASSCODE_WRONG = 0,
    PASSCODE_EXPIRED, /* it was right, but its time is over */
    PASSCODE_USED,    /* it is right, but was accepted before */
    PASSCODE_RIGHT
};

/* What a user typed, without spaces and dashes.  False: it is no code of so
 * many digits; ret_code is "" then. */
bool passcode_clean(const char *typed, unsigned digits,
                    char ret_code[PASSCODE_SIZE]);

/* HOTP value (RFC 4226); false: liboath refuses these arguments. */
bool passcode_hotp(const struct passcode_key *key, uint64_t counter,
                   unsigned digits,
                   char ret_code[PASSCODE_SIZE]);

/* Compare with every candidate in constant time.  Returns a mask: bit n is
 * set if candidates[n] equals the code. */
uint32_t passcode_matches(const char *code, size_t len,
                          const char candidates[][PASSCODE_SIZE], size_t count);

/* Is this the code of a challenge, whose key is used once, at position 0? */
enum passcode_result passcode_challenge_check(const struct passcode_key *key,
                                              unsigned digits,
                                    const char *code, int64_t expires_at_ms,
                                              int64_t now_ms);

struct passcode_totp {
    struct passcode_key key;
    enum passcode_hash hash;
    unsigned digits;
    unsigned period_s;
    unsigned window;   /* steps accepted before and after the present one */
    int64_t last_step; /* the highest that was ever accepted; -1: none */
};

/* TOTP value of one step (RFC 6238). */
bool passcode_totp_at(const struct passcode_totp *totp, int64_t step,
                      char ret_code[PASSCODE_SIZE]);

/* Check a code against every step of the window.  Right: *ret_step is the
 * highest step that matched, to be kept as the new last_step. */
enum passcode_result passcode_totp_check(const struct passcode_totp *totp,
                                         int64_t now_ms,
                                         const char *code, int64_t *ret_step);

/* When consecutive failures lock, and for how long. */
struct passcode_lock_rule {
    uint32_t every;      /* each so many failures lock */
    uint32_t disable_at; /* so many disable until an operator acts; 0: never */
    int64_t first_ms;    /* how long the first lock lasts; each further one */
    int64_t longest_ms;  /* twice as long as the one before, up to this */
};

/* Consecutive failures of one authenticator, or of one account. */
struct passcode_counter {
    uint32_t failures;
    bool disabled;
    int64_t locked_until_ms;
};

/* How long the lock that this many failures bring lasts; 0: they lock not. */
int64_t passcode_lock_time(const struct passcode_lock_rule *rule,
                           uint32_t failures);

/* One more failure.  True: it locked or disabled. */
bool passcode_count_failure(struct passcode_counter *counter,
                       const struct passcode_lock_rule *rule, int64_t now_ms);

/* Refused before any comparison? */
bool passcode_locked(const struct passcode_counter *counter, int64_t now_ms);

/* The pace of messages within one flow. */
struct passcode_pace {
    uint32_t max_resends;
    int64_t cooldown_ms;
};
enum passcode_pace_verdict { PASSCODE_PACE_LIMIT = 0, PASSCODE_PACE_TOO_SOON,
                             PASSCODE_PACE_OK };

/* May one more message go out, after so many resends? */
enum passcode_pace_verdict passcode_may_resend(const struct passcode_pace *pace,
                                     uint32_t resends, int64_t sent_at_ms,
                                               int64_t now_ms);

/* Is so little of a code's life left that a resend draws a new one? */
bool passcode_too_old(int64_t expires_at_ms, int64_t now_ms);

/* Is the selection of the selected device the same click once more? */
bool passcode_same_click(int64_t sent_at_ms, int64_t now_ms);

/* RFC 4648 base32 without padding.  Room: passcode_base32_size(len) bytes. */
size_t passcode_base32_size(size_t len);
void passcode_base32(const uint8_t *bytes, size_t len, char *ret_text);

#endif
