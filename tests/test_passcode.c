/* SPDX-License-Identifier: MIT */
/* tests/test_passcode.c - codes, locks, pace and masks. */
#include <inttypes.h>
#include <string.h>

#include <liboath/oath.h>

#include "passcode/passcode.h"
#include "passcode/mask.h"
#include "tests/tap.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define NOW INT64_C(1700000000000)

/* Put in front of liboath's by the linker (--wrap), to count the candidates
 * that are computed. */
int __real_oath_totp_generate2(const char *secret, size_t secret_length,
                               time_t now, unsigned time_step_size,
                               time_t start_offset, unsigned digits,
                               int flags, char *output_otp);
int __wrap_oath_totp_generate2(const char *secret, size_t secret_length,
                               time_t now, unsigned time_step_size,
                               time_t start_offset, unsigned digits,
                               int flags, char *output_otp);

static unsigned computed;

int
__wrap_oath_totp_generate2(const char *secret, size_t secret_length,
                           time_t now, unsigned time_step_size,
                           time_t start_offset, unsigned digits, int flags,
                           char *output_otp)
{
    computed++;
    return __real_oath_totp_generate2(secret, secret_length, now,
                                      time_step_size, start_offset, digits,
                                      flags, output_otp);
}

/* "1234567890" over and over, as in both RFCs. */
static struct passcode_key
rfc_key(size_t len)
{
    struct passcode_key key = { .len = len };
    size_t i;

    for (i = 0; i < len; i++)
        key.bytes[i] = (uint8_t)('0' + (i + 1) % 10);
    return key;
}

/* --- HOTP --- */

static void
hotp_vectors(void)
{
    static const char *const codes[] = {
        "755224", "287082", "359152", "969429", "338314",
        "254676", "287922", "162583", "399871", "520489",
    };
    struct passcode_key key = rfc_key(20);
    char code[PASSCODE_SIZE];
    uint64_t counter;

    for (counter = 0; counter < TAP_COUNT(codes); counter++) {
        CU_ASSERT_TRUE(passcode_hotp(&key, counter, 6, code));
        CU_ASSERT_STRING_EQUAL(code, codes[counter]);
    }
}

static void
hotp_digits(void)
{
    /* RFC 4226, appendix D: the truncated value of counter 0. */
    static const char *const codes[] = { [6] = "755224",
                                         [7] = "4755224",
                                         [8] = "84755224" };
    struct passcode_key key = rfc_key(20);
    char code[PASSCODE_SIZE];
    unsigned digits;

    for (digits = 6; digits <= 8; digits++) {
        CU_ASSERT_TRUE(passcode_hotp(&key, 0, digits, code));
        CU_ASSERT_STRING_EQUAL(code, codes[digits]);
    }
    CU_ASSERT_FALSE(passcode_hotp(&key, 0, 5, code));
    CU_ASSERT_FALSE(passcode_hotp(&key, 0, 9, code));
}

static void
challenge_check(void)
{
    struct passcode_key key = rfc_key(20);

    CU_ASSERT_EQUAL(passcode_challenge_check(&key, 6, "755224", NOW + 1, NOW),
                    PASSCODE_RIGHT);
    CU_ASSERT_EQUAL(passcode_challenge_check(&key, 6, "755224", NOW, NOW),
                    PASSCODE_EXPIRED);
    CU_ASSERT_EQUAL(passcode_challenge_check(&key, 6, "755225", NOW + 1, NOW),
                    PASSCODE_WRONG);
    CU_ASSERT_EQUAL(passcode_challenge_check(&key, 6, "755225", NOW, NOW),
                    PASSCODE_WRONG);
    /* Position 1 of the same key is another code. */
    CU_ASSERT_EQUAL(passcode_challenge_check(&key, 6, "287082", NOW + 1, NOW),
                    PASSCODE_WRONG);
    CU_ASSERT_EQUAL(passcode_challenge_check(&key, 6, "", NOW + 1, NOW),
                    PASSCODE_WRONG);
    CU_ASSERT_EQUAL(passcode_challenge_check(&key, 6, "75522", NOW + 1, NOW),
                    PASSCODE_WRONG);
    CU_ASSERT_EQUAL(passcode_challenge_check(&key, 6, "7552240", NOW + 1, NOW),
                    PASSCODE_WRONG);
}

/* With every digit wrong in turn, and with no digits at all. */
static void
challenge_refuses_all_neighbours(void)
{
    struct passcode_key key = rfc_key(20);
    char code[PASSCODE_SIZE] = "755224";
    size_t i;
    int n;

    for (i = 0; i < 6; i++)
        for (n = 1; n < 10; n++) {
            memcpy(code, "755224", 7);
            code[i] = (char)('0' + (code[i] - '0' + n) % 10);
            CU_ASSERT_EQUAL(
                passcode_challenge_check(&key, 6, code, NOW + 1, NOW),
                    PASSCODE_WRONG);
        }
    /* Digits that liboath does not make are never right. */
    CU_ASSERT_EQUAL(passcode_challenge_check(&key, 0, "", NOW + 1, NOW),
                    PASSCODE_WRONG);
    CU_ASSERT_EQUAL(passcode_challenge_check(&key, 5, "55224", NOW + 1, NOW),
                    PASSCODE_WRONG);
}

static void
matches_looks_at_all(void)
{
    static const char candidates[4][PASSCODE_SIZE] = { "111111", "222222",
                                                       "111111", "" };

    CU_ASSERT_EQUAL(passcode_matches("111111", 6, candidates, 4), 5);
    CU_ASSERT_EQUAL(passcode_matches("222222", 6, candidates, 4), 2);
    CU_ASSERT_EQUAL(passcode_matches("222223", 6, candidates, 4), 0);
    CU_ASSERT_EQUAL(passcode_matches("322222", 6, candidates, 4), 0);
}

/* --- What users type --- */

static void
clean(void)
{
    static const struct {
        const char *typed;
        unsigned digits;
        const char *code; /* NULL: refused */
    } rows[] = {
        { "123456", 6, "123456" },     { " 123 456 ", 6, "123456" },
        { "123-456", 6, "123456" },    { "1-2 3-4 5-6", 6, "123456" },
        { "12345678", 8, "12345678" }, { "1234 5678", 8, "12345678" },
        { "", 6, NULL },               { "      ", 6, NULL },
        { "12345", 6, NULL },          { "1234567", 6, NULL },
        { "12345678", 6, NULL },       { "123456789", 6, NULL },
        { "12345a", 6, NULL },         { "12345\n", 6, NULL },
        { "+12345", 6, NULL },         { "12.3456", 6, NULL },
        { "\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6", 6, NULL },
    };
    char code[PASSCODE_SIZE];
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        memset(code, 'x', sizeof(code));
        CU_ASSERT_EQUAL(passcode_clean(rows[i].typed, rows[i].digits, code),
                        rows[i].code != NULL);
        CU_ASSERT_STRING_EQUAL(code, rows[i].code ? rows[i].code : "");
    }
}

/* --- TOTP --- */

static struct passcode_totp
rfc_totp(enum passcode_hash hash)
{
    static const size_t lens[] = { [PASSCODE_SHA1] = 20,
                                   [PASSCODE_SHA256] = 32,
                                   [PASSCODE_SHA512] = 64 };

    return (struct passcode_totp){
        .key = rfc_key(lens[hash]),
        .hash = hash,
        .digits = 8,
        .period_s = 30,
        .window = 1,
        .last_step = -1,
    };
}

static void
totp_vectors(void)
{
    static const struct {
        int64_t time;
        const char *codes[3];
    } rows[] = {
        { 59, { "94287082", "46119246", "90693936" } },
        { 1111111109, { "07081804", "68084774", "25091201" } },
        { 1111111111, { "14050471", "67062674", "99943326" } },
        { 1234567890, { "89005924", "91819424", "93441116" } },
        { 2000000000, { "69279037", "90698825", "38618901" } },
        { 20000000000, { "65353130", "77737706", "47863826" } },
    };
    struct passcode_totp totp;
    char code[PASSCODE_SIZE];
    int64_t step;
    size_t i;
    int hash;

    for (i = 0; i < TAP_COUNT(rows); i++)
        for (hash = PASSCODE_SHA1; hash <= PASSCODE_SHA512; hash++) {
            totp = rfc_totp((enum passcode_hash)hash);
            CU_ASSERT_TRUE(passcode_totp_at(&totp, rows[i].time / 30, code));
            CU_ASSERT_STRING_EQUAL(code, rows[i].codes[hash]);
            step = -2;
            CU_ASSERT_EQUAL(passcode_totp_check(&totp, rows[i].time * 1000,
                                                rows[i].codes[hash], &step),
                            PASSCODE_RIGHT);
            CU_ASSERT_EQUAL(step, rows[i].time / 30);
        }
}

static enum passcode_result
check_step(const struct passcode_totp *totp, int64_t of_step, int64_t now_ms,
           int64_t *ret_step)
{
    char code[PASSCODE_SIZE] = "";

    CU_ASSERT_TRUE(passcode_totp_at(totp, of_step, code));
    return passcode_totp_check(totp, now_ms, code, ret_step);
}

static void
totp_window(void)
{
    struct passcode_totp totp = rfc_totp(PASSCODE_SHA1);
    int64_t step, now = NOW / 30000;
    int64_t offset;

    for (offset = -3; offset <= 3; offset++) {
        step = -2;
        CU_ASSERT_EQUAL(
            check_step(&totp, now + offset, now * 30000 + 15000, &step),
            offset >= -1 && offset <= 1 ? PASSCODE_RIGHT : PASSCODE_WRONG);
        CU_ASSERT_EQUAL(step, offset >= -1 && offset <= 1 ? now + offset : -2);
    }
    totp.window = 0;
    CU_ASSERT_EQUAL(check_step(&totp, now, now * 30000, &step), PASSCODE_RIGHT);
    CU_ASSERT_EQUAL(check_step(&totp, now, now * 30000 + 29999, &step),
                    PASSCODE_RIGHT);
    CU_ASSERT_EQUAL(check_step(&totp, now, now * 30000 + 30000, &step),
                    PASSCODE_WRONG);
    CU_ASSERT_EQUAL(check_step(&totp, now, now * 30000 - 1, &step),
                    PASSCODE_WRONG);
}

static void
totp_replay(void)
{
    struct passcode_totp totp = rfc_totp(PASSCODE_SHA1);
    int64_t step = -2, now = NOW / 30000;

    totp.last_step = now;
    CU_ASSERT_EQUAL(check_step(&totp, now, NOW, &step), PASSCODE_USED);
    CU_ASSERT_EQUAL(check_step(&totp, now - 1, NOW, &step), PASSCODE_USED);
    CU_ASSERT_EQUAL(step, -2);
    CU_ASSERT_EQUAL(check_step(&totp, now + 1, NOW, &step), PASSCODE_RIGHT);
    CU_ASSERT_EQUAL(step, now + 1);
    totp.last_step = now + 1;
    CU_ASSERT_EQUAL(check_step(&totp, now + 1, NOW, &step), PASSCODE_USED);
    /* A clock that was set back opens nothing. */
    CU_ASSERT_EQUAL(check_step(&totp, now - 9, (now - 9) * 30000, &step),
                    PASSCODE_USED);
}

/* Accept, keep the step, and try everything in the window again. */
static void
totp_only_moves_up(void)
{
    struct passcode_totp totp = rfc_totp(PASSCODE_SHA256);
    int64_t step, now = NOW / 30000, highest = -1;
    int64_t i, offset;
    unsigned accepted = 0;

    for (i = 0; i < 50; i++)
        for (offset = -2; offset <= 2; offset++) {
            step = -2;
            if (check_step(&totp, now + i + offset, (now + i) * 30000,
                           &step) != PASSCODE_RIGHT)
                continue;
            CU_ASSERT_TRUE(step > highest);
            highest = totp.last_step = step;
            accepted++;
        }
    /* Steps -1 to +1 first, then one more each time. */
    CU_ASSERT_EQUAL(accepted, 52);
}

static void
totp_computes_every_candidate(void)
{
    struct passcode_totp totp = rfc_totp(PASSCODE_SHA1);
    int64_t step, now = NOW / 30000;
    char code[PASSCODE_SIZE];
    int64_t offset;
    unsigned window;

    for (window = 0; window <= PASSCODE_WINDOW_MAX; window++)
        for (offset = -2; offset <= 2; offset++) {
            totp.window = window;
            passcode_totp_at(&totp, now + offset, code);
            computed = 0;
            passcode_totp_check(&totp, NOW, code, &step);
            CU_ASSERT_EQUAL(computed, 2 * window + 1);
        }
}

static void
totp_odd_arguments(void)
{
    struct passcode_totp totp = rfc_totp(PASSCODE_SHA1);
    char code[PASSCODE_SIZE];
    int64_t step = -2;

    passcode_totp_at(&totp, 0, code);
    CU_ASSERT_EQUAL(passcode_totp_check(&totp, 0, code, &step), PASSCODE_RIGHT);
    CU_ASSERT_EQUAL(step, 0);
    CU_ASSERT_FALSE(passcode_totp_at(&totp, -1, code));
    step = -2;
    CU_ASSERT_EQUAL(passcode_totp_check(&totp, -30000, code, &step),
                    PASSCODE_WRONG);
    CU_ASSERT_EQUAL(passcode_totp_check(&totp, 0, "", &step), PASSCODE_WRONG);
    CU_ASSERT_EQUAL(passcode_totp_check(&totp, 0, "123", &step),
                    PASSCODE_WRONG);
    totp.period_s = 0;
    CU_ASSERT_EQUAL(passcode_totp_check(&totp, 0, code, &step), PASSCODE_WRONG);
    totp.period_s = 30;
    totp.digits = 9;
    CU_ASSERT_EQUAL(passcode_totp_check(&totp, 0, "123456789", &step),
                    PASSCODE_WRONG);
    totp.digits = 0;
    CU_ASSERT_EQUAL(passcode_totp_check(&totp, 0, "", &step), PASSCODE_WRONG);
    totp.digits = 8;
    totp.window = PASSCODE_WINDOW_MAX + 1;
    CU_ASSERT_EQUAL(passcode_totp_check(&totp, 0, code, &step), PASSCODE_WRONG);
    CU_ASSERT_EQUAL(step, -2);
}

/* --- Locks --- */

static const struct passcode_lock_rule device_rule = {
    .every = 5,
    .disable_at = 100,
    .first_ms = 2 * MINUTE,
    .longest_ms = HOUR,
};
static const struct passcode_lock_rule account_rule = {
    .every = 20,
    .first_ms = HOUR,
    .longest_ms = HOUR,
};

static void
lock_times(void)
{
    static const int64_t minutes[] = { 2, 4, 8, 16, 32, 60, 60, 60 };
    uint32_t failures;

    for (failures = 0; failures <= 40; failures++)
        CU_ASSERT_EQUAL(passcode_lock_time(&device_rule, failures),
                        failures % 5 || failures == 0
                        ? 0
                        : minutes[failures / 5 - 1] * MINUTE);
    CU_ASSERT_EQUAL(passcode_lock_time(&device_rule, 4294967295u), HOUR);
    CU_ASSERT_EQUAL(passcode_lock_time(&account_rule, 19), 0);
    CU_ASSERT_EQUAL(passcode_lock_time(&account_rule, 20), HOUR);
    CU_ASSERT_EQUAL(passcode_lock_time(&account_rule, 40), HOUR);
}

static void
lock_time_never_overflows(void)
{
    const struct passcode_lock_rule rule = { .every = 1,
                                        .first_ms = 1,
                                        .longest_ms = INT64_MAX };
    int64_t before = 0, time;
    uint32_t failures;

    for (failures = 1; failures < 200; failures++) {
        time = passcode_lock_time(&rule, failures);
        CU_ASSERT_TRUE(time >= before && time > 0);
        before = time;
    }
    CU_ASSERT_EQUAL(before, INT64_MAX);
}

static void
locks_run_out(void)
{
    struct passcode_counter counter = { 0 };
    int i;

    for (i = 1; i <= 4; i++) {
        CU_ASSERT_FALSE(passcode_count_failure(&counter, &device_rule, NOW));
        CU_ASSERT_FALSE(passcode_locked(&counter, NOW));
    }
    CU_ASSERT_TRUE(passcode_count_failure(&counter, &device_rule, NOW));
    CU_ASSERT_EQUAL(counter.failures, 5);
    CU_ASSERT_TRUE(passcode_locked(&counter, NOW));
    CU_ASSERT_TRUE(passcode_locked(&counter, NOW + 2 * MINUTE - 1));
    CU_ASSERT_FALSE(passcode_locked(&counter, NOW + 2 * MINUTE));
    /* Running out is not clearing: the next lock is twice as long. */
    for (i = 6; i <= 9; i++)
        CU_ASSERT_FALSE(
            passcode_count_failure(&counter, &device_rule, NOW + 2 * MINUTE));
    CU_ASSERT_TRUE(
        passcode_count_failure(&counter, &device_rule, NOW + 2 * MINUTE));
    CU_ASSERT_TRUE(passcode_locked(&counter, NOW + 6 * MINUTE - 1));
    CU_ASSERT_FALSE(passcode_locked(&counter, NOW + 6 * MINUTE));
}

static void
hundred_disable(void)
{
    struct passcode_counter counter = { 0 };
    int64_t now = NOW;
    int i;

    for (i = 1; i <= 100; i++) {
        CU_ASSERT_FALSE(counter.disabled);
        if (passcode_locked(&counter, now))
            now = counter.locked_until_ms;
        passcode_count_failure(&counter, &device_rule, now);
    }
    CU_ASSERT_TRUE(counter.disabled);
    CU_ASSERT_TRUE(passcode_locked(&counter, INT64_MAX));
    /* 2 + 4 + 8 + 16 + 32 minutes and 14 hours were waited. */
    CU_ASSERT_EQUAL(now - NOW, 62 * MINUTE + 14 * HOUR);
}

static void
counts_do_not_wrap(void)
{
    struct passcode_counter counter = { .failures = UINT32_MAX };

    passcode_count_failure(&counter, &account_rule, NOW);
    CU_ASSERT_EQUAL(counter.failures, UINT32_MAX);
}

/* --- Pace --- */

static void
pace(void)
{
    const struct passcode_pace rule = { .max_resends = 15,
                                        .cooldown_ms = 20000 };
    const struct passcode_pace none = { .max_resends = 2, .cooldown_ms = 0 };

    CU_ASSERT_EQUAL(passcode_may_resend(&rule, 0, NOW, NOW),
                    PASSCODE_PACE_TOO_SOON);
    CU_ASSERT_EQUAL(passcode_may_resend(&rule, 0, NOW, NOW + 19999),
                    PASSCODE_PACE_TOO_SOON);
    CU_ASSERT_EQUAL(passcode_may_resend(&rule, 0, NOW, NOW + 20000),
                    PASSCODE_PACE_OK);
    CU_ASSERT_EQUAL(passcode_may_resend(&rule, 14, NOW, NOW + 20000),
                    PASSCODE_PACE_OK);
    CU_ASSERT_EQUAL(passcode_may_resend(&rule, 15, NOW, NOW + 20000),
                    PASSCODE_PACE_LIMIT);
    CU_ASSERT_EQUAL(passcode_may_resend(&rule, 15, NOW, NOW),
                    PASSCODE_PACE_LIMIT);
    CU_ASSERT_EQUAL(passcode_may_resend(&none, 1, NOW, NOW), PASSCODE_PACE_OK);
    CU_ASSERT_EQUAL(passcode_may_resend(&none, 2, NOW, NOW),
                    PASSCODE_PACE_LIMIT);
    /* A clock that was set back lengthens the wait, never shortens it. */
    CU_ASSERT_EQUAL(passcode_may_resend(&rule, 0, NOW, NOW - HOUR),
                    PASSCODE_PACE_TOO_SOON);
}

static void
ages(void)
{
    CU_ASSERT_FALSE(passcode_too_old(NOW + MINUTE, NOW));
    CU_ASSERT_TRUE(passcode_too_old(NOW + MINUTE - 1, NOW));
    CU_ASSERT_TRUE(passcode_too_old(NOW, NOW));
    CU_ASSERT_TRUE(passcode_too_old(NOW - HOUR, NOW));
    CU_ASSERT_TRUE(passcode_same_click(NOW, NOW));
    CU_ASSERT_TRUE(passcode_same_click(NOW, NOW + 2000));
    CU_ASSERT_FALSE(passcode_same_click(NOW, NOW + 2001));
}

/* --- Base32 --- */

static void
base32(void)
{
    /* RFC 4648, section 10, without padding. */
    static const char *const texts[] = { "",        "MY",      "MZXQ",
                                         "MZXW6",   "MZXW6YQ", "MZXW6YTB",
                                         "MZXW6YTBOI" };
    char text[17];
    size_t len;

    for (len = 0; len < TAP_COUNT(texts); len++) {
        passcode_base32((const uint8_t *)"foobar", len, text);
        CU_ASSERT_STRING_EQUAL(text, texts[len]);
        CU_ASSERT_EQUAL(passcode_base32_size(len), strlen(texts[len]) + 1);
    }
}

/* --- Masks --- */

static void
masks(void)
{
    static const struct passcode_mask_rule rule = { 2, 2 };
    static const struct {
        const char *address, *masked;
    } rows[] = {
        { "sonja@acme.test", "so****@acme.test" },
        { "sonjamarialuise@acme.test", "so****@acme.test" },
        { "abc@acme.test", "a****@acme.test" },
        { "ab@acme.test", "a****@acme.test" },
        { "a@acme.test", "****@acme.test" },
        { "\"a@b\"@acme.test", "\"a****@acme.test" },
        { "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f@acme.test",
          "\xc3\xa4\xc3\xb6****@acme.test" },
        { "+15555555555", "+155*****55" },
        { "+4915112345677", "+491*****77" },
        { "+12345678", "+123*****78" },
        { "+1234567", "*****" },
        { "+1", "*****" },
        { "joe-on-chat", "jo****at" },
        { "abcd", "ab****" },
        { "abc", "a****" },
        { "a", "****" },
        { "@handle.example", "@h****le" },
        { "", "****" },
    };
    char masked[64];
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        CU_ASSERT_TRUE(passcode_mask_size(rows[i].address) <= sizeof(masked));
        passcode_mask(rows[i].address, &rule, masked);
        CU_ASSERT_STRING_EQUAL(masked, rows[i].masked);
        CU_ASSERT_TRUE(strlen(masked) < passcode_mask_size(rows[i].address));
    }
}

static void
masks_by_setting(void)
{
    static const struct passcode_mask_rule none = { 0, 0 }, all = { 16, 16 };
    char masked[64];

    passcode_mask("joe-on-chat", &none, masked);
    CU_ASSERT_STRING_EQUAL(masked, "****");
    passcode_mask("joe-on-chat", &all, masked);
    CU_ASSERT_STRING_EQUAL(masked, "joe-o****");
}

static void
normal_forms(void)
{
    static const struct {
        const char *address, *normal;
    } rows[] = {
        { "Joe@ACME.test", "joe@acme.test" },
        { " joe@acme.test ", "joe@acme.test" },
        { "joe-ann@acme.test", "joe-ann@acme.test" },
        { "+1 (555) 555-5555", "+15555555555" },
        { "+1.555/555 5555", "+15555555555" },
        { "  ", "" },
    };
    char normal[64];
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        passcode_normalise(rows[i].address, normal);
        CU_ASSERT_STRING_EQUAL(normal, rows[i].normal);
    }
}

static const struct tap_test tests[] = {
    { "O1: codes are HOTP (all vectors of RFC 4226)", hotp_vectors },
    { "O1: codes have 6 to 8 digits", hotp_digits },
    { "authn C.4-4: a code is right, expired or wrong", challenge_check },
    { "a code that differs in one digit is wrong",
      challenge_refuses_all_neighbours },
    { "O9: every candidate is compared", matches_looks_at_all },
    { "a pasted code may have spaces and dashes, and nothing else", clean },
    { "O7: TOTP (all vectors of RFC 6238)", totp_vectors },
    { "O9: the TOTP window is one step each way", totp_window },
    { "O9: a TOTP step is accepted once", totp_replay },
    { "O9: a TOTP step only moves up", totp_only_moves_up },
    { "O9: every candidate of a window is computed",
      totp_computes_every_candidate },
    { "TOTP with odd arguments lets nobody in", totp_odd_arguments },
    { "O4: each fifth failure locks, 2 min doubling to 1 h", lock_times },
    { "O4: lock times never overflow", lock_time_never_overflows },
    { "O4: a lock runs out, and does not clear", locks_run_out },
    { "O4: at 100 failures a device is disabled", hundred_disable },
    { "O4: counts do not wrap around", counts_do_not_wrap },
    { "O3: cool-down and limit of resends", pace },
    { "O2, S5: when a code is too old, and what is one click", ages },
    { "base32 as in RFC 4648", base32 },
    { "authn C.3-3: targets are masked", masks },
    { "authn C.5-10: other addresses are masked by setting", masks_by_setting },
    { "O4: one spelling per address", normal_forms },
};

int
main(void)
{
    return tap_main("otp core", tests, TAP_COUNT(tests));
}
