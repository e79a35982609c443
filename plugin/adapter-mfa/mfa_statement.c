/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_statement.c - what phones sign: verified, and the
 * call that it belongs to. */
#include "plugin/adapter-mfa/mfa_statement.h"

#include <string.h>

#include "plugin/adapter-mfa/mfa_flow.h"
#include "plugin/adapter-mfa/mfa_model.h"

enum { CLOCK_S = 60, NONCE_LEN = 22, NAME_MAX_LEN = 256, NAME_CHARACTERS = 64,
       PUSH_MAX_LEN = 2048 };

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

const char *
mfa_claims_fault(const struct mfa_call *call, const json_t *claims,
                 const char *purpose)
{
    int64_t now_s = call->s.in->request->arrived_at_ms / 1000;
    int64_t iat = mfa_integer(claims, "iat");

    if (mfa_integer(claims, "v") != 1 || !is(claims, "purpose", purpose) ||
        !is(claims, "aud", call->s.host->base_url) ||
        !of_this_device(call, claims) ||
        !json_is_integer(json_object_get(claims, "iat")))
        return MFA_CODE_STATEMENT;
    if (iat < now_s - CLOCK_S || iat > now_s + CLOCK_S)
        return MFA_CODE_CLOCK;
    return NULL;
}

factor_status
mfa_call_verify(struct mfa_call *call, const json_t *jwk, const char *purpose,
                bool *ret_verified)
{
    const char *statement = mfa_text(call->s.in->fields, "statement");
    const char *fault = MFA_CODE_STATEMENT;
    factor_status status = FACTOR_E_INPUT;

    *ret_verified = false;
    if (statement)
        status = call->s.host->jws_verify(jwk, MFA_STATEMENT_TYPE, statement,
                                          &call->claims);
    if (status == FACTOR_E_NOMEM)
        return status;
    if (!status)
        fault = mfa_claims_fault(call, call->claims, purpose);
    *ret_verified = !fault;
    return fault ? mfa_call_refuse(call, 400, fault, 0) : FACTOR_OK;
}

/* --- What phones say of themselves --- */

bool
mfa_nonce_fits(const char *nonce)
{
    return nonce && strlen(nonce) == NONCE_LEN &&
           strspn(nonce, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789-_") == NONCE_LEN;
}

bool
mfa_push_fits(const json_t *push)
{
    const char *address = json_string_value(push);
    size_t kind;

    if (!push || json_is_null(push))
        return true;
    if (!address || strlen(address) > PUSH_MAX_LEN)
        return false;
    kind = strspn(address, "abcdefghijklmnopqrstuvwxyz");
    return kind > 0 && address[kind] == ':' && address[kind + 1] != '\0';
}

static size_t
count_characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

bool
mfa_phone_fits(const json_t *claims)
{
    static const char *const platforms[] = { "android", "ios", "web",
                                             "other" };
    const char *name = mfa_text(claims, "name");
    size_t i;

    if (!name || !*name || strlen(name) > NAME_MAX_LEN ||
        count_characters(name) > NAME_CHARACTERS ||
        !mfa_push_fits(json_object_get(claims, "push")))
        return false;
    for (i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++)
        if (is(claims, "platform", platforms[i]))
            return true;
    return false;
}
