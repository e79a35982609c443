/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_effects.c - what a step writes, sends and reports. */
#include "plugin/adapter-otp/otp_effects.h"

#include <string.h>

#define TEMPLATE "otp.code"
#define NAME_PURPOSE "otp.authenticator"
#define MINUTE_MS 60000

/* --- Records --- */

/* The parts are ended by NULs, so that no two triples give the same bytes. */
factor_status
otp_record_name(const struct otp_step *s, const char *channel,
                const char *normal, struct factor_name *ret_name)
{
    const char *const parts[] = { s->user_id, channel, normal };
    size_t i, len, size = 0;
    char *bytes;

    for (i = 0; i < 3; i++)
        size += strlen(parts[i]) + 1;
    bytes = s->host->alloc(s->in->arena, size);
    if (!bytes)
        return FACTOR_E_NOMEM;
    *ret_name = (struct factor_name){ .struct_size = sizeof(*ret_name),
                                      .purpose = NAME_PURPOSE,
                                      .bytes = bytes,
                                      .bytes_len = size };
    for (i = 0; i < 3; i++, bytes += len) {
        len = strlen(parts[i]) + 1;
        memcpy(bytes, parts[i], len);
    }
    return FACTOR_OK;
}

/* An id of the step's entropy; the row makes each of them another. */
static factor_status
new_id(const struct otp_step *s, uint8_t row, const char **ret_id)
{
    uint8_t bytes[OTP_ID_LEN];
    char *id = s->host->alloc(s->in->arena, 37);

    if (!id)
        return FACTOR_E_NOMEM;
    memcpy(bytes, s->in->entropy + OTP_ENTROPY_ID, sizeof(bytes));
    bytes[OTP_ID_LEN - 1] ^= row;
    s->host->uuid(bytes, id);
    *ret_id = id;
    return FACTOR_OK;
}

static factor_status
put_new(const struct otp_step *s, const struct otp_device *device,
        const struct factor_name *name)
{
    factor_status status;
    json_t *body = json_pack("{s:i, s:s, s:{s:s}, s:i}", "v", 1, "channel",
                             device->channel, "secret", "address",
                             device->normal, "failures", 0);
    const struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = OTP_AUTHENTICATORS,
        .id = device->id,
        .owner = s->user_id,
        .name = name,
        .body = body,
    };

    if (!body)
        return FACTOR_E_NOMEM;
    status = s->host->put(s->in->effects, &put);
    json_decref(body);
    return status;
}

factor_status
otp_make_records(struct otp_step *s)
{
    struct factor_name name;
    struct otp_device *device;
    factor_status status = FACTOR_OK;
    size_t i;

    for (i = 0; i < s->device_count && !status; i++) {
        device = &s->devices[i];
        if (device->record)
            continue;
        status = new_id(s, (uint8_t)i, &device->id);
        if (!status)
            status = otp_record_name(s, device->channel, device->normal,
                                     &name);
        if (!status)
            status = put_new(s, device, &name);
    }
    return status;
}

factor_status
otp_put_body(const struct otp_step *s, const struct factor_record *record,
             json_t *body)
{
    factor_status status;
    const struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = record->collection,
        .id = record->id,
        .owner = record->owner,
        .version = record->version,
        .expires_at_ms = record->expires_at_ms,
        .body = body,
    };

    if (!body)
        return FACTOR_E_NOMEM;
    status = s->host->put(s->in->effects, &put);
    json_decref(body);
    return status;
}

/* Everything else in the body stays as it is. */
static json_t *
with_counter(const json_t *old, const struct passcode_counter *counter)
{
    json_t *body = old ? json_deep_copy(old) : json_pack("{s:i}", "v", 1);

    if (body &&
        !json_object_set_new(body, "failures",
                             json_integer(counter->failures)) &&
        !json_object_set_new(body, "locked_until_ms",
                             json_integer(counter->locked_until_ms)) &&
        !json_object_set_new(body, "disabled",
                             json_boolean(counter->disabled)))
        return body;
    json_decref(body);
    return NULL;
}

factor_status
otp_put_device(struct otp_step *s, const struct otp_device *device,
               int64_t step)
{
    json_t *body;

    if (!device->record)
        return FACTOR_E_INTERNAL;
    body = with_counter(device->record->body, &device->counter);
    if (body && step >= 0 &&
        json_object_set_new(body, "last_step", json_integer(step))) {
        json_decref(body);
        body = NULL;
    }
    return otp_put_body(s, device->record, body);
}

factor_status
otp_put_account(struct otp_step *s)
{
    const struct factor_record none = { .struct_size = sizeof(none),
                                        .collection = OTP_ACCOUNTS,
                                        .id = s->user_id,
                                        .owner = s->user_id };
    const struct factor_record *record =
        s->account_record ? s->account_record : &none;

    return otp_put_body(s, record, with_counter(record->body, &s->account));
}

/* --- Messages --- */

/* Whole minutes that the code will still be valid, at least one. */
static json_t *
variables(const struct otp_step *s)
{
    int64_t minutes = (s->flow.expires_at_ms - s->in->now_ms) / MINUTE_MS;

    return json_pack("{s:o, s:s}", "minutes",
                     json_sprintf("%d", minutes > 1 ? (int)minutes : 1),
                     "brand", s->settings->brand);
}

/* A number in its one spelling; a mailbox as the user wrote it, since the
 * case of its name may matter there. */
static const char *
send_to(const struct otp_device *device)
{
    return strcmp(device->channel, "email") == 0 ? device->address
                                                 : device->normal;
}

factor_status
otp_send_code(struct otp_step *s, const struct otp_device *device)
{
    char code[PASSCODE_SIZE] = "";
    factor_status status;
    json_t *values = variables(s);
    const struct factor_send send = {
        .struct_size = sizeof(send),
        .channel = device->channel,
        .address = send_to(device),
        .template_id = TEMPLATE,
        .code = code,
        .variables = values,
        .expires_at_ms = s->flow.expires_at_ms,
        .about_collection = OTP_AUTHENTICATORS,
        .about_id = device->id,
    };

    if (!values)
        return FACTOR_E_NOMEM;
    status = passcode_hotp(&s->flow.key, 0, s->settings->digits, code)
                 ? s->host->send(s->in->effects, &send)
                 : FACTOR_E_INTERNAL;
    explicit_bzero(code, sizeof(code));
    json_decref(values);
    return status;
}

/* --- Audit --- */

factor_status
otp_audit(const struct otp_step *s, const char *event, json_t *fields)
{
    factor_status status = FACTOR_E_NOMEM;

    if (fields)
        status = s->host->audit(s->in->effects, event, fields);
    json_decref(fields);
    return status;
}

factor_status
otp_audit_device(const struct otp_step *s, const char *event,
                 const struct otp_device *device, const char *reason)
{
    return otp_audit(s, event,
                     json_pack("{s:s, s:s, s:s*}", "authenticator",
                               device->id, "method", device->type, "reason",
                               reason));
}
