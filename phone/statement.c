/* SPDX-License-Identifier: MIT */
/* phone/statement.c - statements: made, signed, said until they are heard. */
#include "phone/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONCE_LEN = 16 };

bool
phone_nonce(const struct factor_phone_io *io, char ret_text[23])
{
    unsigned char bytes[NONCE_LEN];

    if (io->random(io->context, bytes, sizeof(bytes)))
        return false;
    phone_b64(bytes, sizeof(bytes), ret_text);
    return true;
}

char *
phone_url(const struct phone_pairing *pairing, const char *path)
{
    char url[2 * FACTOR_PHONE_URL_SIZE];
    int len;

    if (pairing->device)
        len = snprintf(url, sizeof(url), "%s/devices/%s/%s", pairing->endpoint,
                       pairing->device, path);
    else
        len = snprintf(url, sizeof(url), "%s/%s", pairing->endpoint, path);
    return len < (int)sizeof(url) ? strdup(url) : NULL;
}

/* --- claims --- */

static bool
put(json_t *claims, const char *name, json_t *value)
{
    return json_object_set_new(claims, name, value) == 0;
}

/* What every statement says. */
static json_t *
begin_claims(const struct phone_pairing *pairing, const char *purpose,
             int64_t at_ms, bool counted)
{
    json_t *claims = json_pack("{s:i, s:s, s:s, s:I}", "v", 1, "purpose",
                               purpose, "aud", pairing->issuer, "iat",
                               (json_int_t)(at_ms / 1000));
    bool ok = claims &&
              (!counted || put(claims, "iat_ms", json_integer(at_ms))) &&
              (!pairing->device ||
               (put(claims, "device", json_string(pairing->device)) &&
                put(claims, "user", json_string(pairing->user_id))));

    if (ok)
        return claims;
    json_decref(claims);
    return NULL;
}

/* "I am the new key", by the new key. */
static bool
put_proof(json_t *claims, const struct phone_pairing *pairing,
          const struct phone_key *key, int64_t at_ms)
{
    json_t *proof = begin_claims(pairing, "proof", at_ms, false);
    char *text = proof ? phone_jws(key, proof) : NULL;
    bool ok = text && put(claims, "proof", json_string(text));

    free(text);
    json_decref(proof);
    return ok;
}

static json_t *
make_claims(const struct phone_pairing *pairing,
            const struct phone_statement *statement, int64_t at_ms)
{
    json_t *claims = begin_claims(pairing, statement->purpose, at_ms,
                                  statement->counted);
    bool ok = claims &&
              (!statement->members ||
               json_object_update(claims, statement->members) == 0) &&
              (!statement->proof ||
               put_proof(claims, pairing, statement->proof, at_ms)) &&
              (statement->life_s <= 0 ||
               put(claims, "exp",
                   json_integer(at_ms / 1000 + statement->life_s)));

    if (ok)
        return claims;
    json_decref(claims);
    return NULL;
}

/* The instant of a statement.  Of those that are counted each is later than
 * the one before, and the storage knows it before anybody else does. */
static enum factor_phone_status
count(struct factor_phone *self, struct phone_pairing *pairing,
      bool counted, int64_t *ret_at_ms)
{
    int64_t at_ms = phone_now_ms(self, pairing);

    if (counted) {
        if (at_ms <= pairing->last_ms)
            at_ms = pairing->last_ms + 1;
        pairing->last_ms = at_ms;
        if (phone_save(self))
            return FACTOR_PHONE_STORAGE;
    }
    *ret_at_ms = at_ms;
    return FACTOR_PHONE_OK;
}

enum factor_phone_status
phone_sign(struct factor_phone *self, struct phone_pairing *pairing,
           const struct phone_statement *statement, char **ret_text)
{
    const struct phone_key *key = statement->key ? statement->key
                                                 : &pairing->key;
    int64_t at_ms;
    json_t *claims;
    char *text;

    if (count(self, pairing, statement->counted, &at_ms))
        return FACTOR_PHONE_STORAGE;
    claims = make_claims(pairing, statement, at_ms);
    text = claims ? phone_jws(key, claims) : NULL;
    json_decref(claims);
    if (!text)
        return phone_no_memory(self);
    *ret_text = text;
    return FACTOR_PHONE_OK;
}

/* --- saying --- */

/* One attempt.  *text is kept for the next one, if there is one by then. */
static enum factor_phone_status
say_once(struct factor_phone *self, struct phone_pairing *pairing,
         const char *url, const struct phone_statement *statement,
         char **text, json_t **ret_answer)
{
    const struct phone_key *key = statement->key ? statement->key
                                                 : &pairing->key;
    enum factor_phone_status status;
    json_t *jwk = NULL;

    if (!*text) {
        status = phone_sign(self, pairing, statement, text);
        if (status)
            return status;
    }
    if (statement->with_key && !(jwk = phone_key_jwk(key, false)))
        return phone_no_memory(self);
    status = phone_post(self, url, *text, jwk, 0, ret_answer);
    json_decref(jwk);
    phone_learn_clock(self, pairing);
    return status;
}

/* What has gone wrong once may not do so twice. */
struct tries {
    bool lost, clock, replayed;
};

/* Whether to try again, after this status. */
static bool
again(const struct factor_phone *self, enum factor_phone_status status,
      struct tries *tries)
{
    bool *first = NULL;

    if (status == FACTOR_PHONE_NETWORK)
        first = &tries->lost;
    else if (status == FACTOR_PHONE_CLOCK)
        first = &tries->clock;
    else if (status == FACTOR_PHONE_REFUSED &&
             strcmp(self->error.code, "STATEMENT_REPLAYED") == 0)
        first = &tries->replayed;
    if (!first || *first)
        return false;
    *first = true;
    return true;
}

/* A lost answer is asked for by the very statement, but one that is counted
 * could not be told from a replay.  What was refused for its clock counts for
 * nothing, or a clock that was ahead would stay so in last_ms. */
static enum factor_phone_status
say(struct factor_phone *self, struct phone_pairing *pairing, const char *url,
    const struct phone_statement *statement, json_t **ret_answer)
{
    const json_int_t last_ms = pairing->last_ms;
    enum factor_phone_status status;
    struct tries tries = { 0 };
    char *text = NULL;
    bool once_more;

    do {
        status = say_once(self, pairing, url, statement, &text, ret_answer);
        once_more = again(self, status, &tries);
        if (status == FACTOR_PHONE_CLOCK && !tries.lost)
            pairing->last_ms = last_ms;
        if (status == FACTOR_PHONE_CLOCK || statement->counted) {
            phone_wipe_text(text);
            text = NULL;
        }
    } while (once_more);
    phone_wipe_text(text);
    return status;
}

enum factor_phone_status
phone_say(struct factor_phone *self, struct phone_pairing *pairing,
          const char *path, const struct phone_statement *statement,
          json_t **ret_answer)
{
    enum factor_phone_status status;
    char *url = phone_url(pairing, path);

    if (!url)
        return phone_no_memory(self);
    status = say(self, pairing, url, statement, ret_answer);
    free(url);
    if (status == FACTOR_PHONE_NOT_PAIRED && pairing->device) {
        phone_state_drop(&self->state, pairing);
        self->changed = true;
    }
    return status;
}

/* --- keys whose change was not answered --- */

static enum factor_phone_status
probe(struct factor_phone *self, struct phone_pairing *pairing,
      const struct phone_key *key)
{
    struct phone_statement statement = { .purpose = "requests", .key = key };
    enum factor_phone_status status;
    json_t *answer = NULL;

    status = phone_say(self, pairing, "requests", &statement, &answer);
    json_decref(answer);
    return status;
}

static bool
not_by_this_key(const struct factor_phone *self,
                enum factor_phone_status status)
{
    return status == FACTOR_PHONE_REFUSED &&
           strcmp(self->error.code, "INVALID_STATEMENT") == 0;
}

static void
drop_next(struct factor_phone *self, struct phone_pairing *pairing)
{
    phone_wipe(&pairing->next, sizeof(pairing->next));
    pairing->has_next = false;
    self->changed = true;
}

void
phone_adopt_next(struct factor_phone *self, struct phone_pairing *pairing)
{
    pairing->key = pairing->next;
    drop_next(self, pairing);
}

enum factor_phone_status
phone_settle(struct factor_phone *self, struct phone_pairing *pairing)
{
    enum factor_phone_status status;

    if (!pairing->has_next)
        return FACTOR_PHONE_OK;
    status = probe(self, pairing, &pairing->next);
    if (status == FACTOR_PHONE_OK) {
        phone_adopt_next(self, pairing);
    } else if (not_by_this_key(self, status)) {
        status = probe(self, pairing, &pairing->key);
        if (status == FACTOR_PHONE_OK)
            drop_next(self, pairing);
    }
    return status; /* not OK: both keys stay */
}
