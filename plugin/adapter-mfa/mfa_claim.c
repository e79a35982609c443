/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_claim.c - a phone finds the host and becomes a device
 * (doc/phone-protocol.md, sections 2 and 3).
 *
 * The user of a key is not known before the key is found, so a claim goes by
 * what the key's record says of that user. */
#include "plugin/adapter-mfa/mfa_guess.h"

#include <string.h>

#include "plugin/adapter-mfa/mfa_model.h"

#define MINUTE_MS INT64_C(60000)

/* The reads, behind the configuration; devices and account are those of the
 * key's owner. */
enum { READ_CONFIG, READ_PAIRING, READ_DEVICE, READ_DEVICES, READ_ACCOUNT,
       READ_GUESSES };

/* --- Discovery --- */

static json_t *
list_applications(const struct mfa_call *call)
{
    json_t *list = json_array();
    struct mfa_application application;
    size_t i;

    for (i = 0; list && i < call->s.policy.mobile_count; i++)
        if (mfa_application_find(call->s.config, call->s.policy.mobiles[i].id,
                                 &application) &&
            json_array_append_new(list, json_pack("{s:s, s:s}", "id",
                                                  application.id, "name",
                                                  application.name))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

factor_status
mfa_discover(struct mfa_call *call)
{
    const struct factor_host *host = call->s.host;

    return mfa_call_answer(
        call, 200,
        json_pack("{s:s, s:s, s:s+++, s:s*, s:o}", "issuer", host->base_url,
                  "environment", host->environment, "endpoint",
                  host->base_url, "/", host->environment, "/mobile",
                  "vapid_public_key",
                  mfa_text(json_object_get(host->published, "webpush"),
                           "vapid_public_key"),
                  "applications", list_applications(call)));
}

/* --- The plan --- */

/* A device that was made by a claim is found again by the key and the phone,
 * should the answer have been lost. */
static bool
claim_bytes(const struct factor_host *host, const struct factor_step *in,
            const char *key, char *ret_bytes, size_t *ret_len)
{
    const json_t *jwk = json_object_get(in->fields, "key");
    size_t len = strlen(key);

    memcpy(ret_bytes, key, len);
    if (!jwk || host->jwk_thumbprint(jwk, ret_bytes + len) != FACTOR_OK)
        return false;
    *ret_len = len + strlen(ret_bytes + len);
    return true;
}

enum { CLAIM_SIZE = MFA_PAIRING_KEY_SIZE + MFA_THUMBPRINT_SIZE };

static struct factor_name
device_name(const char *bytes, size_t len)
{
    return (struct factor_name){ .struct_size = sizeof(struct factor_name),
                                 .purpose = "mfa.claim",
                                 .bytes = bytes,
                                 .bytes_len = len };
}

factor_status
mfa_claim_plan(const struct factor_host *host, const struct factor_step *in,
               const json_t *claims, struct factor_reads *reads)
{
    const char *typed = mfa_text(claims, "key");
    char key[MFA_PAIRING_KEY_SIZE], bytes[CLAIM_SIZE];
    struct factor_name pairing, device;
    factor_status status;
    size_t len;

    if (!typed || !mfa_pairing_clean(typed, key) ||
        !claim_bytes(host, in, key, bytes, &len))
        return FACTOR_OK;
    pairing = mfa_pairing_name(key);
    device = device_name(bytes, len);
    status = host->read_name(reads, MFA_PAIRINGS, &pairing);
    if (!status)
        status = host->read_name(reads, MFA_DEVICES, &device);
    if (!status)
        status = host->read_named_owned(reads, MFA_PAIRINGS, &pairing,
                                        MFA_DEVICES, MFA_DEVICES_MAX);
    if (!status)
        status = host->read_named_owned(reads, MFA_PAIRINGS, &pairing,
                                        MFA_ACCOUNTS, 1);
    return status ? status : mfa_guess_plan(host, in, key, reads);
}

/* --- The claim --- */

static factor_status
answer_claim(struct mfa_call *call, uint32_t status,
             const struct mfa_pairing *pairing)
{
    const struct mfa_device *device = &call->device;
    char secret[64], check[MFA_CHECK_SIZE];
    json_t *body;

    if (passcode_base32_size(device->key.len) > sizeof(secret) ||
        !mfa_device_check(call->s.host, device, check))
        return FACTOR_E_INTERNAL;
    passcode_base32(device->key.bytes, device->key.len, secret);
    body = json_pack(
        "{s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:{s:s, s:i, s:i}}", "device",
        device->id, "user", "id", call->s.user_id, "name",
        pairing->username ? pairing->username : "", "issuer",
        call->s.host->base_url, "status",
        device->active ? "ACTIVE" : "ACTIVATION_REQUIRED", "check", check,
        "passcode", "secret", secret, "digits", 6, "period", 30);
    explicit_bzero(secret, sizeof(secret));
    return mfa_call_answer(call, status, body);
}

/* One answer for a key that is unknown, used, dead or of another phone. */
static factor_status
refuse_key(struct mfa_call *call, const char *key)
{
    factor_status status = mfa_guess_count(call, READ_GUESSES, key);

    if (!status)
        status = mfa_audit(&call->s, "mfa.claim_refused", json_object());
    return status ? status
                  : mfa_call_refuse(call, 400, MFA_CODE_PAIRING_KEY, 0);
}

/* The key is spent: the page that waits is told why. */
static factor_status
spend_key(struct mfa_call *call, struct mfa_pairing *pairing,
          const char *error)
{
    factor_status status;

    pairing->error = error;
    status = mfa_put_body(&call->s, pairing->record, MFA_PAIRINGS,
                          pairing->id, mfa_pairing_swept_at(pairing),
                          mfa_pairing_save(pairing));
    return status ? status : mfa_call_refuse(call, 400, error, 0);
}

/* It is the right key, but somebody has been looking for it. */
static factor_status
kill_key(struct mfa_call *call, struct mfa_pairing *pairing)
{
    factor_status status = mfa_audit(
        &call->s, "mfa.pairing_key_killed",
        json_pack("{s:s, s:s}", "user", call->s.user_id, "pairing",
                  pairing->id));

    return status ? status : spend_key(call, pairing, MFA_CODE_PAIRING_KEY);
}

/* What the phone tells of itself; false: it does not. */
static bool
read_phone(struct mfa_call *call, const json_t *jwk)
{
    const json_t *claims = call->claims;
    const char *application = mfa_text(claims, "application");
    struct mfa_device *device = &call->device;

    *device = (struct mfa_device){
        .type = MFA_MOBILE,
        .created_at_ms = call->s.in->now_ms,
        .last_step = -1,
        .application = application,
        .model = mfa_text(claims, "name"),
        .platform = mfa_text(claims, "platform"),
        .push = mfa_text(claims, "push"),
        .push_at_ms = call->s.in->now_ms,
        .jwk = jwk,
    };
    memcpy(device->key.bytes, call->s.in->entropy + MFA_ENTROPY_KEY,
           PASSCODE_CHALLENGE_KEY_LEN);
    device->key.len = PASSCODE_CHALLENGE_KEY_LEN;
    return application && *application && mfa_phone_fits(claims);
}

/* The policy of the key lets this application in. */
static const struct mfa_mobile *
allowed_application(struct mfa_call *call, const struct mfa_pairing *pairing)
{
    const char *application = call->device.application;
    struct mfa_application found;
    const struct mfa_mobile *mobile;

    if (pairing->policy &&
        !mfa_policy_find(call->s.config, pairing->policy, &call->s.policy))
        return NULL;
    mobile = mfa_policy_mobile(&call->s.policy, application);
    if (!mobile || mobile->pairing_disabled ||
        !call->s.policy.methods[MFA_MOBILE].enabled ||
        !mfa_application_find(call->s.config, application, &found))
        return NULL;
    return mfa_pairing_may_claim(pairing, application) ? mobile : NULL;
}

static factor_status
put_new_device(struct mfa_call *call, const char *bytes, size_t len)
{
    const struct factor_name name = device_name(bytes, len);
    json_t *body = mfa_device_save(&call->device);
    struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = MFA_DEVICES,
        .id = call->device.id,
        .owner = call->s.user_id,
        .name = &name,
        .expires_at_ms = call->device.active
                             ? 0
                             : call->s.in->now_ms + 24 * 60 * MINUTE_MS,
        .body = body,
    };
    factor_status status = FACTOR_E_NOMEM;

    if (body)
        status = call->s.host->put(call->s.in->effects, &put);
    json_decref(body);
    return status;
}

static factor_status
make_device(struct mfa_call *call, struct mfa_pairing *pairing,
            const char *key)
{
    const char *how = pairing->by_operator ? "operator" : NULL;
    char bytes[CLAIM_SIZE];
    size_t len;
    factor_status status = mfa_new_id(&call->s, MFA_ID_DEVICE,
                                      &call->device.id);

    if (status)
        return status;
    if (!claim_bytes(call->s.host, call->s.in, key, bytes, &len))
        return FACTOR_E_INTERNAL;
    pairing->device = call->device.id;
    pairing->thumbprint = bytes + strlen(key);
    status = put_new_device(call, bytes, len);
    if (!status)
        status = mfa_put_body(&call->s, pairing->record, MFA_PAIRINGS,
                              pairing->id, mfa_pairing_swept_at(pairing),
                              mfa_pairing_save(pairing));
    call->s.pairing = *pairing;
    if (!status)
        status = call->device.active
                     ? mfa_report_added(&call->s, &call->device, how)
                     : mfa_audit_device(&call->s, "mfa.device_claimed",
                                        &call->device, how);
    return status ? status : answer_claim(call, 201, pairing);
}

static bool
is_key(const struct mfa_call *call, const json_t *jwk, const char *thumbprint)
{
    char text[MFA_THUMBPRINT_SIZE];

    return jwk && call->s.host->jwk_thumbprint(jwk, text) == FACTOR_OK &&
           strcmp(text, thumbprint) == 0;
}

/* The same phone once more, with the key that it has: its answer was lost. */
static bool
claimed_before(struct mfa_call *call, const struct mfa_pairing *pairing)
{
    const struct factor_record *record =
        factor_read_one(call->s.in, READ_DEVICE);

    return record && pairing->device && pairing->thumbprint &&
           strcmp(record->id, pairing->device) == 0 &&
           mfa_device_load(record, &call->device) &&
           is_key(call, call->device.jwk, pairing->thumbprint);
}

/* Why the user may have no more devices by this key, or NULL.  What held when
 * it was made may hold no more: another key has been claimed. */
static const char *
device_refusal(const struct mfa_call *call, const struct mfa_pairing *pairing)
{
    if (pairing->first && mfa_active_count(&call->s) > 0)
        return MFA_CODE_PAIRING_KEY;
    return mfa_devices_full(&call->s) ? MFA_CODE_LIMIT : NULL;
}

static factor_status
claim_live_key(struct mfa_call *call, struct mfa_pairing *pairing,
               const char *key, const json_t *jwk)
{
    const struct mfa_mobile *mobile;
    const char *refusal;

    if (mfa_guess_hunted(call, READ_GUESSES, pairing->created_at_ms))
        return kill_key(call, pairing);
    if (!read_phone(call, jwk))
        return mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    mobile = allowed_application(call, pairing);
    if (!mobile)
        return spend_key(call, pairing, MFA_CODE_APPLICATION);
    refusal = device_refusal(call, pairing);
    if (refusal)
        return spend_key(call, pairing, refusal);
    call->device.active = pairing->by_operator || !mobile->confirm_pairing;
    return make_device(call, pairing, key);
}

static factor_status
claim_key(struct mfa_call *call, const char *key, const json_t *jwk)
{
    const struct factor_record *record =
        factor_read_one(call->s.in, READ_PAIRING);
    struct mfa_pairing pairing;
    factor_status status;

    if (!record || !mfa_pairing_load(record, &pairing))
        return refuse_key(call, key);
    call->s.user_id = record->owner;
    mfa_account_load(factor_read_one(call->s.in, READ_ACCOUNT),
                     &call->s.account);
    status = mfa_load_devices(&call->s, call->s.in->reads[READ_DEVICES]);
    if (status)
        return status;
    if (claimed_before(call, &pairing))
        return answer_claim(call, 200, &pairing);
    if (!mfa_pairing_live(&pairing, call->s.in->now_ms) ||
        (pairing.thumbprint && !is_key(call, jwk, pairing.thumbprint)))
        return refuse_key(call, key);
    return claim_live_key(call, &pairing, key, jwk);
}

static factor_status
claim_verified(struct mfa_call *call, const json_t *jwk)
{
    const char *typed = mfa_text(call->claims, "key");
    char key[MFA_PAIRING_KEY_SIZE];
    int64_t until_ms = mfa_guess_closed_until(call, READ_GUESSES);

    if (!typed || !mfa_pairing_clean(typed, key))
        return mfa_call_refuse(call, 400, MFA_CODE_PAIRING_KEY, 0);
    if (until_ms > 0)
        return mfa_call_refuse(call, 429, MFA_CODE_LIMITED, until_ms);
    return claim_key(call, key, jwk);
}

factor_status
mfa_claim(struct mfa_call *call)
{
    json_t *jwk = mfa_plain_jwk(json_object_get(call->s.in->fields, "key"));
    bool verified = false;
    factor_status status =
        jwk ? mfa_call_verify(call, jwk, "pair", &verified)
            : mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);

    if (!status && verified)
        status = claim_verified(call, jwk);
    json_decref(jwk);
    return status;
}
