/* SPDX-License-Identifier: MIT */
/* tests/test_otp_core.c - codes, locks, pace and masks of the OTP adapter. */
#include <inttypes.h>
#include <string.h>

#include <liboath/oath.h>

#include "plugin/adapter-otp/otp_core.h"
#include "plugin/adapter-otp/otp_mask.h"
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
static struct otp_key
rfc_key(size_t len)
{
    struct otp_key key = { .len = len };
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
    struct otp_key key = rfc_key(20);
    char code[OTP_CODE_SIZE];
    uint64_t counter;

    for (counter = 0; counter < TAP_COUNT(codes); counter++) {
        CU_ASSERT_TRUE(otp_hotp(&key, counter, 6, code));
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
    struct otp_key key = rfc_key(20);
    char code[OTP_CODE_SIZE];
    unsigned digits;

    for (digits = 6; digits <= 8; digits++) {
        CU_ASSERT_TRUE(otp_hotp(&key, 0, digits, code));
        CU_ASSERT_STRING_EQUAL(code, codes[digits]);
    }
    CU_ASSERT_FALSE(otp_hotp(&key, 0, 5, code));
    CU_ASSERT_FALSE(otp_hotp(&key, 0, 9, code));
}

static void
challenge_check(void)
{
    struct otp_key key = rfc_key(20);

    CU_ASSERT_EQUAL(otp_challenge_check(&key, 6, "755224", NOW + 1, NOW),
                    OTP_RIGHT);
    CU_ASSERT_EQUAL(otp_challenge_check(&key, 6, "755224", NOW, NOW),
                    OTP_EXPIRED);
    CU_ASSERT_EQUAL(otp_challenge_check(&key, 6, "755225", NOW + 1, NOW),
                    OTP_WRONG);
    CU_ASSERT_EQUAL(otp_challenge_check(&key, 6, "755225", NOW, NOW),
                    OTP_WRONG);
    /* Position 1 of the same key is another code. */
    CU_ASSERT_EQUAL(otp_challenge_check(&key, 6, "287082", NOW + 1, NOW),
                    OTP_WRONG);
    CU_ASSERT_EQUAL(otp_challenge_check(&key, 6, "", NOW + 1, NOW),
                    OTP_WRONG);
    CU_ASSERT_EQUAL(otp_challenge_check(&key, 6, "75522", NOW + 1, NOW),
                    OTP_WRONG);
    CU_ASSERT_EQUAL(otp_challenge_check(&key, 6, "7552240", NOW + 1, NOW),
                    OTP_WRONG);
}

/* With every digit wrong in turn, and with no digits at all. */
static void
challenge_refuses_all_neighbours(void)
{
    struct otp_key key = rfc_key(20);
    char code[OTP_CODE_SIZE] = "755224";
    size_t i;
    int n;

    for (i = 0; i < 6; i++)
        for (n = 1; n < 10; n++) {
            memcpy(code, "755224", 7);
            code[i] = (char)('0' + (code[i] - '0' + n) % 10);
            CU_ASSERT_EQUAL(
                otp_challenge_check(&key, 6, code, NOW + 1, NOW), OTP_WRONG);
        }
    /* Digits that liboath does not make are never right. */
    CU_ASSERT_EQUAL(otp_challenge_check(&key, 0, "", NOW + 1, NOW),
                    OTP_WRONG);
    CU_ASSERT_EQUAL(otp_challenge_check(&key, 5, "55224", NOW + 1, NOW),
                    OTP_WRONG);
}

static void
matches_looks_at_all(void)
{
    static const char candidates[4][OTP_CODE_SIZE] = { "111111", "222222",
                                                       "111111", "" };

    CU_ASSERT_EQUAL(otp_matches("111111", 6, candidates, 4), 5);
    CU_ASSERT_EQUAL(otp_matches("222222", 6, candidates, 4), 2);
    CU_ASSERT_EQUAL(otp_matches("222223", 6, candidates, 4), 0);
    CU_ASSERT_EQUAL(otp_matches("322222", 6, candidates, 4), 0);
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
    char code[OTP_CODE_SIZE];
    size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        memset(code, 'x', sizeof(code));
        CU_ASSERT_EQUAL(otp_clean(rows[i].typed, rows[i].digits, code),
                        rows[i].code != NULL);
        CU_ASSERT_STRING_EQUAL(code, rows[i].code ? rows[i].code : "");
    }
}

/* --- TOTP --- */

static struct otp_totp
rfc_totp(enum otp_hash hash)
{
    static const size_t lens[] = { [OTP_SHA1] = 20,
                                   [OTP_SHA256] = 32,
                                   [OTP_SHA512] = 64 };

    return (struct otp_totp){
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
    struct otp_totp totp;
    char code[OTP_CODE_SIZE];
    int64_t step;
    size_t i;
    int hash;

    for (i = 0; i < TAP_COUNT(rows); i++)
        for (hash = OTP_SHA1; hash <= OTP_SHA512; hash++) {
            totp = rfc_totp((enum otp_hash)hash);
            CU_ASSERT_TRUE(otp_totp_at(&totp, rows[i].time / 30, code));
            CU_ASSERT_STRING_EQUAL(code, rows[i].codes[hash]);
            step = -2;
            CU_ASSERT_EQUAL(otp_totp_check(&totp, rows[i].time * 1000,
                                           rows[i].codes[hash], &step),
                            OTP_RIGHT);
            CU_ASSERT_EQUAL(step, rows[i].time / 30);
        }
}

static enum otp_result
check_step(const struct otp_totp *totp, int64_t of_step, int64_t now_ms,
           int64_t *ret_step)
{
    char code[OTP_CODE_SIZE] = "";

    CU_ASSERT_TRUE(otp_totp_at(totp, of_step, code));
    return otp_totp_check(totp, now_ms, code, ret_step);
}

static void
totp_window(void)
{
    struct otp_totp totp = rfc_totp(OTP_SHA1);
    int64_t step, now = NOW / 30000;
    int64_t offset;

    for (offset = -3; offset <= 3; offset++) {
        step = -2;
        CU_ASSERT_EQUAL(
            check_step(&totp, now + offset, now * 30000 + 15000, &step),
            offset >= -1 && offset <= 1 ? OTP_RIGHT : OTP_WRONG);
        CU_ASSERT_EQUAL(step, offset >= -1 && offset <= 1 ? now + offset : -2);
    }
    totp.window = 0;
    CU_ASSERT_EQUAL(check_step(&totp, now, now * 30000, &step), OTP_RIGHT);
    CU_ASSERT_EQUAL(check_step(&totp, now, now * 30000 + 29999, &step),
                    OTP_RIGHT);
    CU_ASSERT_EQUAL(check_step(&totp, now, now * 30000 + 30000, &step),
                    OTP_WRONG);
    CU_ASSERT_EQUAL(check_step(&totp, now, now * 30000 - 1, &step),
                    OTP_WRONG);
}

static void
totp_replay(void)
{
    struct otp_totp totp = rfc_totp(OTP_SHA1);
    int64_t step = -2, now = NOW / 30000;

    totp.last_step = now;
    CU_ASSERT_EQUAL(check_step(&totp, now, NOW, &step), OTP_USED);
    CU_ASSERT_EQUAL(check_step(&totp, now - 1, NOW, &step), OTP_USED);
    CU_ASSERT_EQUAL(step, -2);
    CU_ASSERT_EQUAL(check_step(&totp, now + 1, NOW, &step), OTP_RIGHT);
    CU_ASSERT_EQUAL(step, now + 1);
    totp.last_step = now + 1;
    CU_ASSERT_EQUAL(check_step(&totp, now + 1, NOW, &step), OTP_USED);
    /* A clock that was set back opens nothing. */
    CU_ASSERT_EQUAL(check_step(&totp, now - 9, (now - 9) * 30000, &step),
                    OTP_USED);
}

/* Accept, keep the step, and try everything in the window again. */
static void
totp_only_moves_up(void)
{
    struct otp_totp totp = rfc_totp(OTP_SHA256);
    int64_t step, now = NOW / 30000, highest = -1;
    int64_t i, offset;
    unsigned accepted = 0;

    for (i = 0; i < 50; i++)
        for (offset = -2; offset <= 2; offset++) {
            step = -2;
            if (check_step(&totp, now + i + offset, (now + i) * 30000,
                           &step) != OTP_RIGHT)
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
    struct otp_totp totp = rfc_totp(OTP_SHA1);
    int64_t step, now = NOW / 30000;
    char code[OTP_CODE_SIZE];
    int64_t offset;
    unsigned window;

    for (window = 0; window <= OTP_WINDOW_MAX; window++)
        for (offset = -2; offset <= 2; offset++) {
            totp.window = window;
            otp_totp_at(&totp, now + offset, code);
            computed = 0;
            otp_totp_check(&totp, NOW, code, &step);
            CU_ASSERT_EQUAL(computed, 2 * window + 1);
        }
}

static void
totp_odd_arguments(void)
{
    struct otp_totp totp = rfc_totp(OTP_SHA1);
    char code[OTP_CODE_SIZE];
    int64_t step = -2;

    otp_totp_at(&totp, 0, code);
    CU_ASSERT_EQUAL(otp_totp_check(&totp, 0, code, &step), OTP_RIGHT);
    CU_ASSERT_EQUAL(step, 0);
    CU_ASSERT_FALSE(otp_totp_at(&totp, -1, code));
    step = -2;
    CU_ASSERT_EQUAL(otp_totp_check(&totp, -30000, code, &step), OTP_WRONG);
    CU_ASSERT_EQUAL(otp_totp_check(&totp, 0, "", &step), OTP_WRONG);
    CU_ASSERT_EQUAL(otp_totp_check(&totp, 0, "123", &step), OTP_WRONG);
    totp.period_s = 0;
    CU_ASSERT_EQUAL(otp_totp_check(&totp, 0, code, &step), OTP_WRONG);
    totp.period_s = 30;
    totp.digits = 9;
    CU_ASSERT_EQUAL(otp_totp_check(&totp, 0, "123456789", &step), OTP_WRONG);
    totp.digits = 0;
    CU_ASSERT_EQUAL(otp_totp_check(&totp, 0, "", &step), OTP_WRONG);
    totp.digits = 8;
    totp.window = OTP_WINDOW_MAX + 1;
    CU_ASSERT_EQUAL(otp_totp_check(&totp, 0, code, &step), OTP_WRONG);
    CU_ASSERT_EQUAL(step, -2);
}

/* --- Locks --- */

static const struct otp_lock_rule device_rule = {
    .every = 5,
    .disable_at = 100,
    .first_ms = 2 * MINUTE,
    .longest_ms = HOUR,
};
static const struct otp_lock_rule account_rule = {
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
        CU_ASSERT_EQUAL(otp_lock_time(&device_rule, failures),
                        failures % 5 || failures == 0
                            ? 0
                            : minutes[failures / 5 - 1] * MINUTE);
    CU_ASSERT_EQUAL(otp_lock_time(&device_rule, 4294967295u), HOUR);
    CU_ASSERT_EQUAL(otp_lock_time(&account_rule, 19), 0);
    CU_ASSERT_EQUAL(otp_lock_time(&account_rule, 20), HOUR);
    CU_ASSERT_EQUAL(otp_lock_time(&account_rule, 40), HOUR);
}

static void
lock_time_never_overflows(void)
{
    const struct otp_lock_rule rule = { .every = 1,
                                        .first_ms = 1,
                                        .longest_ms = INT64_MAX };
    int64_t before = 0, time;
    uint32_t failures;

    for (failures = 1; failures < 200; failures++) {
        time = otp_lock_time(&rule, failures);
        CU_ASSERT_TRUE(time >= before && time > 0);
        before = time;
    }
    CU_ASSERT_EQUAL(before, INT64_MAX);
}

static void
locks_run_out(void)
{
    struct otp_counter counter = { 0 };
    int i;

    for (i = 1; i <= 4; i++) {
        CU_ASSERT_FALSE(otp_count_failure(&counter, &device_rule, NOW));
        CU_ASSERT_FALSE(otp_locked(&counter, NOW));
    }
    CU_ASSERT_TRUE(otp_count_failure(&counter, &device_rule, NOW));
    CU_ASSERT_EQUAL(counter.failures, 5);
    CU_ASSERT_TRUE(otp_locked(&counter, NOW));
    CU_ASSERT_TRUE(otp_locked(&counter, NOW + 2 * MINUTE - 1));
    CU_ASSERT_FALSE(otp_locked(&counter, NOW + 2 * MINUTE));
    /* Running out is not clearing: the next lock is twice as long. */
    for (i = 6; i <= 9; i++)
        CU_ASSERT_FALSE(
            otp_count_failure(&counter, &device_rule, NOW + 2 * MINUTE));
    CU_ASSERT_TRUE(
        otp_count_failure(&counter, &device_rule, NOW + 2 * MINUTE));
    CU_ASSERT_TRUE(otp_locked(&counter, NOW + 6 * MINUTE - 1));
    CU_ASSERT_FALSE(otp_locked(&counter, NOW + 6 * MINUTE));
}

static void
hundred_disable(void)
{
    struct otp_counter counter = { 0 };
    int64_t now = NOW;
    int i;

    for (i = 1; i <= 100; i++) {
        CU_ASSERT_FALSE(counter.disabled);
        if (otp_locked(&counter, now))
            now = counter.locked_until_ms;
        otp_count_failure(&counter, &device_rule, now);
    }
    CU_ASSERT_TRUE(counter.disabled);
    CU_ASSERT_TRUE(otp_locked(&counter, INT64_MAX));
    /* 2 + 4 + 8 + 16 + 32 minutes and 14 hours were waited. */
    CU_ASSERT_EQUAL(now - NOW, 62 * MINUTE + 14 * HOUR);
}

static void
counts_do_not_wrap(void)
{
    struct otp_counter counter = { .failures = UINT32_MAX };

    otp_count_failure(&counter, &account_rule, NOW);
    CU_ASSERT_EQUAL(counter.failures, UINT32_MAX);
}

/* --- Pace --- */

static void
pace(void)
{
    const struct otp_pace rule = { .max_resends = 15, .cooldown_ms = 20000 };
    const struct otp_pace none = { .max_resends = 2, .cooldown_ms = 0 };

    CU_ASSERT_EQUAL(otp_may_resend(&rule, 0, NOW, NOW), OTP_PACE_TOO_SOON);
    CU_ASSERT_EQUAL(otp_may_resend(&rule, 0, NOW, NOW + 19999),
                    OTP_PACE_TOO_SOON);
    CU_ASSERT_EQUAL(otp_may_resend(&rule, 0, NOW, NOW + 20000), OTP_PACE_OK);
    CU_ASSERT_EQUAL(otp_may_resend(&rule, 14, NOW, NOW + 20000), OTP_PACE_OK);
    CU_ASSERT_EQUAL(otp_may_resend(&rule, 15, NOW, NOW + 20000),
                    OTP_PACE_LIMIT);
    CU_ASSERT_EQUAL(otp_may_resend(&rule, 15, NOW, NOW), OTP_PACE_LIMIT);
    CU_ASSERT_EQUAL(otp_may_resend(&none, 1, NOW, NOW), OTP_PACE_OK);
    CU_ASSERT_EQUAL(otp_may_resend(&none, 2, NOW, NOW), OTP_PACE_LIMIT);
    /* A clock that was set back lengthens the wait, never shortens it. */
    CU_ASSERT_EQUAL(otp_may_resend(&rule, 0, NOW, NOW - HOUR),
                    OTP_PACE_TOO_SOON);
}

static void
ages(void)
{
    CU_ASSERT_FALSE(otp_too_old(NOW + MINUTE, NOW));
    CU_ASSERT_TRUE(otp_too_old(NOW + MINUTE - 1, NOW));
    CU_ASSERT_TRUE(otp_too_old(NOW, NOW));
    CU_ASSERT_TRUE(otp_too_old(NOW - HOUR, NOW));
    CU_ASSERT_TRUE(otp_same_click(NOW, NOW));
    CU_ASSERT_TRUE(otp_same_click(NOW, NOW + 2000));
    CU_ASSERT_FALSE(otp_same_click(NOW, NOW + 2001));
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
        otp_base32((const uint8_t *)"foobar", len, text);
        CU_ASSERT_STRING_EQUAL(text, texts[len]);
        CU_ASSERT_EQUAL(otp_base32_size(len), strlen(texts[len]) + 1);
    }
}

/* --- Masks --- */

static void
masks(void)
{
    static const struct otp_mask_rule rule = { 2, 2 };
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
        CU_ASSERT_TRUE(otp_mask_size(rows[i].address) <= sizeof(masked));
        otp_mask(rows[i].address, &rule, masked);
        CU_ASSERT_STRING_EQUAL(masked, rows[i].masked);
        CU_ASSERT_TRUE(strlen(masked) < otp_mask_size(rows[i].address));
    }
}

static void
masks_by_setting(void)
{
    static const struct otp_mask_rule none = { 0, 0 }, all = { 16, 16 };
    char masked[64];

    otp_mask("joe-on-chat", &none, masked);
    CU_ASSERT_STRING_EQUAL(masked, "****");
    otp_mask("joe-on-chat", &all, masked);
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
        otp_normalise(rows[i].address, normal);
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
