/* SPDX-License-Identifier: MIT */
/* tests/test_phone_change.c - the phone: passcodes, push address, new keys,
 * unpairing. */
#include <string.h>

#include "phone/internal.h"
#include "tests/tap.h"
#include "tests/test_phone_rig.h"

#define DEVICE "device-1"

static void
open_paired(void)
{
    rig_open();
    rig_pair();
}

static size_t
listed(void)
{
    struct factor_phone_pairings *list = NULL;
    size_t count;

    CU_ASSERT_EQUAL_FATAL(factor_phone_list(rig.phone, &list),
                          FACTOR_PHONE_OK);
    count = list->count;
    factor_phone_pairings_free(list);
    return count;
}

/* The phone and the host have the same key. */
static bool
agrees(void)
{
    struct factor_phone_requests *requests = NULL;
    enum factor_phone_status status;

    status = factor_phone_ask(rig.phone, DEVICE, 0, &requests);
    factor_phone_requests_free(requests);
    return status == FACTOR_PHONE_OK;
}

static bool
has_next(void)
{
    json_t *state = rig_state();
    const json_t *one = json_array_get(json_object_get(state, "pairings"), 0);
    bool found = json_object_get(one, "next_key") != NULL;

    json_decref(state);
    return found;
}

/* --- passcodes --- */

static void
shows_passcodes(void)
{
    /* RFC 6238 appendix B, its last six digits. */
    static const struct {
        int64_t time_s;
        const char *code;
        unsigned left_s;
    } codes[] = {
        { 59, "287082", 1 },          { 1111111109, "081804", 1 },
        { 1111111111, "050471", 29 }, { 1234567890, "005924", 30 },
        { 2000000000, "279037", 10 },
    };
    struct factor_phone_passcode passcode;
    size_t i, calls;

    open_paired();
    calls = rig.call_count;
    for (i = 0; i < COUNT(codes); i++) {
        rig.now_ms = codes[i].time_s * 1000;
        CU_ASSERT_EQUAL(factor_phone_passcode(rig.phone, DEVICE, &passcode),
                        FACTOR_PHONE_OK);
        CU_ASSERT_STRING_EQUAL(passcode.code, codes[i].code);
        CU_ASSERT_EQUAL(passcode.left_s, codes[i].left_s);
        CU_ASSERT_EQUAL(passcode.period_s, 30);
    }
    CU_ASSERT_EQUAL(rig.call_count, calls);
    rig_close();
}

static void
shows_passcodes_by_the_hosts_clock(void)
{
    struct factor_phone_passcode passcode;

    rig_open();
    rig.host.ahead_ms = 1000 * (INT64_C(2000000000) - RIG_NOW_MS / 1000);
    rig_pair();
    CU_ASSERT_EQUAL(factor_phone_passcode(rig.phone, DEVICE, &passcode),
                    FACTOR_PHONE_OK);
    CU_ASSERT_STRING_EQUAL(passcode.code, "279037");
    rig_close();
}

static void
has_no_passcodes_without_a_secret(void)
{
    struct factor_phone_passcode passcode;

    rig_open();
    rig.host.no_passcode = true;
    rig_pair();
    CU_ASSERT_EQUAL(factor_phone_passcode(rig.phone, DEVICE, &passcode),
                    FACTOR_PHONE_NOT_FOUND);
    CU_ASSERT_EQUAL(factor_phone_passcode(rig.phone, "device-9", &passcode),
                    FACTOR_PHONE_NOT_FOUND);
    rig_close();
}

/* --- push address --- */

static void
changes_the_push_address(void)
{
    static char longest[PHONE_PUSH_MAX + 2];

    open_paired();
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:x"),
                    FACTOR_PHONE_OK);
    CU_ASSERT_STRING_EQUAL(rig.host.push, "fcm:x");
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, NULL),
                    FACTOR_PHONE_OK);
    CU_ASSERT_PTR_NULL(rig.host.push);
    memset(longest, 'x', sizeof(longest) - 1);
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, longest),
                    FACTOR_PHONE_USAGE);
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "\xff"),
                    FACTOR_PHONE_USAGE);
    CU_ASSERT_EQUAL(rig_count("/push"), 2);
    rig_close();
}

/* The clock stands still, goes back, and the phone starts anew. */
static void
counts_its_changes(void)
{
    json_t *claims;

    open_paired();
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:1"),
                    FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:2"),
                    FACTOR_PHONE_OK);
    rig_restart();
    rig.now_ms -= 5000;
    rig.host.ahead_ms = 5000;
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:3"),
                    FACTOR_PHONE_OK);
    CU_ASSERT_STRING_EQUAL(rig.host.push, "fcm:3");
    claims = rig_claims(rig_last("/push"));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(claims, "iat_ms")),
                    RIG_NOW_MS + 2);
    json_decref(claims);
    rig_close();
}

static void
counts_a_lost_change(void)
{
    open_paired();
    rig_lose(RIG_LOST_AFTER);
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:1"),
                    FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(rig_count("/push"), 2);
    CU_ASSERT_EQUAL(rig.host.last_ms, RIG_NOW_MS + 1);
    rig_close();
}

/* The state was put back to an older one, and the clock, too. */
static void
counts_on_from_a_replay(void)
{
    open_paired();
    rig.host.last_ms = RIG_NOW_MS;
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:1"),
                    FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(rig_count("/push"), 2);
    rig.host.last_ms = RIG_NOW_MS + 5000;
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:1"),
                    FACTOR_PHONE_REFUSED);
    CU_ASSERT_EQUAL(rig_count("/push"), 4);
    rig_close();
}

/* A clock far ahead would make the count useless for as long. */
static void
does_not_count_by_a_wrong_clock(void)
{
    open_paired();
    rig.host.ahead_ms = -86400 * 1000;
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:1"),
                    FACTOR_PHONE_OK);
    CU_ASSERT(rig.host.last_ms < RIG_NOW_MS - 86000 * 1000);
    rig_close();
}

static void
saves_the_count_first(void)
{
    open_paired();
    rig.saves_left = 0;
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:1"),
                    FACTOR_PHONE_STORAGE);
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE),
                    FACTOR_PHONE_STORAGE);
    CU_ASSERT_EQUAL(factor_phone_unpair(rig.phone, DEVICE),
                    FACTOR_PHONE_STORAGE);
    CU_ASSERT_EQUAL(rig_count("/push"), 0);
    CU_ASSERT_EQUAL(rig_count("/key"), 0);
    CU_ASSERT_EQUAL(rig_count("/unpair"), 0);
    CU_ASSERT_FALSE(has_next());
    rig.saves_left = -1;
    CU_ASSERT(agrees());
    rig_close();
}

static void
forgets_a_device_that_is_gone(void)
{
    open_paired();
    json_decref(rig.host.key);
    rig.host.key = NULL;
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:1"),
                    FACTOR_PHONE_NOT_PAIRED);
    CU_ASSERT_EQUAL(listed(), 0);
    rig_close();
    open_paired();
    json_decref(rig.host.key);
    rig.host.key = NULL;
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE),
                    FACTOR_PHONE_NOT_PAIRED);
    CU_ASSERT_EQUAL(listed(), 0);
    rig_close();
}

/* --- new keys --- */

static void
gives_a_new_key(void)
{
    struct factor_phone_pairings *before = NULL, *now = NULL;

    open_paired();
    factor_phone_list(rig.phone, &before);
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE), FACTOR_PHONE_OK);
    CU_ASSERT_FALSE(has_next());
    CU_ASSERT_EQUAL(rig_count("/key"), 1);
    CU_ASSERT(agrees());
    factor_phone_list(rig.phone, &now);
    CU_ASSERT_STRING_NOT_EQUAL(before->items[0].check, now->items[0].check);
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE), FACTOR_PHONE_OK);
    CU_ASSERT(agrees());
    factor_phone_pairings_free(before);
    factor_phone_pairings_free(now);
    rig_close();
}

/* The host took the new key; the second try is refused, since the old one
 * signs it. */
static void
finds_out_that_the_new_key_was_taken(void)
{
    open_paired();
    rig_lose(RIG_LOST_AFTER);
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE), FACTOR_PHONE_OK);
    CU_ASSERT_FALSE(has_next());
    CU_ASSERT_EQUAL(factor_phone_why(rig.phone)->status, FACTOR_PHONE_OK);
    CU_ASSERT(agrees());
    rig_close();
}

static void
finds_out_later_that_the_new_key_was_taken(void)
{
    open_paired();
    rig_lose(RIG_LOST_AFTER);
    rig_lose(RIG_LOST_BEFORE);
    rig_lose(RIG_LOST_BEFORE);
    rig_lose(RIG_LOST_BEFORE);
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE),
                    FACTOR_PHONE_NETWORK);
    CU_ASSERT(has_next());
    rig_restart();
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, "fcm:1"),
                    FACTOR_PHONE_OK);
    CU_ASSERT_FALSE(has_next());
    CU_ASSERT(agrees());
    rig_close();
}

static void
finds_out_that_the_old_key_stays(void)
{
    open_paired();
    rig_lose(RIG_LOST_BEFORE);
    rig_lose(RIG_LOST_BEFORE);
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE),
                    FACTOR_PHONE_NETWORK);
    CU_ASSERT_FALSE(has_next());
    CU_ASSERT_STRING_EQUAL(factor_phone_why(rig.phone)->text, "lost");
    CU_ASSERT(agrees());
    rig_close();
}

static void
finds_out_later_that_the_old_key_stays(void)
{
    int i;

    open_paired();
    for (i = 0; i < 4; i++)
        rig_lose(RIG_LOST_BEFORE);
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE),
                    FACTOR_PHONE_NETWORK);
    CU_ASSERT(has_next());
    CU_ASSERT(agrees());
    CU_ASSERT_FALSE(has_next());
    rig_close();
}

static void
keeps_both_keys_while_it_cannot_know(void)
{
    static const char refusal[] =
        "{\"details\":[{\"code\":\"INVALID_STATEMENT\"}]}";
    int i;

    open_paired();
    for (i = 0; i < 4; i++)
        rig_lose(RIG_LOST_BEFORE);
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE),
                    FACTOR_PHONE_NETWORK);
    rig_reply(400, refusal);
    rig_reply(400, refusal);
    CU_ASSERT_FALSE(agrees());
    CU_ASSERT(has_next());
    rig_reply(404, "<html>");
    CU_ASSERT_FALSE(agrees());
    CU_ASSERT(has_next());
    CU_ASSERT(agrees());
    CU_ASSERT_FALSE(has_next());
    rig_close();
}

static void
says_why_a_key_was_refused(void)
{
    open_paired();
    rig_reply(400, "{\"details\":[{\"code\":\"INVALID_STATEMENT\",\"message\":"
                   "\"no good\"}]}");
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE),
                    FACTOR_PHONE_REFUSED);
    CU_ASSERT_STRING_EQUAL(factor_phone_why(rig.phone)->text, "no good");
    CU_ASSERT_FALSE(has_next());
    CU_ASSERT(agrees());
    rig_close();
}

/* The new key is taken, and then the phone cannot save that it is. */
static void
rotates_on_a_failing_storage(void)
{
    open_paired();
    rig.saves_left = 1;
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE),
                    FACTOR_PHONE_STORAGE);
    CU_ASSERT(has_next());
    rig.saves_left = -1;
    rig_restart();
    CU_ASSERT(agrees());
    CU_ASSERT_FALSE(has_next());
    rig_close();
}

/* --- unpairing --- */

static void
unpairs(void)
{
    open_paired();
    CU_ASSERT_EQUAL(factor_phone_unpair(rig.phone, DEVICE), FACTOR_PHONE_OK);
    CU_ASSERT_PTR_NULL(rig.host.key);
    CU_ASSERT_EQUAL(listed(), 0);
    CU_ASSERT_EQUAL(factor_phone_unpair(rig.phone, DEVICE),
                    FACTOR_PHONE_NOT_FOUND);
    rig_close();
}

static void
unpairs_although_the_answer_is_lost(void)
{
    open_paired();
    rig_lose(RIG_LOST_AFTER);
    CU_ASSERT_EQUAL(factor_phone_unpair(rig.phone, DEVICE), FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(factor_phone_why(rig.phone)->status, FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(listed(), 0);
    rig_close();
}

static void
stays_paired_when_nobody_hears(void)
{
    open_paired();
    rig_lose(RIG_LOST_BEFORE);
    rig_lose(RIG_LOST_BEFORE);
    CU_ASSERT_EQUAL(factor_phone_unpair(rig.phone, DEVICE),
                    FACTOR_PHONE_NETWORK);
    CU_ASSERT_EQUAL(listed(), 1);
    CU_ASSERT(agrees());
    rig_close();
}

static const struct tap_test tests[] = {
    { "passcodes are those of RFC 6238", shows_passcodes },
    { "passcodes go by the host's clock",
      shows_passcodes_by_the_hosts_clock },
    { "without a secret there are no passcodes",
      has_no_passcodes_without_a_secret },
    { "the push address is changed, and taken away",
      changes_the_push_address },
    { "each change is later than the one before", counts_its_changes },
    { "a change whose answer is lost is made again, later",
      counts_a_lost_change },
    { "a change taken for a replay is made once more, later",
      counts_on_from_a_replay },
    { "what was refused for its clock does not count",
      does_not_count_by_a_wrong_clock },
    { "no change is sent that cannot be saved", saves_the_count_first },
    { "a device that is gone is forgotten", forgets_a_device_that_is_gone },
    { "a device gets a new key", gives_a_new_key },
    { "lost answer: the new key was taken",
      finds_out_that_the_new_key_was_taken },
    { "lost network: the new key was taken",
      finds_out_later_that_the_new_key_was_taken },
    { "lost request: the old key stays", finds_out_that_the_old_key_stays },
    { "lost network: the old key stays",
      finds_out_later_that_the_old_key_stays },
    { "both keys are kept while nothing is known",
      keeps_both_keys_while_it_cannot_know },
    { "why a key was refused is told", says_why_a_key_was_refused },
    { "a new key that could not be saved is found",
      rotates_on_a_failing_storage },
    { "a device is unpaired", unpairs },
    { "lost answer: the device is unpaired",
      unpairs_although_the_answer_is_lost },
    { "a device stays paired when nobody hears",
      stays_paired_when_nobody_hears },
};

int
main(void)
{
    return tap_main("phone changes", tests, TAP_COUNT(tests));
}
