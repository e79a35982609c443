/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_statement.c - what phones sign: verified, and the
 * call that it belongs to. */
#include "plugin/adapter-mfa/mfa_statement.h"

#include <string.h>

#include "plugin/adapter-mfa/mfa_flow.h"
#include "plugin/adapter-mfa/mfa_model.h"

enum { CLOCK_S = 60 };

/* --- Answers --- */

factor_status
mfa_call_answer(struct mfa_call *call, uint32_t status, json_t *body)
{
    call->out->verdict = FACTOR_SUCCESS;
    call->out->status = status;
    call->out->body = body;
    return body ? FACTOR_OK : FACTOR_E_NOMEM;
}

factor_status
mfa_call_refuse(struct mfa_call *call, uint32_t status, const char *code,
                int64_t retry_at_ms)
{
    factor_status st =
        mfa_refuse_for(&call->s, call->out, code, NULL, retry_at_ms);

    call->out->verdict = FACTOR_SUCCESS;
    call->out->status = status;
    return st;
}

/* --- Verification --- */

json_t *
mfa_plain_jwk(const json_t *jwk)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "kty", mfa_text(jwk, "kty"),
                     "crv", mfa_text(jwk, "crv"), "x", mfa_text(jwk, "x"),
                     "y", mfa_text(jwk, "y"));
}

static bool
is(const json_t *json, const char *name, const char *value)
{
    const char *text = mfa_text(json, name);

    return text && value && strcmp(text, value) == 0;
}

/* A statement about a device is of the very device and its user. */
static bool
of_this_device(const struct mfa_call *call, const json_t *claims)
{
    if (!call->device.record)
        return true;
    return is(claims, "device", call->device.id) &&
           is(claims, "user", call->device.record->owner);
}

static bool
is_fresh(const struct mfa_call *call, const json_t *claims)
{
    int64_t now_s = call->s.in->now_ms / 1000;
    int64_t iat = mfa_integer(claims, "iat");

    return json_is_integer(json_object_get(claims, "iat")) &&
           iat >= now_s - CLOCK_S && iat <= now_s + CLOCK_S;
}

bool
mfa_call_verify(struct mfa_call *call, const json_t *jwk, const char *purpose)
{
    const struct factor_host *host = call->s.host;
    const char *statement = mfa_text(call->s.in->fields, "statement");
    json_t *claims = NULL;

    if (!statement || host->jws_verify(jwk, MFA_STATEMENT_TYPE, statement,
                                       &claims) != FACTOR_OK) {
        mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
        return false;
    }
    call->claims = claims;
    if (mfa_integer(claims, "v") != 1 || !is(claims, "purpose", purpose) ||
        !is(claims, "aud", host->base_url) || !of_this_device(call, claims)) {
        mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
        return false;
    }
    if (is_fresh(call, claims))
        return true;
    mfa_call_refuse(call, 400, MFA_CODE_CLOCK, 0);
    return false;
}
