/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_effects.c - what a step writes, sends and reports. */
#include "plugin/adapter-mfa/mfa_effects.h"

#include <string.h>

#include "factor/user.h"
#include "plugin/adapter-mfa/mfa_push_keys.h"

#define MINUTE_MS 60000

/* --- Records --- */

/* Most right codes find no failures to forget: a record that is as it was need
 * not be written. */
static bool
stands_already(const struct factor_record *record,
               const struct factor_put *put)
{
    return record && record->expires_at_ms == put->expires_at_ms &&
           json_equal(record->body, put->body);
}

factor_status
mfa_put_body(const struct mfa_step *s, const struct factor_record *record,
             const char *collection, const char *id, int64_t expires_at_ms,
             json_t *body)
{
    const struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = collection,
        .id = id,
        .owner = record ? record->owner : s->user_id,
        .version = record ? record->version : 0,
        .expires_at_ms = expires_at_ms,
        .body = body,
    };
    factor_status status;

    if (!body)
        return FACTOR_E_NOMEM;
    status = stands_already(record, &put)
                 ? FACTOR_OK
                 : s->host->put(s->in->effects, &put);
    json_decref(body);
    return status;
}

/* One that was never activated is removed after a day. */
factor_status
mfa_put_device(const struct mfa_step *s, const struct mfa_device *device)
{
    static const int64_t day_ms = INT64_C(24) * 60 * MINUTE_MS;
    int64_t expires_at_ms =
        device->active ? 0 : device->created_at_ms + day_ms;

    if (device->one_time)
        return FACTOR_OK;
    return mfa_put_body(s, device->record, MFA_DEVICES, device->id,
                        expires_at_ms, mfa_device_save(device));
}

factor_status
mfa_put_account(const struct mfa_step *s)
{
    return mfa_put_body(s, s->account.record, MFA_ACCOUNTS, s->user_id, 0,
                        mfa_account_save(&s->account));
}

factor_status
mfa_put_auth(struct mfa_step *s)
{
    s->auth.updated_at_ms = s->in->now_ms;
    return mfa_put_body(s, s->auth.record, MFA_AUTHS, s->auth.id,
                        s->auth.expires_at_ms, mfa_auth_save(&s->auth));
}

factor_status
mfa_remove(const struct mfa_step *s, const struct factor_record *record)
{
    return s->host->remove(s->in->effects, record->collection, record->id,
                           record->version);
}

factor_status
mfa_new_id(const struct mfa_step *s, uint8_t row, const char **ret_id)
{
    uint8_t bytes[MFA_ENTROPY_ID_LEN];
    char *id = s->host->alloc(s->in->arena, 37);

    if (!id)
        return FACTOR_E_NOMEM;
    memcpy(bytes, s->in->entropy + MFA_ENTROPY_ID, sizeof(bytes));
    bytes[MFA_ENTROPY_ID_LEN - 1] ^= row;
    s->host->uuid(bytes, id);
    *ret_id = id;
    return FACTOR_OK;
}

/* --- Messages --- */

static const char *const channels[MFA_TYPES] = {
    [MFA_EMAIL] = "email",
    [MFA_SMS] = "sms",
    [MFA_VOICE] = "voice",
};

/* ["amount: 250.00", "to: Paula"]: what a transaction is about, for texts that
 * know no names of variables. */
static json_t *
details_of(const json_t *variables)
{
    json_t *list = json_array(), *value;
    const char *name;

    json_object_foreach ((json_t *)(uintptr_t)variables, name, value)
        json_array_append_new(list, json_sprintf("%s: %s", name,
                                                 json_string_value(value)));
    return list;
}

/* Whole minutes that a code will still be valid, at least one. */
static json_t *
code_variables(const struct mfa_step *s, int64_t expires_at_ms)
{
    const json_t *given = s->has_auth ? s->auth.variables : NULL;
    int64_t minutes = (expires_at_ms - s->in->now_ms) / MINUTE_MS;
    json_t *own =
        json_pack("{s:o, s:s, s:o}", "minutes",
                  json_sprintf("%d", minutes > 1 ? (int)minutes : 1), "brand",
                  s->settings->brand, "details", details_of(given));
    json_t *all = given ? json_deep_copy(given) : json_object();

    if (!own || !all || json_object_update(all, own)) {
        json_decref(all);
        all = NULL;
    }
    json_decref(own);
    return all;
}

/* NULL: it is not known. */
static const char *
user_language(const struct mfa_step *s)
{
    const json_t *attributes =
        s->user ? json_object_get(s->user->body, FACTOR_USER_ATTRIBUTES)
                : NULL;

    return mfa_text(attributes, FACTOR_USER_LOCALE);
}

/* Of REST calls nobody who reads them asks: what is known of the user is the
 * better guess. */
static const char *
message_language(const struct mfa_step *s)
{
    if (s->locale)
        return s->locale;
    if (s->has_auth && s->auth.locale)
        return s->auth.locale;
    return s->in->resource ? user_language(s) : NULL;
}

static factor_status
send_code(const struct mfa_step *s, const char *template_id,
          const struct mfa_device *device, const char *code,
          int64_t expires_at_ms)
{
    json_t *variables = code_variables(s, expires_at_ms);
    const struct factor_send send = {
        .struct_size = sizeof(send),
        .channel = channels[device->type],
        .address = device->address,
        .template_id = template_id,
        .code = code,
        .variables = variables,
        .expires_at_ms = expires_at_ms,
        .language = message_language(s),
        .account = s->user_id,
        .about_collection = device->one_time ? NULL : MFA_DEVICES,
        .about_id = device->one_time ? NULL : device->id,
    };
    factor_status status = FACTOR_E_NOMEM;

    if (variables)
        status = s->host->send(s->in->effects, &send);
    json_decref(variables);
    return status;
}

factor_status
mfa_send_code(const struct mfa_step *s, const struct mfa_device *device)
{
    char code[PASSCODE_SIZE] = "";
    factor_status status = FACTOR_E_INTERNAL;

    if (device->test)
        return FACTOR_OK;
    if (mfa_auth_code(&s->auth, s->policy.methods[device->type].digits, code))
        status = send_code(s, s->auth.purpose ? "mfa.transaction" : "mfa.code",
                           device, code,
                           s->auth.code_expires_at_ms);
    explicit_bzero(code, sizeof(code));
    return status;
}

factor_status
mfa_send_activation(const struct mfa_step *s, const struct mfa_device *device,
                    const char *code, int64_t expires_at_ms)
{
    return send_code(s, "mfa.pairing", device, code, expires_at_ms);
}

factor_status
mfa_send_push(const struct mfa_step *s, const struct mfa_device *device)
{
    json_t *variables, *credential;
    factor_status status = FACTOR_E_NOMEM;
    struct factor_send send = {
        .struct_size = sizeof(send),
        .channel = "push",
        .address = device->push,
        .template_id = "mfa.push",
        .expires_at_ms = s->auth.push.expires_at_ms,
        .language = message_language(s),
        .account = s->user_id,
        .about_collection = MFA_DEVICES,
        .about_id = device->id,
    };

    if (!s->auth.push.signalled)
        return FACTOR_OK;
    variables = json_pack("{s:s, s:s}", "device", device->id, "brand",
                          s->settings->brand);
    credential = mfa_push_credential(s, device);
    send.variables = variables;
    send.credential = credential;
    if (variables)
        status = s->host->send(s->in->effects, &send);
    json_decref(credential);
    json_decref(variables);
    return status;
}

/* As the policy says, to the address on file. */
static bool
address_on_file(const struct mfa_step *s, const char **ret_channel,
                const char **ret_address)
{
    const json_t *attributes =
        json_object_get(s->user->body, FACTOR_USER_ATTRIBUTES);
    const char *email = mfa_text(attributes, FACTOR_USER_EMAIL);
    const char *phone = mfa_text(attributes, FACTOR_USER_PHONE);
    bool by_email = email && (s->policy.notice == MFA_NOTICE_EMAIL_THEN_SMS ||
                              !phone);

    *ret_channel = by_email ? "email" : "sms";
    *ret_address = by_email ? email : phone;
    return *ret_address != NULL;
}

bool
mfa_notice_address(const struct mfa_step *s, const char **ret_channel,
                   const char **ret_address)
{
    if (s->policy.notice == MFA_NOTICE_NONE)
        return false;
    if (s->user)
        return address_on_file(s, ret_channel, ret_address);
    *ret_channel = s->pairing.notice_channel;
    *ret_address = s->pairing.notice_address;
    return *ret_channel && *ret_address;
}

/* A phone that claims a key is not who reads the mail: where nothing is known
 * of that, the host's own language is the better guess. */
const char *
mfa_notice_language(const struct mfa_step *s)
{
    const char *language =
        s->user ? user_language(s) : s->pairing.notice_language;

    return language || !s->in->resource ? language : "en";
}

factor_status
mfa_send_notice(const struct mfa_step *s, const char *template_id,
                const struct mfa_device *device)
{
    const char *name = device->nickname ? device->nickname : device->model;
    json_t *variables;
    factor_status status = FACTOR_E_NOMEM;
    struct factor_send send = {
        .struct_size = sizeof(send),
        .flags = FACTOR_SEND_NOTICE,
        .template_id = template_id,
        .expires_at_ms = s->in->now_ms + INT64_C(24) * 60 * MINUTE_MS,
        .language = mfa_notice_language(s),
    };

    if (!mfa_notice_address(s, &send.channel, &send.address))
        return FACTOR_OK;
    if (s->in->flags & FACTOR_STEP_SEND_REFUSED)
        return mfa_audit_device(s, "mfa.notice_refused", device, template_id);
    variables =
        json_pack("{s:s, s:s}", "device",
                  name && *name ? name : mfa_type_name(device->type), "brand",
                  s->settings->brand);
    send.variables = variables;
    if (variables)
        status = s->host->send(s->in->effects, &send);
    json_decref(variables);
    return status;
}

/* --- Audit --- */

factor_status
mfa_audit(const struct mfa_step *s, const char *event, json_t *fields)
{
    factor_status status = FACTOR_E_NOMEM;

    if (fields)
        status = s->host->audit(s->in->effects, event, fields);
    json_decref(fields);
    return status;
}

factor_status
mfa_audit_device(const struct mfa_step *s, const char *event,
                 const struct mfa_device *device, const char *reason)
{
    return mfa_audit(s, event,
                     json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:s*}", "user",
                               s->user_id, "device", device->id, "method",
                               mfa_type_name(device->type), "authentication",
                               s->has_auth ? s->auth.id : NULL, "session",
                               s->has_auth ? s->auth.session : NULL, "reason",
                               reason));
}

factor_status
mfa_report_added(struct mfa_step *s, const struct mfa_device *device,
                 const char *how)
{
    factor_status status =
        mfa_audit_device(s, "mfa.device_paired", device, how);

    s->flow.enrolled = true;
    if (!status)
        status = mfa_put_account(s);
    return status ? status : mfa_send_notice(s, "mfa.device_added", device);
}
