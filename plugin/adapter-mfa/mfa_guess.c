/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_guess.c - guesses of pairing keys. */
#include "plugin/adapter-mfa/mfa_guess.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define CLAIMS "mfa.claims"
#define MINUTE_MS INT64_C(60000)
#define KEY_LIFE_MAX_MS (48 * 60 * MINUTE_MS) /* the longest of a policy */

/* A key has so many characters that may be known, and so many wrong claims
 * that share them. */
enum { PREFIX_LEN = 4, PREFIX_MOST = 5, NETWORK_LEN = 8 };

/* The reads, in their order. */
enum { BY_ADDRESS, TOGETHER, BY_PREFIX, GUESSES };

/* So many in a window close what is counted for as long again. */
static const struct window {
    const char *purpose;
    int64_t most;
    int64_t length_ms;
} windows[] = {
    [BY_ADDRESS] = { "mfa.claims.address", 10, 10 * MINUTE_MS },
    [TOGETHER] = { "mfa.claims.all", 100, MINUTE_MS },
};
enum { WINDOWS = sizeof(windows) / sizeof(windows[0]) };

/* --- Names --- */

struct names {
    struct in6_addr network;
    struct factor_name of[GUESSES];
};

static struct factor_name
name_of(const char *purpose, const void *bytes, size_t len)
{
    return (struct factor_name){ .struct_size = sizeof(struct factor_name),
                                 .purpose = purpose,
                                 .bytes = bytes,
                                 .bytes_len = len };
}

/* Who has one address of an IPv6 network has all of them. */
static void
fill_names(const struct factor_step *in, const char *key, struct names *names)
{
    const char *address = in->request->address ? in->request->address : "";
    bool network = inet_pton(AF_INET6, address, &names->network) == 1 &&
                   !IN6_IS_ADDR_V4MAPPED(&names->network);

    names->of[BY_ADDRESS] =
        network ? name_of(windows[BY_ADDRESS].purpose, &names->network,
                          NETWORK_LEN)
                : name_of(windows[BY_ADDRESS].purpose, address,
                          strlen(address));
    names->of[TOGETHER] = name_of(windows[TOGETHER].purpose, "", 0);
    names->of[BY_PREFIX] =
        name_of("mfa.claims.prefix", key, strnlen(key, PREFIX_LEN));
}

factor_status
mfa_guess_plan(const struct factor_host *host, const struct factor_step *in,
               const char *key, struct factor_reads *reads)
{
    factor_status status = FACTOR_OK;
    struct names names;
    size_t i;

    fill_names(in, key, &names);
    for (i = 0; i < GUESSES && !status; i++)
        status = host->read_name(reads, CLAIMS, &names.of[i]);
    return status;
}

/* --- Looking --- */

static const json_t *
body_of(const struct mfa_call *call, size_t read)
{
    const struct factor_record *record = factor_read_one(call->s.in, read);

    return record ? record->body : NULL;
}

/* Of a window that is over nothing counts any more. */
static int64_t
count_now(const struct mfa_call *call, size_t read)
{
    const json_t *body = body_of(call, read);

    return mfa_integer(body, "ends_at_ms") > call->s.in->now_ms
               ? mfa_integer(body, "count")
               : 0;
}

int64_t
mfa_guess_closed_until(const struct mfa_call *call, size_t first)
{
    int64_t until_ms = 0, ends_ms;
    size_t i;

    for (i = 0; i < WINDOWS; i++) {
        if (count_now(call, first + i) < windows[i].most)
            continue;
        ends_ms = mfa_integer(body_of(call, first + i), "ends_at_ms");
        until_ms = ends_ms > until_ms ? ends_ms : until_ms;
    }
    return until_ms;
}

/* Only the last ones are kept, as many as kill. */
bool
mfa_guess_hunted(const struct mfa_call *call, size_t first, int64_t since_ms)
{
    const json_t *times =
        json_object_get(body_of(call, first + BY_PREFIX), "times_ms");
    size_t i, count = 0;

    for (i = 0; i < json_array_size(times); i++)
        count += json_integer_value(json_array_get(times, i)) >= since_ms;
    return count >= PREFIX_MOST;
}

/* --- Counting --- */

/* The body to change: a copy, or a new one. */
static json_t *
begin_body(const struct mfa_call *call, size_t read)
{
    const json_t *body = body_of(call, read);

    return body ? json_deep_copy(body) : json_pack("{s:i}", "v", 1);
}

/* The body is stolen; NULL: no memory. */
static factor_status
put_guess(const struct mfa_call *call, size_t read,
          const struct factor_name *name, int64_t expires_at_ms, json_t *body)
{
    const struct factor_record *record = factor_read_one(call->s.in, read);
    struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = CLAIMS,
        .id = record ? record->id : NULL,
        .name = name,
        .version = record ? record->version : 0,
        .expires_at_ms = expires_at_ms,
        .body = body,
    };
    factor_status status = body ? FACTOR_OK : FACTOR_E_NOMEM;

    if (!status && !put.id)
        status = mfa_new_id(&call->s, (uint8_t)(MFA_ID_GUESS + read), &put.id);
    if (!status)
        status = call->s.host->put(call->s.in->effects, &put);
    json_decref(body);
    return status;
}

/* The one that fills a window closes: from now on, for its length. */
static factor_status
count_window(const struct mfa_call *call, size_t read,
             const struct window *window, const struct factor_name *name)
{
    int64_t now_ms = call->s.in->now_ms;
    int64_t count = count_now(call, read) + 1;
    int64_t ends_ms = mfa_integer(body_of(call, read), "ends_at_ms");
    json_t *body = begin_body(call, read);
    factor_status status;

    if (count == 1 || count >= window->most)
        ends_ms = now_ms + window->length_ms;
    if (json_object_set_new(body, "count", json_integer(count)) ||
        json_object_set_new(body, "ends_at_ms", json_integer(ends_ms))) {
        json_decref(body);
        return FACTOR_E_NOMEM;
    }
    status = put_guess(call, read, name, ends_ms, body);
    if (status || count < window->most)
        return status;
    return mfa_audit(&call->s, "mfa.claims_closed",
                     json_pack("{s:s, s:I}", "rule", window->purpose,
                               "until_ms", (json_int_t)ends_ms));
}

static factor_status
note_prefix(const struct mfa_call *call, size_t read,
            const struct factor_name *name)
{
    int64_t now_ms = call->s.in->now_ms;
    json_t *body = begin_body(call, read);
    json_t *times = json_object_get(body, "times_ms");
    int failed = 0;

    if (!times) {
        times = json_array();
        failed = json_object_set_new(body, "times_ms", times);
    }
    while (!failed && json_array_size(times) >= PREFIX_MOST)
        json_array_remove(times, 0);
    if (failed || json_array_append_new(times, json_integer(now_ms))) {
        json_decref(body);
        return FACTOR_E_NOMEM;
    }
    return put_guess(call, read, name, now_ms + KEY_LIFE_MAX_MS, body);
}

factor_status
mfa_guess_count(const struct mfa_call *call, size_t first, const char *key)
{
    factor_status status = FACTOR_OK;
    struct names names;
    size_t i;

    fill_names(call->s.in, key, &names);
    for (i = 0; i < WINDOWS && !status; i++)
        status = count_window(call, first + i, &windows[i], &names.of[i]);
    return status ? status
                  : note_prefix(call, first + BY_PREFIX, &names.of[BY_PREFIX]);
}
