/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_claim.c - a phone finds the host and becomes a device
 * (doc/phone-protocol.md, sections 2 and 3).
 *
 * Wrong keys are counted in records, so that neither a restart nor another
 * node forgets them: by address, by the first characters of the key, and all
 * together. */
#include <string.h>

#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_statement.h"

#define CLAIMS "mfa.claims"
#define MINUTE_MS INT64_C(60000)

enum { PREFIX_LEN = 4, NAME_MAX_LEN = 256, PUSH_MAX_LEN = 2048 };

/* The reads, behind the configuration. */
enum { READ_CONFIG, READ_PAIRING, READ_DEVICE, READ_COUNTS };

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
                  "vapid_public_key", call->s.settings->vapid_key,
                  "applications", list_applications(call)));
}

/* --- Counting wrong keys --- */

/* So many in a window close what is counted until it ends. */
static const struct count_rule {
    const char *purpose;
    int64_t most;
    int64_t window_ms;
} count_rules[] = {
    { "mfa.claims.address", 10, 10 * MINUTE_MS },
    { "mfa.claims.prefix", 5, 60 * MINUTE_MS },
    { "mfa.claims.all", 100, MINUTE_MS },
};
enum { COUNTS = sizeof(count_rules) / sizeof(count_rules[0]) };

/* What is counted by each rule. */
static void
fill_names(const struct factor_step *in, const char *key,
           struct factor_name names[COUNTS])
{
    const char *address = in->request->address;
    const char *bytes[COUNTS] = { address ? address : "", key, "" };
    const size_t lens[COUNTS] = { strlen(bytes[0]),
                                  strnlen(key, PREFIX_LEN), 0 };
    size_t i;

    for (i = 0; i < COUNTS; i++)
        names[i] = (struct factor_name){ .struct_size = sizeof(names[i]),
                                         .purpose = count_rules[i].purpose,
                                         .bytes = bytes[i],
                                         .bytes_len = lens[i] };
}

/* Of a window that is over nothing counts any more. */
static int64_t
count_now(const struct factor_record *record, int64_t now_ms)
{
    if (!record || mfa_integer(record->body, "ends_at_ms") <= now_ms)
        return 0;
    return mfa_integer(record->body, "count");
}

/* Until when claims are closed; 0: they are open. */
static int64_t
closed_until(const struct mfa_call *call)
{
    const struct factor_record *record;
    int64_t until_ms = 0, ends_ms;
    size_t i;

    for (i = 0; i < COUNTS; i++) {
        record = factor_read_one(call->s.in, READ_COUNTS + i);
        if (count_now(record, call->s.in->now_ms) < count_rules[i].most)
            continue;
        ends_ms = mfa_integer(record->body, "ends_at_ms");
        until_ms = ends_ms > until_ms ? ends_ms : until_ms;
    }
    return until_ms;
}

static factor_status
count_one(const struct mfa_call *call, size_t i,
          const struct factor_name *name)
{
    const struct factor_record *record =
        factor_read_one(call->s.in, READ_COUNTS + i);
    int64_t now_ms = call->s.in->now_ms;
    int64_t count = count_now(record, now_ms);
    int64_t ends_ms = count > 0 ? mfa_integer(record->body, "ends_at_ms")
                                : now_ms + count_rules[i].window_ms;
    json_t *body = json_pack("{s:i, s:I, s:I}", "v", 1, "count",
                             (json_int_t)(count + 1), "ends_at_ms",
                             (json_int_t)ends_ms);
    struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = CLAIMS,
        .id = record ? record->id : NULL,
        .name = name,
        .version = record ? record->version : 0,
        .expires_at_ms = ends_ms,
        .body = body,
    };
    factor_status status = FACTOR_OK;

    if (!put.id)
        status = mfa_new_id(&call->s, (uint8_t)(0x10 + i), &put.id);
    if (!status)
        status = body ? call->s.host->put(call->s.in->effects, &put)
                      : FACTOR_E_NOMEM;
    json_decref(body);
    return status;
}

/* One answer for a key that is unknown, used, dead or of another phone. */
static factor_status
refuse_key(struct mfa_call *call, const char *key)
{
    struct factor_name names[COUNTS];
    factor_status status = FACTOR_OK;
    size_t i;

    fill_names(call->s.in, key, names);
    for (i = 0; i < COUNTS && !status; i++)
        status = count_one(call, i, &names[i]);
    if (!status)
        status = mfa_audit(&call->s, "mfa.claim_refused", json_object());
    return status ? status
                  : mfa_call_refuse(call, 400, MFA_CODE_PAIRING_KEY, 0);
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

enum { CLAIM_SIZE = MFA_PAIRING_KEY_SIZE + 44 };

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
    struct factor_name name, names[COUNTS];
    factor_status status;
    size_t len, i;

    if (!typed || !mfa_pairing_clean(typed, key) ||
        !claim_bytes(host, in, key, bytes, &len))
        return FACTOR_OK;
    name = mfa_pairing_name(key);
    status = host->read_name(reads, MFA_PAIRINGS, &name);
    name = device_name(bytes, len);
    if (!status)
        status = host->read_name(reads, MFA_DEVICES, &name);
    fill_names(in, key, names);
    for (i = 0; i < COUNTS && !status; i++)
        status = host->read_name(reads, CLAIMS, &names[i]);
    return status;
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

static bool
text_fits(const char *text, size_t max)
{
    return text && *text && strlen(text) <= max;
}

/* What the phone tells of itself. */
static bool
read_phone(struct mfa_call *call, const json_t *jwk)
{
    const json_t *claims = call->claims;
    const json_t *push = json_object_get(claims, "push");
    struct mfa_device *device = &call->device;

    *device = (struct mfa_device){
        .type = MFA_MOBILE,
        .created_at_ms = call->s.in->now_ms,
        .last_step = -1,
        .application = mfa_text(claims, "application"),
        .model = mfa_text(claims, "name"),
        .platform = mfa_text(claims, "platform"),
        .push = json_string_value(push),
        .push_at_ms = call->s.in->now_ms,
        .jwk = jwk,
    };
    memcpy(device->key.bytes, call->s.in->entropy + MFA_ENTROPY_KEY,
           PASSCODE_CHALLENGE_KEY_LEN);
    device->key.len = PASSCODE_CHALLENGE_KEY_LEN;
    return text_fits(device->model, NAME_MAX_LEN) &&
           text_fits(device->platform, 16) &&
           (!push || json_is_null(push) ||
            text_fits(device->push, PUSH_MAX_LEN));
}

/* The policy of the key lets this application in. */
static const struct mfa_mobile *
allowed_application(struct mfa_call *call, const struct mfa_pairing *pairing)
{
    const char *application = call->device.application;
    struct mfa_application found;
    const struct mfa_mobile *mobile;

    if (pairing->policy)
        mfa_policy_find(call->s.config, pairing->policy, &call->s.policy);
    mobile = mfa_policy_mobile(&call->s.policy, application);
    if (!mobile || mobile->pairing_disabled ||
        !call->s.policy.methods[MFA_MOBILE].enabled ||
        !mfa_application_find(call->s.config, application, &found))
        return NULL;
    if (pairing->application &&
        strcmp(pairing->application, application) != 0)
        return NULL;
    return mobile;
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

/* The same phone once more: its answer was lost. */
static bool
claimed_before(struct mfa_call *call, const struct mfa_pairing *pairing)
{
    const struct factor_record *record =
        factor_read_one(call->s.in, READ_DEVICE);

    return record && pairing->device &&
           strcmp(record->id, pairing->device) == 0 &&
           mfa_device_load(record, &call->device);
}

static factor_status
claim_key(struct mfa_call *call, const char *key, const json_t *jwk)
{
    const struct factor_record *record =
        factor_read_one(call->s.in, READ_PAIRING);
    struct mfa_pairing pairing;
    const struct mfa_mobile *mobile;

    if (!record || !mfa_pairing_load(record, &pairing))
        return refuse_key(call, key);
    call->s.user_id = record->owner;
    if (claimed_before(call, &pairing))
        return answer_claim(call, 200, &pairing);
    if (!mfa_pairing_live(&pairing, call->s.in->now_ms))
        return refuse_key(call, key);
    if (!read_phone(call, jwk))
        return mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    mobile = allowed_application(call, &pairing);
    if (!mobile)
        return spend_key(call, &pairing, MFA_CODE_APPLICATION);
    if (pairing.full)
        return spend_key(call, &pairing, MFA_CODE_LIMIT);
    call->device.active = pairing.by_operator || !mobile->confirm_pairing;
    return make_device(call, &pairing, key);
}

factor_status
mfa_claim(struct mfa_call *call)
{
    json_t *jwk = mfa_plain_jwk(json_object_get(call->s.in->fields, "key"));
    char key[MFA_PAIRING_KEY_SIZE];
    const char *typed;
    factor_status status = FACTOR_OK;
    int64_t until_ms;

    if (jwk && mfa_call_verify(call, jwk, "pair")) {
        typed = mfa_text(call->claims, "key");
        until_ms = closed_until(call);
        if (!typed || !mfa_pairing_clean(typed, key))
            status = mfa_call_refuse(call, 400, MFA_CODE_PAIRING_KEY, 0);
        else if (until_ms > 0)
            status = mfa_call_refuse(call, 429, MFA_CODE_LIMITED, until_ms);
        else
            status = claim_key(call, key, jwk);
    } else if (!jwk) {
        status = mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    }
    json_decref(jwk);
    return status;
}
