/* SPDX-License-Identifier: MIT */
/* passcode/passcode.c - codes, locks and pace as arithmetic. */
#include "passcode/passcode.h"

#include <string.h>

#include <liboath/oath.h>

/* With less left than this a resent code would hardly arrive in time. */
#define RESEND_MARGIN_MS 60000

/* Browsers send one click twice, nearly at once. */
#define SAME_CLICK_MS 2000

enum { CANDIDATES_MAX = 2 * PASSCODE_WINDOW_MAX + 1 };

/* --- Codes --- */

bool
passcode_clean(const char *typed, unsigned digits, char ret_code[PASSCODE_SIZE])
{
    char code[PASSCODE_SIZE] = "";
    size_t len = 0;

    ret_code[0] = '\0';
    for (; *typed; typed++) {
        if (*typed == ' ' || *typed == '-')
            continue;
        if (*typed < '0' || *typed > '9' || len == PASSCODE_DIGITS_MAX)
            return false;
        code[len++] = *typed;
    }
    if (len != digits)
        return false;
    memcpy(ret_code, code, sizeof(code));
    return true;
}

bool
passcode_hotp(const struct passcode_key *key, uint64_t counter, unsigned digits,
              char ret_code[PASSCODE_SIZE])
{
    return oath_hotp_generate((const char *)key->bytes, key->len, counter,
                              digits, false, OATH_HOTP_DYNAMIC_TRUNCATION,
                              ret_code) == OATH_OK;
}

/* All bytes are looked at, whatever they are; volatile keeps it so. */
static uint32_t
same(const char *a, const char *b, size_t len)
{
    volatile uint8_t differ = 0;
    size_t i;

    for (i = 0; i < len; i++)
        differ |= (uint8_t)(a[i] ^ b[i]);
    return (uint32_t)((differ - 1u) >> 8) & 1u;
}

uint32_t
passcode_matches(const char *code, size_t len,
                 const char candidates[][PASSCODE_SIZE], size_t count)
{
    uint32_t mask = 0;
    size_t i;

    for (i = 0; i < count; i++)
        mask |= same(code, candidates[i], len) << i;
    return mask;
}

static bool
digits_ok(unsigned digits)
{
    return digits >= PASSCODE_DIGITS_MIN && digits <= PASSCODE_DIGITS_MAX;
}

enum passcode_result
passcode_challenge_check(const struct passcode_key *key, unsigned digits,
                    const char *code, int64_t expires_at_ms, int64_t now_ms)
{
    char candidates[1][PASSCODE_SIZE] = { "" };
    enum passcode_result result = PASSCODE_WRONG;

    if (digits_ok(digits) && strlen(code) == digits &&
        passcode_hotp(key, 0, digits, candidates[0]) &&
        passcode_matches(code, digits,
                         (const char (*)[PASSCODE_SIZE])candidates,
                         1))
        result = now_ms < expires_at_ms ? PASSCODE_RIGHT : PASSCODE_EXPIRED;
    explicit_bzero(candidates, sizeof(candidates));
    return result;
}

/* --- TOTP --- */

bool
passcode_totp_at(const struct passcode_totp *totp, int64_t step,
                 char ret_code[PASSCODE_SIZE])
{
    static const int flags[] = {
        [PASSCODE_SHA1] = 0,
        [PASSCODE_SHA256] = OATH_TOTP_HMAC_SHA256,
        [PASSCODE_SHA512] = OATH_TOTP_HMAC_SHA512,
    };

    return step >= 0 &&
           oath_totp_generate2((const char *)totp->key.bytes, totp->key.len,
                               step * (int64_t)totp->period_s, totp->period_s,
                               0, totp->digits, flags[totp->hash],
                               ret_code) == OATH_OK;
}

/* Highest first, so that of two equal codes the later step is used up. */
static enum passcode_result
judge_matches(uint32_t matches, int64_t highest_step, int64_t last_step,
              int64_t *ret_step)
{
    int64_t step = highest_step;

    for (; matches; matches >>= 1, step--) {
        if (!(matches & 1))
            continue;
        if (step <= last_step)
            return PASSCODE_USED;
        *ret_step = step;
        return PASSCODE_RIGHT;
    }
    return PASSCODE_WRONG;
}

enum passcode_result
passcode_totp_check(const struct passcode_totp *totp, int64_t now_ms,
                    const char *code,
                    int64_t *ret_step)
{
    char candidates[CANDIDATES_MAX][PASSCODE_SIZE] = { "" };
    size_t i, count = 2 * (size_t)totp->window + 1;
    int64_t highest;
    uint32_t matches = 0;

    /* Of no digits, every candidate would equal the empty code. */
    if (!digits_ok(totp->digits) || strlen(code) != totp->digits)
        return PASSCODE_WRONG;
    if (totp->window > PASSCODE_WINDOW_MAX || totp->period_s == 0 || now_ms < 0)
        return PASSCODE_WRONG;
    highest = now_ms / 1000 / totp->period_s + totp->window;
    for (i = 0; i < count; i++)
        if (!passcode_totp_at(totp, highest - (int64_t)i, candidates[i]))
            candidates[i][0] = '\0';
    matches = passcode_matches(code, totp->digits,
                          (const char (*)[PASSCODE_SIZE])candidates, count);
    explicit_bzero(candidates, sizeof(candidates));
    return judge_matches(matches, highest, totp->last_step, ret_step);
}

/* --- Locks --- */

int64_t
passcode_lock_time(const struct passcode_lock_rule *rule, uint32_t failures)
{
    int64_t time = rule->first_ms;
    uint32_t locks;

    if (rule->every == 0 || failures == 0 || failures % rule->every != 0)
        return 0;
    for (locks = failures / rule->every; locks > 1; locks--) {
        if (time >= rule->longest_ms / 2)
            return rule->longest_ms;
        time *= 2;
    }
    return time < rule->longest_ms ? time : rule->longest_ms;
}

bool
passcode_count_failure(struct passcode_counter *counter,
                       const struct passcode_lock_rule *rule, int64_t now_ms)
{
    int64_t time;

    if (counter->failures < UINT32_MAX)
        counter->failures++;
    time = passcode_lock_time(rule, counter->failures);
    if (time > 0)
        counter->locked_until_ms = now_ms + time;
    if (rule->disable_at > 0 && counter->failures >= rule->disable_at)
        counter->disabled = true;
    return time > 0 || counter->disabled;
}

bool
passcode_locked(const struct passcode_counter *counter, int64_t now_ms)
{
    return counter->disabled || now_ms < counter->locked_until_ms;
}

/* --- Pace --- */

enum passcode_pace_verdict
passcode_may_resend(const struct passcode_pace *pace, uint32_t resends,
                    int64_t sent_at_ms, int64_t now_ms)
{
    if (resends >= pace->max_resends)
        return PASSCODE_PACE_LIMIT;
    if (now_ms < sent_at_ms + pace->cooldown_ms)
        return PASSCODE_PACE_TOO_SOON;
    return PASSCODE_PACE_OK;
}

bool
passcode_too_old(int64_t expires_at_ms, int64_t now_ms)
{
    return expires_at_ms - now_ms < RESEND_MARGIN_MS;
}

bool
passcode_same_click(int64_t sent_at_ms, int64_t now_ms)
{
    return now_ms <= sent_at_ms + SAME_CLICK_MS;
}

/* --- Base32 --- */

size_t
passcode_base32_size(size_t len)
{
    return (len * 8 + 4) / 5 + 1;
}

void
passcode_base32(const uint8_t *bytes, size_t len, char *ret_text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned bits = 0, held = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        held = (held & 0xff) << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5)
            *ret_text++ = alphabet[held >> (bits - 5) & 31];
    }
    if (bits > 0)
        *ret_text++ = alphabet[held << (5 - bits) & 31];
    *ret_text = '\0';
}
