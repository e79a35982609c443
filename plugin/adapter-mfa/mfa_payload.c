/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_payload.c - the statement of an app that signs itself
 * on (doc/phone-protocol.md, section 8).
 *
 * It is signed by the key that it carries: who it is of shows when that key is
 * compared with those of the user's devices.  Taken once, so that whoever
 * reads one on its way has nothing. */
#include <string.h>

#include "plugin/adapter-mfa/mfa_flow.h"
#include "plugin/adapter-mfa/mfa_statement.h"

#define TAKEN_MS (INT64_C(3) * 60 * 1000) /* longer than one can be valid */

enum { CLOCK_S = 60 };

/* --- Taken once --- */

static struct factor_name
jti_name(const char *jti)
{
    return (struct factor_name){
        .struct_size = sizeof(struct factor_name),
        .purpose = "mfa.jti",
        .bytes = jti,
        .bytes_len = strlen(jti),
    };
}

factor_status
mfa_payload_plan(const struct factor_host *host, const struct factor_step *in,
                 struct factor_reads *reads)
{
    const char *payload = mfa_text(in->fields, "mobilePayload");
    json_t *claims = NULL;
    struct factor_name name;
    factor_status status = FACTOR_OK;

    if (!payload || host->jws_peek(payload, &claims) != FACTOR_OK)
        return FACTOR_OK;
    if (mfa_nonce_fits(mfa_text(claims, "jti"))) {
        name = jti_name(mfa_text(claims, "jti"));
        status = host->read_name(reads, MFA_JTIS, &name);
    }
    json_decref(claims);
    return status;
}

/* Two steps that take the same one at once: one is refused by the store. */
static factor_status
take(const struct mfa_step *s, const json_t *claims)
{
    const struct factor_name name = jti_name(mfa_text(claims, "jti"));
    struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = MFA_JTIS,
        .owner = s->user_id,
        .name = &name,
        .expires_at_ms = s->in->now_ms + TAKEN_MS,
    };
    json_t *body = json_pack("{s:i}", "v", 1);
    factor_status status = mfa_new_id(s, MFA_ID_JTI, &put.id);

    put.body = body;
    if (!status)
        status = body ? s->host->put(s->in->effects, &put) : FACTOR_E_NOMEM;
    json_decref(body);
    return status;
}

/* --- Claims --- */

static bool
is(const json_t *json, const char *name, const char *value)
{
    const char *text = mfa_text(json, name);

    return text && value && strcmp(text, value) == 0;
}

static bool
time_fits(const json_t *claims, int64_t now_ms)
{
    const json_t *iat = json_object_get(claims, "iat");
    int64_t now_s = now_ms / 1000;

    return json_is_integer(iat) &&
           json_integer_value(iat) >= now_s - CLOCK_S &&
           json_integer_value(iat) <= now_s + CLOCK_S;
}

static bool
claims_fit(const struct mfa_step *s, const json_t *claims)
{
    struct mfa_application application;

    return mfa_integer(claims, "v") == 1 && is(claims, "purpose", "payload") &&
           is(claims, "aud", s->host->base_url) &&
           is(claims, "client", s->in->request->client) &&
           mfa_application_find(s->config, mfa_text(claims, "application"),
                                &application) &&
           time_fits(claims, s->in->now_ms) &&
           mfa_nonce_fits(mfa_text(claims, "jti")) && !s->jti_taken &&
           mfa_phone_fits(claims);
}

/* The key in the statement, by which it must be signed; new reference or
 * NULL. */
static json_t *
embedded_key(const struct factor_host *host, const char *payload)
{
    json_t *claims = NULL, *key;

    if (host->jws_peek(payload, &claims) != FACTOR_OK)
        return NULL;
    key = json_incref(json_object_get(claims, "key"));
    json_decref(claims);
    if (is(key, "kty", "EC") && is(key, "crv", "P-256"))
        return key;
    json_decref(key);
    return NULL;
}

factor_status
mfa_payload_verify(struct mfa_step *s, const char *payload,
                   const json_t **ret_claims)
{
    json_t *key = embedded_key(s->host, payload), *claims = NULL;
    factor_status status;

    *ret_claims = NULL;
    if (!key)
        return FACTOR_OK;
    status = s->host->jws_verify(key, MFA_STATEMENT_TYPE, payload, &claims);
    json_decref(key);
    if (status)
        return status == FACTOR_E_NOMEM ? status : FACTOR_OK;
    if (!claims_fit(s, claims)) {
        json_decref(claims);
        return FACTOR_OK;
    }
    json_decref(s->claims);
    s->claims = claims;
    *ret_claims = claims;
    return take(s, claims);
}
