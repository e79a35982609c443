/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_operator.c - what operators can do for a user.
 *
 * They see and change the records as they are, also those of addresses that
 * the user has no longer. */
#include "plugin/adapter-otp/otp_operator.h"

#include <stdio.h>
#include <string.h>

#include <liboath/oath.h>

#include "factor/user.h"
#include "plugin/adapter-otp/otp_effects.h"
#include "plugin/adapter-otp/otp_model.h"

enum { TOTP_PERIOD_S = 30 };

/* Keys as long as the hash, RFC 6238 section 3, as far as the entropy of one
 * step goes beside the id. */
static const size_t key_lens[] = {
    [PASSCODE_SHA1] = 20,
    [PASSCODE_SHA256] = 32,
    [PASSCODE_SHA512] = 48,
};

/* --- Outcomes --- */

/* body is stolen; NULL: FACTOR_E_NOMEM. */
static factor_status
answer(struct factor_outcome *out, json_t *body)
{
    out->verdict = FACTOR_SUCCESS;
    out->body = body;
    return body ? FACTOR_OK : FACTOR_E_NOMEM;
}

static factor_status
refuse(const struct otp_step *s, struct factor_outcome *out, const char *code)
{
    struct factor_detail *detail;
    const struct factor_detail **details;

    detail = s->host->alloc(s->in->arena, sizeof(*detail));
    details = s->host->alloc(s->in->arena, 2 * sizeof(*details));
    if (!detail || !details)
        return FACTOR_E_NOMEM;
    *detail = (struct factor_detail){ .struct_size = sizeof(*detail),
                                      .attempts_remaining = -1,
                                      .code = code };
    details[0] = detail;
    out->verdict = FACTOR_FAILURE;
    out->details = details;
    return FACTOR_OK;
}

/* --- The records --- */

static const struct factor_records *
authenticators(const struct otp_step *s)
{
    return s->in->reads[OTP_READ_AUTHENTICATORS];
}

static const char *
channel_of(const struct factor_record *record)
{
    const char *channel =
        json_string_value(json_object_get(record->body, "channel"));

    return channel ? channel : "";
}

static const struct factor_record *
app_record(const struct otp_step *s)
{
    uint32_t i;

    for (i = 0; i < authenticators(s)->count; i++)
        if (strcmp(channel_of(authenticators(s)->records[i]),
                   OTP_TOTP_CHANNEL) == 0)
            return authenticators(s)->records[i];
    return NULL;
}

/* --- enrollTotp --- */

static bool
is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || strchr("-._~", c);
}

/* RFC 3986 percent-encoding, into the arena. */
static char *
encode(const struct otp_step *s, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = s->host->alloc(s->in->arena, 3 * strlen(text) + 1);
    char *at = encoded;

    for (; encoded && *text; text++) {
        if (is_unreserved(*text)) {
            *at++ = *text;
            continue;
        }
        *at++ = '%';
        *at++ = hex[(unsigned char)*text >> 4];
        *at++ = hex[(unsigned char)*text & 15];
    }
    return encoded;
}

/* The key URI that authenticator apps read as a QR code. */
static json_t *
key_uri(const struct otp_step *s, const char *secret)
{
    const char *name = json_string_value(
        json_object_get(s->user, FACTOR_USER_USERNAME));
    const char *brand = encode(s, s->settings->brand);
    const char *account = encode(s, name ? name : s->user_id);

    if (!brand || !account)
        return NULL;
    return json_sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s"
                        "&algorithm=%s&digits=%u&period=%d",
                        brand, account, secret, brand,
                        otp_hash_name(s->settings->totp_hash),
                        s->settings->totp_digits, TOTP_PERIOD_S);
}

/* A new key in a body that keeps its counters: whoever enrolls anew is still
 * locked. */
static json_t *
with_key(const struct otp_step *s, const json_t *old, const uint8_t *key,
         size_t len)
{
    char hex[2 * PASSCODE_KEY_MAX + 1];
    json_t *body = old ? json_deep_copy(old)
                       : json_pack("{s:i, s:s, s:i, s:i}", "v", 1, "channel",
                                   OTP_TOTP_CHANNEL, "failures", 0,
                                   "last_step", -1);
    json_t *changes;

    oath_bin2hex((const char *)key, len, hex);
    changes = json_pack("{s:{s:s}, s:s, s:i, s:i}", "secret", "key", hex,
                        "hash", otp_hash_name(s->settings->totp_hash),
                        "digits", (int)s->settings->totp_digits, "period_s",
                        TOTP_PERIOD_S);
    explicit_bzero(hex, sizeof(hex));
    if (!body || !changes || json_object_update(body, changes)) {
        json_decref(body);
        body = NULL;
    }
    json_decref(changes);
    return body;
}

/* The app's record: a new one, or the user's with a new key. */
static factor_status
put_app(const struct otp_step *s, const uint8_t *key, size_t len, char *id)
{
    const struct factor_record *old = app_record(s);
    struct factor_name name;
    struct factor_put put = { .struct_size = sizeof(put),
                              .collection = OTP_AUTHENTICATORS,
                              .id = id,
                              .owner = s->user_id };
    factor_status status;
    json_t *body;

    if (old) {
        snprintf(id, FACTOR_ID_MAX + 1, "%s", old->id);
        return otp_put_body(s, old, with_key(s, old->body, key, len));
    }
    status = otp_record_name(s, OTP_TOTP_CHANNEL, "", &name);
    if (status)
        return status;
    body = with_key(s, NULL, key, len);
    if (!body)
        return FACTOR_E_NOMEM;
    s->host->uuid(s->in->entropy + s->in->entropy_len - OTP_ID_LEN, id);
    put.name = &name;
    put.body = body;
    status = s->host->put(s->in->effects, &put);
    json_decref(body);
    return status;
}

static factor_status
enroll(const struct otp_step *s, struct factor_outcome *out)
{
    size_t len = key_lens[s->settings->totp_hash];
    const uint8_t *key = s->in->entropy;
    char id[FACTOR_ID_MAX + 1] = "";
    factor_status status = put_app(s, key, len, id);
    char *secret;

    if (!status)
        status = otp_audit(s, "otp.enrolled",
                           json_pack("{s:s, s:s}", "authenticator", id,
                                     "method", OTP_TOTP_TYPE));
    if (status)
        return status;
    secret = s->host->alloc(s->in->arena, passcode_base32_size(len));
    if (!secret)
        return FACTOR_E_NOMEM;
    passcode_base32(key, len, secret);
    return answer(out, json_pack("{s:s, s:o, s:s}", "id", id, "uri",
                                 key_uri(s, secret), "secret", secret));
}

/* --- removeTotp --- */

static factor_status
remove_app(const struct otp_step *s, struct factor_outcome *out)
{
    const struct factor_record *record = app_record(s);
    factor_status status;

    if (!record)
        return refuse(s, out, OTP_CODE_NOT_ENROLLED);
    status = s->host->remove(s->in->effects, record->collection, record->id,
                             record->version);
    if (!status)
        status = otp_audit(s, "otp.removed",
                           json_pack("{s:s, s:s}", "authenticator", record->id,
                                     "method", OTP_TOTP_TYPE));
    return status ? status
                  : answer(out, json_pack("{s:s}", "id", record->id));
}

/* --- unlock --- */

static bool
has_failures(const struct factor_record *record)
{
    struct passcode_counter counter = otp_counter_of(record->body);

    return counter.failures > 0 || counter.disabled ||
           counter.locked_until_ms > 0;
}

static factor_status
clear_record(const struct otp_step *s, const struct factor_record *record,
             unsigned *cleared)
{
    json_t *body;

    if (!record || !has_failures(record))
        return FACTOR_OK;
    body = json_deep_copy(record->body);
    if (body &&
        (json_object_set_new(body, "failures", json_integer(0)) ||
         json_object_set_new(body, "locked_until_ms", json_integer(0)) ||
         json_object_set_new(body, "disabled", json_false()))) {
        json_decref(body);
        body = NULL;
    }
    ++*cleared;
    return otp_put_body(s, record, body);
}

static factor_status
unlock(const struct otp_step *s, struct factor_outcome *out)
{
    unsigned cleared = 0;
    factor_status status = clear_record(s, s->account_record, &cleared);
    uint32_t i;

    for (i = 0; i < authenticators(s)->count && !status; i++)
        status = clear_record(s, authenticators(s)->records[i], &cleared);
    if (!status && cleared > 0)
        status = otp_audit(s, "otp.unlocked",
                           json_pack("{s:i}", "records", (int)cleared));
    return status ? status
                  : answer(out, json_pack("{s:i}", "unlocked", (int)cleared));
}

/* --- listAuthenticators --- */

static json_t *
show_counter(const json_t *body)
{
    struct passcode_counter counter = otp_counter_of(body);

    return json_pack("{s:I, s:b, s:I}", "failures",
                     (json_int_t)counter.failures, "disabled",
                     counter.disabled, "lockedUntilMs",
                     (json_int_t)counter.locked_until_ms);
}

static json_t *
show_record(const struct otp_step *s, const struct factor_record *record)
{
    json_t *secret = json_object_get(record->body, "secret");
    const char *address =
        json_string_value(json_object_get(secret, "address"));
    json_t *shown = show_counter(record->body);
    char *masked = s->host->alloc(s->in->arena,
                                  passcode_mask_size(address ? address : ""));

    if (address && masked)
        passcode_mask(address, &s->settings->mask, masked);
    if (shown && masked &&
        !json_object_set_new(shown, "id", json_string(record->id)) &&
        !json_object_set_new(shown, "channel",
                             json_string(channel_of(record))) &&
        (!address ||
         !json_object_set_new(shown, "target", json_string(masked))))
        return shown;
    json_decref(shown);
    return NULL;
}

static factor_status
list(const struct otp_step *s, struct factor_outcome *out)
{
    json_t *shown = json_array();
    uint32_t i;

    for (i = 0; shown && i < authenticators(s)->count; i++)
        if (json_array_append_new(
                shown, show_record(s, authenticators(s)->records[i]))) {
            json_decref(shown);
            shown = NULL;
        }
    return answer(out, json_pack("{s:o, s:o}", "authenticators", shown,
                                 "account",
                                 show_counter(s->account_record
                                                  ? s->account_record->body
                                                  : NULL)));
}

/* --- The table --- */

static const struct operation {
    const char *action;
    factor_status (*run)(const struct otp_step *s,
                         struct factor_outcome *out);
} operations[] = {
    { OTP_ACTION_ENROLL, enroll },
    { OTP_ACTION_REMOVE, remove_app },
    { OTP_ACTION_UNLOCK, unlock },
    { OTP_ACTION_LIST, list },
};

factor_status
otp_operate(const struct factor_adapter *self, const struct factor_step *in,
            struct factor_outcome *ret_out)
{
    const struct factor_record *user = factor_read_one(in, OTP_READ_USER);
    const struct otp_step s = {
        .settings = &self->settings,
        .host = self->host,
        .in = in,
        .user_id = otp_user_id(in),
        .user = user ? user->body : NULL, /* disabled ones too */
        .account_record = factor_read_one(in, OTP_READ_ACCOUNT),
    };
    size_t i;

    if (!s.user)
        return refuse(&s, ret_out, OTP_CODE_NO_USER);
    for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (in->action && strcmp(operations[i].action, in->action) == 0)
            return operations[i].run(&s, ret_out);
    return FACTOR_E_INPUT;
}
