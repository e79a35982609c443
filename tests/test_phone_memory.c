/* SPDX-License-Identifier: MIT */
/* tests/test_phone_memory.c - the phone: no key stays behind in memory that is
 * given back, and nothing breaks when there is none left. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "phone/internal.h"
#include "tests/tap.h"
#include "tests/test_phone_rig.h"

#define DEVICE "device-1"

/* --- instead of the C library's, in the phone and in this program --- */

/* What must not stand in memory that is given back. */
static struct {
    const void *bytes;
    size_t len;
} secrets[4];
static size_t secret_count;

/* volatile: the compiler knows what these functions do not change. */
static volatile unsigned leaks;
static volatile long fails_at; /* the allocation that fails; 0: none */
static volatile bool failed;

void __real_free(void *memory);
void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);
json_t *__real_json_loadb(const char *buffer, size_t len, size_t flags,
                          json_error_t *error);
void __wrap_free(void *memory);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *text);
json_t *__wrap_json_loadb(const char *buffer, size_t len, size_t flags,
                          json_error_t *error);

void
__wrap_free(void *memory)
{
    size_t len = memory && secret_count ? malloc_usable_size(memory) : 0, i;

    for (i = 0; i < secret_count && len > 0; i++)
        if (memmem(memory, len, secrets[i].bytes, secrets[i].len)) {
            leaks++;
            break;
        }
    __real_free(memory);
}

/* The host and the storage never fail. */
static bool
fails(void)
{
    if (fails_at == 0 || rig.called_back || --fails_at > 0)
        return false;
    failed = true;
    return true;
}

void *
__wrap_malloc(size_t len)
{
    return fails() ? NULL : __real_malloc(len);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *
__wrap_reallocarray(void *memory, size_t count, size_t size)
{
    return fails() ? NULL : __real_reallocarray(memory, count, size);
}

char *
__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* jansson 2.14 frees what it never had when memory is short within a parser:
 * that one fails as a whole. */
json_t *
__wrap_json_loadb(const char *buffer, size_t len, size_t flags,
                  json_error_t *error)
{
    bool called_back = rig.called_back;
    json_t *value;

    if (fails())
        return NULL;
    rig.called_back = true;
    value = __real_json_loadb(buffer, len, flags, error);
    rig.called_back = called_back;
    return value;
}

/* --- what a phone does --- */

static struct factor_phone_link host_link; /* of the rig's host */

static enum factor_phone_status
do_list(void)
{
    struct factor_phone_pairings *list = NULL;
    enum factor_phone_status status;

    status = factor_phone_list(rig.phone, &list);
    factor_phone_pairings_free(list);
    return status;
}

static enum factor_phone_status
do_discover(void)
{
    struct factor_phone_discovery *discovery = NULL;
    enum factor_phone_status status;

    status = factor_phone_discover(rig.phone, RIG_ISSUER, &discovery);
    factor_phone_discovery_free(discovery);
    return status;
}

static enum factor_phone_status
do_pair(void)
{
    struct factor_phone_pairings *list = NULL;
    enum factor_phone_status status;

    status = factor_phone_pair(rig.phone, &host_link, &rig_about, &list);
    factor_phone_pairings_free(list);
    return status;
}

static enum factor_phone_status
do_ask(void)
{
    struct factor_phone_requests *requests = NULL;
    enum factor_phone_status status;

    status = factor_phone_ask(rig.phone, DEVICE, 0, &requests);
    factor_phone_requests_free(requests);
    return status;
}

static const struct factor_phone_request request = {
    .id = "request-1", .challenge = "w3p8mX1tQvC0bYh2nKd7Zg",
    .client = "demo", .host = "app.example.org"
};

static enum factor_phone_status
do_approve(void)
{
    enum factor_phone_result result;

    return factor_phone_approve(rig.phone, DEVICE, &request, NULL, "pin",
                                &result);
}

static enum factor_phone_status
do_deny(void)
{
    enum factor_phone_result result;

    return factor_phone_deny(rig.phone, DEVICE, &request, FACTOR_PHONE_FRAUD,
                             &result);
}

static enum factor_phone_status
do_payload(void)
{
    const struct factor_phone_payload payload = { .issuer = RIG_ISSUER,
                                                  .client = "demo" };
    enum factor_phone_status status;
    char *text = NULL;

    status = factor_phone_payload(rig.phone, &payload, &rig_about, &text);
    free(text);
    return status;
}

static enum factor_phone_status
do_push(void)
{
    return factor_phone_set_push(rig.phone, DEVICE, "fcm:x");
}

static enum factor_phone_status
do_rotate(void)
{
    return factor_phone_rotate(rig.phone, DEVICE);
}

static enum factor_phone_status
do_passcode(void)
{
    struct factor_phone_passcode passcode;

    return factor_phone_passcode(rig.phone, DEVICE, &passcode);
}

static enum factor_phone_status
do_forget(void)
{
    return factor_phone_forget(rig.phone, DEVICE);
}

static enum factor_phone_status
do_unpair(void)
{
    return factor_phone_unpair(rig.phone, DEVICE);
}

static const struct {
    const char *name;
    enum factor_phone_status (*run)(void);
    bool unpaired; /* is done by a phone that is not paired */
    bool ends;     /* the pairing is gone afterwards */
    bool recovers; /* from an answer that it could not read */
} acts[] = {
    { "discover", do_discover, true, false, false },
    { "pair", do_pair, true, false, false },
    { "payload, not paired", do_payload, true, false, false },
    { "list", do_list, false, false, false },
    { "ask", do_ask, false, false, false },
    { "approve", do_approve, false, false, false },
    { "deny", do_deny, false, false, false },
    { "payload", do_payload, false, false, false },
    { "push", do_push, false, false, false },
    { "rotate", do_rotate, false, false, true },
    { "passcode", do_passcode, false, false, false },
    { "forget", do_forget, false, true, false },
    { "unpair", do_unpair, false, true, false },
};

static void
open_for(size_t act, const void *key)
{
    json_t *waiting;

    rig_open();
    host_link = rig_link();
    rig.key_bytes = key;
    if (!acts[act].unpaired)
        rig_pair();
    waiting = rig_add_request("request-1", "authentication");
    json_object_set_new(waiting, "number",
                        json_loads("{\"type\":\"SELECT_NUMBER\",\"choices\":"
                                   "[\"07\",\"12\"]}", 0, NULL));
}

/* --- the tests --- */

static void
watch(const void *bytes, size_t len)
{
    secrets[secret_count].bytes = bytes;
    secrets[secret_count++].len = len;
}

/* A list that is kept holds no key, too.  The state is the first that its
 * source has. */
static void
kept_lists_hold_no_key(void)
{
    static const struct phone_key none;
    struct factor_phone_pairings *list = NULL;
    const struct phone_state *state;

    rig_open();
    rig_pair();
    CU_ASSERT_EQUAL_FATAL(factor_phone_list(rig.phone, &list),
                          FACTOR_PHONE_OK);
    state = list->source;
    CU_ASSERT_EQUAL_FATAL(state->count, 1);
    CU_ASSERT_EQUAL(memcmp(&state->items[0]->key, &none, sizeof(none)), 0);
    CU_ASSERT_PTR_NULL(state->items[0]->secret);
    factor_phone_pairings_free(list);
    rig_close();
}

/* How many blocks with secrets are given back by everything a phone does. */
static unsigned
leaks_of_all(const void *d)
{
    size_t i;

    leaks = 0;
    for (i = 0; i < COUNT(acts); i++) {
        open_for(i, d);
        CU_ASSERT_EQUAL(acts[i].run(), FACTOR_PHONE_OK);
        rig_close();
    }
    return leaks;
}

static void
leaves_no_key_behind(void)
{
    static const unsigned char d[32] = { 0x5a, 0xa5, 1, 2, 3, 4, 5, 6, 7 };
    static char text[PHONE_B64_SIZE(32)];
    char *volatile block; /* or the compiler takes both calls away */

    if (getenv("FACTOR_QUICK")) {
        tap_skip("valgrind would complain of what the search reads");
        return;
    }
    phone_b64(d, sizeof(d), text);
    watch(d, sizeof(d));
    watch(text, strlen(text));
    watch(RIG_SECRET, strlen(RIG_SECRET));
    watch("12345678901234567890", 20); /* the same in bytes */
    /* The control: such a block is found, of jansson's too. */
    leaks = 0;
    block = strdup(text);
    free(block);
    CU_ASSERT_EQUAL(leaks, 1);
    json_set_alloc_funcs(malloc, free);
    CU_ASSERT(leaks_of_all(d) > 10);
    factor_phone_wipe_json();
    CU_ASSERT_EQUAL(leaks_of_all(d), 0);
    secret_count = 0;
}

/* The phone works on: whatever failed has left nothing half done. */
static void
works_on(size_t act)
{
    enum factor_phone_status status;

    CU_ASSERT_FALSE(rig.locked);
    if (acts[act].unpaired)
        CU_ASSERT_EQUAL(do_pair(), FACTOR_PHONE_OK);
    status = do_ask();
    CU_ASSERT(status == FACTOR_PHONE_OK ||
              (acts[act].ends && status == FACTOR_PHONE_NOT_PAIRED));
}

/* With the n-th allocation failing; false: there are fewer. */
static bool
runs_short_at(size_t act, long n)
{
    enum factor_phone_status status;

    open_for(act, NULL);
    failed = false;
    fails_at = n;
    status = acts[act].run();
    fails_at = 0;
    if (failed) {
        if (status == FACTOR_PHONE_OK && !acts[act].recovers) {
            tap_note("%s: allocation %ld", acts[act].name, n);
            CU_FAIL("nobody noticed");
        }
        works_on(act);
    } else {
        CU_ASSERT_EQUAL(status, FACTOR_PHONE_OK);
    }
    rig_close();
    return failed;
}

static void
survives_without_memory(void)
{
    const long step = getenv("FACTOR_QUICK") ? 7 : 1;
    size_t i;
    long n;

    for (i = 0; i < COUNT(acts); i++) {
        for (n = 1; runs_short_at(i, n); n += step)
            continue;
        CU_ASSERT(n > 3);
    }
}

static const struct tap_test tests[] = {
    { "a list that is kept holds no key", kept_lists_hold_no_key },
    { "no key stays behind in memory", leaves_no_key_behind },
    { "each allocation may fail", survives_without_memory },
};

int
main(void)
{
    factor_phone_wipe_json();
    return tap_main("phone memory", tests, TAP_COUNT(tests));
}
