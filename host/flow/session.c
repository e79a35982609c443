/* SPDX-License-Identifier: MIT */
/* host/flow/session.c - the browser's session. */
#include "host/flow/session.h"

#include <string.h>

#include "host/clock.h"
#include "host/json.h"

static bool
split_cookie(const char *cookie, char id[SESSION_ID + 1],
             const char **ret_secret)
{
    if (!cookie || strlen(cookie) != SESSION_COOKIE - 1 ||
        cookie[SESSION_ID] != '.')
        return false;
    memcpy(id, cookie, SESSION_ID);
    id[SESSION_ID] = '\0';
    *ret_secret = cookie + SESSION_ID + 1;
    return true;
}

static const char *
secret_hash(struct txn *txn, const char *secret)
{
    return txn_keyed(txn, "session", secret, strlen(secret));
}

static bool
hash_is(const json_t *body, const char *member, const char *hash)
{
    const char *kept = json_text(body, member);

    return kept && hash && strlen(kept) == strlen(hash) &&
           crypto_same(kept, hash, strlen(hash));
}

/* A fresh cookie for the id; its secret's hash goes into the body. */
static bool
new_secret(struct txn *txn, const char *id, json_t *body,
           char ret_cookie[SESSION_COOKIE])
{
    memcpy(ret_cookie, id, SESSION_ID);
    ret_cookie[SESSION_ID] = '.';
    clock_random_id(ret_cookie + SESSION_ID + 1, SESSION_ID);
    return json_set_text(body, "hash",
                         secret_hash(txn, ret_cookie + SESSION_ID + 1));
}

factor_status
session_new(struct txn *txn, const char *user,
            const struct session_times *times, char *ret_id,
            char ret_cookie[SESSION_COOKIE])
{
    struct txn_put put = {
        .collection = SESSION_COLLECTION,
        .id = ret_id,
        .expires_at_ms = txn_now(txn) + times->lifetime_ms,
        .body = json_pack("{s:i, s:s*}", "v", 1, "user", user),
    };

    clock_random_id(ret_id, SESSION_ID);
    if (!put.body || !new_secret(txn, ret_id, put.body, ret_cookie)) {
        json_decref(put.body);
        return FACTOR_E_NOMEM;
    }
    return user ? txn_put(txn, &put, NULL) : txn_put_memory(txn, &put, NULL);
}

static enum session_claim
claim_of(struct txn *txn, const struct record *session, const char *secret)
{
    const char *hash = secret_hash(txn, secret);

    if (hash_is(session->body, "hash", hash))
        return SESSION_NEWEST;
    if (hash_is(session->body, "olderHash", hash) &&
        txn_now(txn) < json_number(session->body, "olderUntil", 0))
        return SESSION_OLDER;
    return SESSION_NONE;
}

static const struct record *
find_live(struct txn *txn, const char *id)
{
    const struct record *session;

    if (txn_read_id(txn, SESSION_COLLECTION, id, &session) != FACTOR_OK ||
        session->face.expires_at_ms <= txn_now(txn))
        return NULL;
    return session;
}

const struct record *
session_of_cookie(struct txn *txn, const char *cookie)
{
    const struct record *session;
    const char *secret;
    char id[SESSION_ID + 1];

    if (!split_cookie(cookie, id, &secret))
        return NULL;
    session = find_live(txn, id);
    if (!session || claim_of(txn, session, secret) != SESSION_NEWEST)
        return NULL;
    return session;
}

enum session_claim
session_claim(struct txn *txn, const char *id, const char *cookie)
{
    const struct record *session;
    const char *secret;
    char cookie_id[SESSION_ID + 1];

    if (!split_cookie(cookie, cookie_id, &secret) || strcmp(cookie_id, id) != 0)
        return SESSION_NONE;
    session = find_live(txn, id);
    return session ? claim_of(txn, session, secret) : SESSION_NONE;
}

factor_status
session_renew(struct txn *txn, const char *id, const char *user,
              const struct session_times *times,
              char ret_cookie[SESSION_COOKIE])
{
    const struct record *session = find_live(txn, id);
    struct txn_put put = {.collection = SESSION_COLLECTION, .id = id};
    json_t *body = session ? json_copy(session->body) : NULL;

    if (!body)
        return session ? FACTOR_E_NOMEM : FACTOR_E_NOTFOUND;
    json_object_set(body, "olderHash", json_object_get(body, "hash"));
    json_object_set_new(body, "olderUntil",
                        json_integer(txn_now(txn) + times->older_ms));
    if (user)
        json_set_text(body, "user", user);
    if (!new_secret(txn, id, body, ret_cookie)) {
        json_decref(body);
        return FACTOR_E_NOMEM;
    }
    put.version = record_stored(session) ? session->face.version : 0;
    put.expires_at_ms = txn_now(txn) + times->lifetime_ms;
    put.body = body;
    return txn_put(txn, &put, NULL);
}

int64_t
session_expires(struct txn *txn, const char *id)
{
    const struct record *session = find_live(txn, id);

    return session ? session->face.expires_at_ms : 0;
}

const char *
session_user(struct txn *txn, const char *id)
{
    const struct record *session = find_live(txn, id);

    return session ? json_text(session->body, "user") : NULL;
}
