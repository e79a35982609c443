/* SPDX-License-Identifier: MIT */
/* tests/test_record.c - keys, sealing, caches and the audit chain: what lies
 * between a step and a store. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/json.h"
#include "host/record/audit.h"
#include "host/record/cache.h"
#include "host/record/volatile.h"
#include "tests/folder.h"
#include "tests/tap.h"

static struct keys *keys;

static int
set_up(void)
{
    struct factor_error err;

    if (folder_make() != 0)
        return 1;
    return keys_open(folder_in("keys.json"), true, &keys, &err);
}

static int
tear_down(void)
{
    keys_close(keys);
    keys = NULL;
    return folder_remove();
}

static struct record *
make_record(const char *id, uint64_t version, json_t *body)
{
    const struct factor_record face = {
        .collection = "otp.authenticator",
        .id = id,
        .owner = "u1",
        .name = NULL,
        .version = version,
    };
    struct record *record = record_new(&face, body, 0);

    CU_ASSERT_PTR_NOT_NULL_FATAL(record);
    return record;
}

static json_t *
secret_body(void)
{
    return json_pack("{s:i, s:s, s:{s:s}}", "v", 1, "channel", "sms", "secret",
                     "key", "JBSWY3DPEHPK3PXP");
}

/* --- Sealing. --- */

static void
seals_and_opens(void)
{
    struct record *record = make_record("a1", 1, secret_body()), *seen = NULL;
    struct factor_row *row = record_encode(record, keys);
    struct factor_error err = {0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    CU_ASSERT_PTR_NULL(strstr(row->body, "JBSWY3DPEHPK3PXP"));
    CU_ASSERT_PTR_NOT_NULL(strstr(row->body, "\"channel\":\"sms\""));
    CU_ASSERT_EQUAL(record_decode(row, keys, &seen, &err), FACTOR_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
    CU_ASSERT(json_equal(seen->body, record->body));
    CU_ASSERT_STRING_EQUAL(seen->face.owner, "u1");
    CU_ASSERT(record_stored(seen));
    record_unref(seen);
    record_unref(record);
    free(row);
}

/* Everything that a row says is under its mac. */
static void
refuses_changed_rows(void)
{
    struct record *record = make_record("a1", 3, secret_body()), *seen = NULL;
    struct factor_row *row = record_encode(record, keys);
    struct factor_error err = {0};
    struct factor_row changed[6];
    size_t i;

    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    for (i = 0; i < 6; i++)
        changed[i] = *row;
    changed[0].id = "a2"; /* swapped for another's */
    changed[1].owner = "u2";
    changed[2].version = 2; /* rolled back in place */
    changed[3].expires_at_ms = 1;
    changed[4].body_len--;
    changed[5].mac_len--;
    for (i = 0; i < 6; i++)
        CU_ASSERT_EQUAL(record_decode(&changed[i], keys, &seen, &err),
                        FACTOR_E_INTERNAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "mac"));
    CU_ASSERT_PTR_NULL(seen);
    record_unref(record);
    free(row);
}

static void
reads_old_key_versions(void)
{
    struct record *record = make_record("a1", 1, secret_body()), *seen = NULL;
    struct factor_row *old = record_encode(record, keys), *new_row;
    struct factor_error err = {0};
    uint32_t before = keys_newest(keys);

    CU_ASSERT_EQUAL(keys_rotate(keys, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(keys_newest(keys), before + 1);
    new_row = record_encode(record, keys);
    CU_ASSERT_EQUAL(new_row->key_version, before + 1);
    CU_ASSERT_EQUAL(record_decode(old, keys, &seen, &err), FACTOR_OK);
    record_unref(seen);
    seen = NULL;
    CU_ASSERT_EQUAL(keys_forget(keys, before + 1, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(record_decode(old, keys, &seen, &err), FACTOR_E_INTERNAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "key version"));
    CU_ASSERT_EQUAL(record_decode(new_row, keys, &seen, &err), FACTOR_OK);
    record_unref(seen);
    record_unref(record);
    free(old);
    free(new_row);
}

/* --- The key file. --- */

static void
keeps_keys_over_a_restart(void)
{
    struct record *record = make_record("a1", 1, secret_body()), *seen = NULL;
    struct factor_row *row = record_encode(record, keys);
    uint8_t hash[CRYPTO_MAC_LEN], again[CRYPTO_MAC_LEN];
    struct keys *reopened = NULL;
    struct factor_error err = {0};
    struct stat st;

    CU_ASSERT_EQUAL(stat(folder_in("keys.json"), &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(
        keys_open(folder_in("keys.json"), false, &reopened, &err), FACTOR_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reopened);
    CU_ASSERT_EQUAL(record_decode(row, reopened, &seen, &err), FACTOR_OK);
    CU_ASSERT(keys_hash(keys, "p", "x", 1, hash));
    CU_ASSERT(keys_hash(reopened, "p", "x", 1, again));
    CU_ASSERT(memcmp(hash, again, sizeof(hash)) == 0);
    CU_ASSERT(keys_hash(keys, "q", "x", 1, again));
    CU_ASSERT(memcmp(hash, again, sizeof(hash)) != 0);
    CU_ASSERT_STRING_EQUAL(keys_environment(keys), keys_environment(reopened));
    record_unref(seen);
    record_unref(record);
    free(row);
    keys_close(reopened);
}

static void
refuses_bad_key_files(void)
{
    struct keys *opened = NULL;
    struct factor_error err = {0};

    CU_ASSERT_EQUAL(keys_open(folder_in("none.json"), false, &opened, &err),
                    FACTOR_E_CONFIG);
    folder_write_text("open.json", "{}");
    CU_ASSERT_EQUAL(keys_open(folder_in("open.json"), true, &opened, &err),
                    FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "chmod 600"));
    CU_ASSERT_EQUAL(chmod(folder_in("open.json"), 0600), 0);
    CU_ASSERT_EQUAL(keys_open(folder_in("open.json"), true, &opened, &err),
                    FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not a key file"));
    CU_ASSERT_PTR_NULL(opened);
}

static void
prepared_keys_are_written_late(void)
{
    const struct keys_file file = {.path = folder_in("late.json")};
    struct keys *prepared;
    struct factor_error err = {0};
    char environment[64];

    CU_ASSERT_EQUAL_FATAL(keys_prepare(&file, &prepared, &err), FACTOR_OK);
    CU_ASSERT_NOT_EQUAL(access(folder_in("late.json"), F_OK), 0);
    CU_ASSERT_EQUAL(keys_settle(prepared, false, &err), FACTOR_E_CONFIG);
    CU_ASSERT_NOT_EQUAL(access(folder_in("late.json"), F_OK), 0);
    CU_ASSERT_EQUAL(keys_settle(prepared, true, &err), FACTOR_OK);
    snprintf(environment, sizeof(environment), "%s",
             keys_environment(prepared));
    keys_close(prepared);
    CU_ASSERT_EQUAL_FATAL(keys_prepare(&file, &prepared, &err), FACTOR_OK);
    CU_ASSERT_STRING_EQUAL(keys_environment(prepared), environment);
    CU_ASSERT_EQUAL(keys_settle(prepared, false, &err), FACTOR_OK);
    keys_close(prepared);
}

/* --- Keys under a secret. --- */

static const char secret_one[] = "one-one-one-one-one-one-one-one-1";
static const char secret_two[] = "two-two-two-two-two-two-two-two-2";

/* The index key's hash, by which one sees that the keys are the same; 0: they
 * could not be had. */
static int
start_with(const char *secret, const char *old_secret, struct factor_error *err)
{
    const struct keys_file file = {folder_in("sealed.json"), secret,
                                   old_secret};
    uint8_t hash[CRYPTO_MAC_LEN] = {0};
    struct keys *opened;

    memset(err, 0, sizeof(*err));
    if (keys_prepare(&file, &opened, err) != FACTOR_OK)
        return 0;
    CU_ASSERT_EQUAL(keys_settle(opened, true, err), FACTOR_OK);
    CU_ASSERT(keys_hash(opened, "p", "x", 1, hash));
    keys_close(opened);
    return 1 + hash[0] + 256 * hash[1] + 65536 * hash[2];
}

static bool
file_is_clear(void)
{
    json_t *body = json_load_file(folder_in("sealed.json"), 0, NULL);
    bool clear = json_object_get(body, "index") != NULL;

    CU_ASSERT_NOT_EQUAL(clear, json_object_get(body, "sealed") != NULL);
    json_decref(body);
    return clear;
}

static void
keys_are_sealed_under_a_secret(void)
{
    struct factor_error err;
    int keys_made = start_with(secret_one, NULL, &err);

    CU_ASSERT_NOT_EQUAL(keys_made, 0);
    CU_ASSERT_FALSE(file_is_clear());
    CU_ASSERT_EQUAL(start_with(secret_one, NULL, &err), keys_made);
    CU_ASSERT_EQUAL(start_with(NULL, NULL, &err), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "keys_secret is not set"));
    CU_ASSERT_EQUAL(start_with(secret_two, NULL, &err), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "under another secret"));
    CU_ASSERT_PTR_NULL(strstr(err.text, secret_two));
    /* Another secret, none, and one again. */
    CU_ASSERT_EQUAL(start_with(secret_two, secret_one, &err), keys_made);
    CU_ASSERT_EQUAL(start_with(secret_one, NULL, &err), 0);
    CU_ASSERT_EQUAL(start_with(NULL, secret_two, &err), keys_made);
    CU_ASSERT(file_is_clear());
    CU_ASSERT_EQUAL(start_with(secret_one, NULL, &err), keys_made);
    CU_ASSERT_FALSE(file_is_clear());
    CU_ASSERT_EQUAL(start_with(secret_one, secret_two, &err), keys_made);
}

static void
rotated_keys_are_sealed_too(void)
{
    const struct keys_file file = {.path = folder_in("sealed.json"),
                                   .secret = secret_one};
    struct factor_error err;
    struct keys *opened;

    CU_ASSERT_EQUAL_FATAL(keys_prepare(&file, &opened, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(keys_rotate(opened, &err), FACTOR_OK);
    keys_close(opened);
    CU_ASSERT_FALSE(file_is_clear());
    CU_ASSERT_EQUAL_FATAL(keys_prepare(&file, &opened, &err), FACTOR_OK);
    CU_ASSERT_EQUAL(keys_newest(opened), 2);
    keys_close(opened);
}

static bool
publishes(struct keys *some, const char *thumbprint)
{
    json_t *set = keys_jwks(some), *key;
    bool found = false;
    size_t i;

    json_array_foreach(json_object_get(set, "keys"), i, key)
        found |= strcmp(json_string_value(json_object_get(key, "kid")),
                        thumbprint) == 0;
    json_decref(set);
    return found;
}

static void
promised_key_stays(void)
{
    if (tap_skip_slow())
        return;

    struct keys *rotated;
    struct factor_error err;
    int i;

    CU_ASSERT_EQUAL_FATAL(
        keys_open(folder_in("promise.json"), true, &rotated, &err), FACTOR_OK);
    CU_ASSERT(publishes(rotated, keys_thumbprint(rotated)));
    for (i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(keys_rotate(rotated, &err), FACTOR_OK);
    CU_ASSERT(publishes(rotated, keys_thumbprint(rotated)));
    keys_close(rotated);
}

/* --- The cache. --- */

static struct record_list *
list_of(struct record *record)
{
    struct record_list *list = record_list_new(1);

    list->records[0] = record_ref(record);
    return list;
}

static struct record_list *
look(struct cache *cache, enum cache_kind kind, const char *key)
{
    struct cache_mark mark;

    return cache_get(cache, kind, "otp.authenticator", key, &mark);
}

static struct cache_mark
mark_of(struct cache *cache, enum cache_kind kind, const char *key)
{
    struct cache_mark mark;

    record_list_unref(
        cache_get(cache, kind, "otp.authenticator", key, &mark));
    return mark;
}

static void
cache_serves_the_newest(void)
{
    struct cache *cache = cache_new(1 << 20);
    struct record *one = make_record("a1", 1, secret_body());
    struct record *two = make_record("a1", 2, secret_body());
    struct record_list *seen;

    cache_publish(cache, one);
    cache_publish(cache, two);
    seen = look(cache, CACHE_ID, "a1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
    CU_ASSERT_EQUAL(seen->records[0]->face.version, 2);
    record_list_unref(seen);
    cache_retract(cache, &two->face);
    seen = look(cache, CACHE_ID, "a1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
    CU_ASSERT_EQUAL(seen->count, 0);
    record_list_unref(seen);
    record_unref(one);
    record_unref(two);
    cache_free(cache);
}

/* The reader read version 1 from the store; before it fills the cache the
 * writer publishes version 2. */
static void
cache_drops_a_stale_fill(void)
{
    struct cache *cache = cache_new(1 << 20);
    struct record *one = make_record("a1", 1, secret_body());
    struct record *two = make_record("a1", 2, secret_body());
    struct record_list *stale = list_of(one), *seen;
    struct cache_mark mark = mark_of(cache, CACHE_OWNED, "u1");

    cache_publish(cache, two);
    cache_fill(cache, CACHE_OWNED, "otp.authenticator", "u1", stale, &mark);
    seen = look(cache, CACHE_OWNED, "u1");
    CU_ASSERT_PTR_NULL(seen);
    mark = mark_of(cache, CACHE_OWNED, "u1");
    cache_fill(cache, CACHE_OWNED, "otp.authenticator", "u1", stale, &mark);
    seen = look(cache, CACHE_OWNED, "u1");
    CU_ASSERT_PTR_NOT_NULL(seen);
    record_list_unref(seen);
    record_list_unref(stale);
    record_unref(one);
    record_unref(two);
    cache_free(cache);
}

/* Whether marks of both questions hold, which are then taken anew. */
static bool
both_hold(struct cache *cache, struct cache_mark *by_id,
          struct cache_mark *by_owner)
{
    bool held = cache_mark_holds(by_id);

    CU_ASSERT_EQUAL(cache_mark_holds(by_owner), held);
    *by_id = mark_of(cache, CACHE_ID, "a1");
    *by_owner = mark_of(cache, CACHE_OWNED, "u1");
    return held;
}

/* Of what is there, and of what is not there yet. */
static void
cache_marks_move_with_answers(void)
{
    struct cache *cache = cache_new(1 << 20);
    struct record *one = make_record("a1", 1, secret_body());
    struct record *two = make_record("a1", 2, secret_body());
    struct cache_mark by_id, by_owner;

    by_id.stamp = NULL;
    CU_ASSERT_FALSE(cache_mark_holds(&by_id));
    by_id = mark_of(cache, CACHE_ID, "a1");
    by_owner = mark_of(cache, CACHE_OWNED, "u1");
    CU_ASSERT_TRUE(both_hold(cache, &by_id, &by_owner));
    cache_publish(cache, one);
    CU_ASSERT_FALSE(both_hold(cache, &by_id, &by_owner));
    cache_publish(cache, two);
    CU_ASSERT_FALSE(both_hold(cache, &by_id, &by_owner));
    CU_ASSERT_TRUE(both_hold(cache, &by_id, &by_owner));
    cache_forget(cache, &two->face);
    CU_ASSERT_FALSE(both_hold(cache, &by_id, &by_owner));
    cache_retract(cache, &two->face);
    CU_ASSERT_FALSE(both_hold(cache, &by_id, &by_owner));
    cache_retract_owner(cache, "u1");
    CU_ASSERT_FALSE(both_hold(cache, &by_id, &by_owner));
    record_unref(one);
    record_unref(two);
    cache_free(cache);
}

static void
cache_keeps_owned_lists_in_order(void)
{
    static const char *const ids[] = {"b", "c", "a"};
    struct cache *cache = cache_new(1 << 20);
    struct record_list *empty = record_list_new(0), *seen;
    const struct cache_mark mark = mark_of(cache, CACHE_OWNED, "u1");
    struct record *record;
    size_t i;

    cache_fill(cache, CACHE_OWNED, "otp.authenticator", "u1", empty, &mark);
    for (i = 0; i < 3; i++) {
        record = make_record(ids[i], 1, secret_body());
        cache_publish(cache, record);
        record_unref(record);
    }
    seen = look(cache, CACHE_OWNED, "u1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
    CU_ASSERT_EQUAL_FATAL(seen->count, 3);
    CU_ASSERT_STRING_EQUAL(seen->records[0]->face.id, "a");
    CU_ASSERT_STRING_EQUAL(seen->records[1]->face.id, "b");
    CU_ASSERT_STRING_EQUAL(seen->records[2]->face.id, "c");
    record_list_unref(seen);
    cache_retract_owner(cache, "u1");
    CU_ASSERT_PTR_NULL(look(cache, CACHE_OWNED, "u1"));
    CU_ASSERT_PTR_NULL(look(cache, CACHE_ID, "a"));
    record_list_unref(empty);
    cache_free(cache);
}

static void
cache_is_bounded(void)
{
    struct cache *cache = cache_new(256 * 1024);
    struct record *record;
    struct record_list *seen;
    size_t i, kept = 0;
    char id[24];

    for (i = 0; i < 4000; i++) {
        snprintf(id, sizeof(id), "id-%zu", i);
        record = make_record(id, 1, secret_body());
        cache_publish(cache, record);
        record_unref(record);
    }
    for (i = 0; i < 4000; i++) {
        snprintf(id, sizeof(id), "id-%zu", i);
        seen = look(cache, CACHE_ID, id);
        kept += seen != NULL;
        record_list_unref(seen);
    }
    CU_ASSERT(kept > 50);
    CU_ASSERT(kept < 1000);
    cache_free(cache);
}

/* --- Random bytes of a step. --- */

/* AES-256 of an empty block under an empty key, as is well known. */
static void
stream_is_counter_mode(void)
{
    static const uint8_t known[16] = {
        0xdc, 0x95, 0xc0, 0x78, 0xa2, 0x40, 0x89, 0x89,
        0xad, 0x48, 0xa2, 0x14, 0x92, 0x84, 0x20, 0x87,
    };
    static const uint8_t key[CRYPTO_KEY_LEN];
    uint8_t one[128], two[128];

    CU_ASSERT_TRUE(crypto_stream(key, 0, one, sizeof(one)));
    CU_ASSERT_EQUAL(memcmp(one, known, sizeof(known)), 0);
    CU_ASSERT_TRUE(crypto_stream(key, 0, two, sizeof(two)));
    CU_ASSERT_EQUAL(memcmp(one, two, sizeof(one)), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(one, one + 16, 16), 0);
    CU_ASSERT_TRUE(crypto_stream(key, 1, two, sizeof(two)));
    CU_ASSERT_NOT_EQUAL(memcmp(one, two, 16), 0);
}

/* --- What lives in memory only. --- */

static void
memory_compares_versions(void)
{
    struct volatile_table *table = volatile_new(1 << 20);
    struct record *one = make_record("f1", 1, secret_body());
    struct record *two = make_record("f1", 2, secret_body());
    struct record *seen;

    CU_ASSERT_FALSE(volatile_put(table, two));
    CU_ASSERT_TRUE(volatile_put(table, one));
    CU_ASSERT_FALSE(volatile_put(table, one));
    CU_ASSERT_TRUE(volatile_put(table, two));
    seen = volatile_get(table, "otp.authenticator", "f1");
    CU_ASSERT_PTR_EQUAL(seen, two);
    record_unref(seen);
    volatile_remove(table, "otp.authenticator", "f1");
    CU_ASSERT_PTR_NULL(volatile_get(table, "otp.authenticator", "f1"));
    CU_ASSERT_EQUAL(volatile_used(table), 0);
    record_unref(one);
    record_unref(two);
    volatile_free(table);
}

static void
memory_drops_the_oldest(void)
{
    struct volatile_table *table = volatile_new(64 * 1024);
    struct record *record, *seen;
    char id[24];
    size_t i;

    for (i = 0; i < 1000; i++) {
        snprintf(id, sizeof(id), "f-%zu", i);
        record = make_record(id, 1, secret_body());
        CU_ASSERT_TRUE(volatile_put(table, record));
        record_unref(record);
        record_unref(volatile_get(table, "otp.authenticator", "f-0"));
    }
    CU_ASSERT(volatile_used(table) <= 64 * 1024);
    seen = volatile_get(table, "otp.authenticator", "f-0");
    CU_ASSERT_PTR_NOT_NULL(seen);
    record_unref(seen);
    CU_ASSERT_PTR_NULL(volatile_get(table, "otp.authenticator", "f-1"));
    volatile_free(table);
}

/* --- The audit chain. --- */

static void
chain_tells_what_was_changed(void)
{
    struct audit_chain chain = {.keys = keys, .writer = "w"};
    struct audit_chain check = chain, later;
    uint8_t hash[2][CRYPTO_MAC_LEN], mac[2][CRYPTO_MAC_LEN];
    struct factor_audit_row rows[2], forged;

    CU_ASSERT(audit_next(&chain, "{\"n\":1}", 10, hash[0], mac[0], &rows[0]));
    audit_moved(&chain, &rows[0]);
    CU_ASSERT(audit_next(&chain, "{\"n\":2}", 20, hash[1], mac[1], &rows[1]));
    CU_ASSERT(audit_follows(&check, &rows[0]));
    later = check;
    audit_moved(&later, &rows[0]);
    CU_ASSERT(audit_follows(&later, &rows[1]));

    CU_ASSERT_FALSE(audit_follows(&check, &rows[1])); /* one was taken out */
    forged = rows[0];
    forged.event = "{\"n\":7}";
    CU_ASSERT_FALSE(audit_follows(&check, &forged));
    forged = rows[0];
    forged.at_ms++;
    CU_ASSERT_FALSE(audit_follows(&check, &forged));
    forged = rows[0];
    forged.mac = mac[1]; /* hashed anew by somebody without the key */
    CU_ASSERT_FALSE(audit_follows(&check, &forged));
}

static const struct tap_test tests[] = {
    {"K2: a secret is sealed in the row and opens again", seals_and_opens},
    {"K2: a row that was changed or swapped is refused", refuses_changed_rows},
    {"K2: old records open after keys rotate, until the key is forgotten",
     reads_old_key_versions},
    {"keys are the same after a restart, in a file of mode 0600",
     keeps_keys_over_a_restart},
    {"a key file that is missing, open to others or broken is refused",
     refuses_bad_key_files},
    {"keys that were made are written when that is settled",
     prepared_keys_are_written_late},
    {"K2: keys are sealed under a secret, which may be replaced",
     keys_are_sealed_under_a_secret},
    {"K2: keys that were rotated are sealed too", rotated_keys_are_sealed_too},
    {"R2: the thumbprint that plugins give away stays published",
     promised_key_stays},
    {"the cache serves the newest version, and that there is none",
     cache_serves_the_newest},
    {"the cache drops what was read before a newer version was published",
     cache_drops_a_stale_fill},
    {"a mark moves with the answer that it is of",
     cache_marks_move_with_answers},
    {"the cache keeps lists by owner complete and in order",
     cache_keeps_owned_lists_in_order},
    {"the cache is bounded", cache_is_bounded},
    {"a step's random bytes are AES-256 in counter mode",
     stream_is_counter_mode},
    {"S1: records in memory are compared and swapped too",
     memory_compares_versions},
    {"S1: memory is bounded, the longest unused goes first",
     memory_drops_the_oldest},
    {"K3: the audit chain tells what was changed or taken out",
     chain_tells_what_was_changed},
};

int
main(void)
{
    const struct tap_fixture fixture = {set_up, tear_down};

    json_setup();
    return tap_main_with("record", &fixture, tests, TAP_COUNT(tests));
}
