/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_step.c - what one step knows, typed. */
#include "plugin/adapter-otp/otp_step.h"

#include <string.h>

#include <liboath/oath.h>

#include "factor/user.h"
#include "plugin/adapter-otp/otp_model.h"

static const char *
text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static int64_t
integer_of(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

/* Counts in records are never negative; one that is counts as the most. */
static uint32_t
count_of(const json_t *json, const char *name)
{
    int64_t count = integer_of(json, name);

    return count >= 0 && count <= UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static bool
key_of(const char *hex, struct passcode_key *ret_key)
{
    *ret_key = (struct passcode_key){ .len = sizeof(ret_key->bytes) };
    if (hex && oath_hex2bin(hex, (char *)ret_key->bytes, &ret_key->len) ==
                   OATH_OK)
        return true;
    *ret_key = (struct passcode_key){ .len = 0 };
    return false;
}

/* --- Records --- */

struct passcode_counter
otp_counter_of(const json_t *body)
{
    return (struct passcode_counter){
        .failures = count_of(body, "failures"),
        .disabled = json_is_true(json_object_get(body, "disabled")),
        .locked_until_ms = integer_of(body, "locked_until_ms"),
    };
}

bool
otp_totp_of(const json_t *body, unsigned window, struct passcode_totp *ret)
{
    int hash = otp_hash_by_name(text_of(body, "hash"));

    *ret = (struct passcode_totp){
        .hash = hash < 0 ? PASSCODE_SHA1 : (enum passcode_hash)hash,
        .digits = (unsigned)count_of(body, "digits"),
        .period_s = (unsigned)count_of(body, "period_s"),
        .window = window,
        .last_step = integer_of(body, "last_step"),
    };
    return hash >= 0 && ret->digits >= PASSCODE_DIGITS_MIN &&
           ret->digits <= PASSCODE_DIGITS_MAX && ret->period_s > 0 &&
           key_of(text_of(json_object_get(body, "secret"), "key"), &ret->key);
}

/* The authenticator of a channel and address (NULL: any). */
static const struct factor_record *
find_record(const struct factor_step *in, const char *channel,
            const char *normal)
{
    const struct factor_records *found;
    const struct factor_record *record;
    const char *text;
    uint32_t i;

    if (in->read_count <= OTP_READ_AUTHENTICATORS)
        return NULL;
    found = in->reads[OTP_READ_AUTHENTICATORS];
    for (i = 0; i < found->count; i++) {
        record = found->records[i];
        text = text_of(record->body, "channel");
        if (!text || strcmp(text, channel) != 0)
            continue;
        text = text_of(json_object_get(record->body, "secret"), "address");
        if (!normal || (text && strcmp(text, normal) == 0))
            return record;
    }
    return NULL;
}

/* --- The user and the devices --- */

const char *
otp_user_id(const struct factor_step *in)
{
    const char *mapped = text_of(in->inputs, "userId");

    /* A code of one user must never sign on another. */
    if (in->subject && mapped && strcmp(in->subject, mapped) != 0)
        return NULL;
    return in->subject ? in->subject : mapped;
}

static const json_t *
enabled_user(const struct factor_step *in)
{
    const struct factor_record *user = factor_read_one(in, OTP_READ_USER);

    if (!user ||
        !json_is_true(json_object_get(user->body, FACTOR_USER_ENABLED)))
        return NULL;
    return user->body;
}

static bool
is_listed(const struct otp_step *s, const struct otp_device *device)
{
    size_t i;

    for (i = 0; i < s->device_count; i++)
        if (strcmp(s->devices[i].channel, device->channel) == 0 &&
            strcmp(s->devices[i].normal, device->normal) == 0)
            return true;
    return false;
}

static void
list_device(struct otp_step *s, struct otp_device *device)
{
    if (device->record) {
        device->id = device->record->id;
        device->counter = otp_counter_of(device->record->body);
    }
    s->devices[s->device_count++] = *device;
}

/* A delivery method for which the user has a contact.  A contact that came
 * during the flow has no record, so no id: the next flow will list it. */
static factor_status
load_method(struct otp_step *s, const struct otp_method *method)
{
    struct otp_device device = { .channel = method->channel,
                                 .type = method->type };
    char *normal;

    device.address = text_of(json_object_get(s->user, FACTOR_USER_ATTRIBUTES),
                             method->attribute);
    if (!device.address)
        return FACTOR_OK;
    normal = s->host->alloc(s->in->arena, strlen(device.address) + 1);
    if (!normal)
        return FACTOR_E_NOMEM;
    passcode_normalise(device.address, normal);
    device.normal = normal;
    device.record = find_record(s->in, device.channel, normal);
    if (*normal && !is_listed(s, &device) &&
        (device.record || !s->in->flow->state))
        list_device(s, &device);
    return FACTOR_OK;
}

static void
load_app(struct otp_step *s)
{
    struct otp_device device = { .channel = OTP_TOTP_CHANNEL,
                                 .type = OTP_TOTP_TYPE,
                                 .normal = "" };
    struct passcode_totp totp;

    device.record = find_record(s->in, OTP_TOTP_CHANNEL, NULL);
    if (device.record && otp_totp_of(device.record->body, 0, &totp))
        list_device(s, &device);
    explicit_bzero(&totp, sizeof(totp));
}

static factor_status
load_devices(struct otp_step *s)
{
    factor_status status = FACTOR_OK;
    size_t i;

    if (!s->user)
        return FACTOR_OK;
    for (i = 0; i < s->settings->method_count && !status; i++)
        status = load_method(s, &s->settings->methods[i]);
    load_app(s);
    return status;
}

void
otp_update_usable(struct otp_step *s)
{
    bool locked = passcode_locked(&s->account, s->in->now_ms);
    size_t i;

    for (i = 0; i < s->device_count; i++)
        s->devices[i].usable =
            !locked && !passcode_locked(&s->devices[i].counter, s->in->now_ms);
}

/* --- The flow --- */

static void
load_flow(struct otp_flow *flow, const json_t *data)
{
    flow->device = text_of(data, "device");
    key_of(text_of(data, "secret"), &flow->key);
    flow->attempts = count_of(data, "attempts");
    flow->resends = count_of(data, "resends");
    flow->sent_at_ms = integer_of(data, "sent_at_ms");
    flow->expires_at_ms = integer_of(data, "expires_at_ms");
    flow->sent = json_object_get(data, "sent");
    flow->failure = text_of(data, "failure");
    flow->channel = text_of(data, "channel");
    flow->type = text_of(data, "type");
}

factor_status
otp_step_load(struct otp_step *s, const struct factor_adapter *self,
              const struct factor_step *in)
{
    factor_status status;

    *s = (struct otp_step){ .settings = &self->settings,
                            .host = self->host,
                            .in = in,
                            .user_id = otp_user_id(in),
                            .user = enabled_user(in) };
    s->account_record = factor_read_one(in, OTP_READ_ACCOUNT);
    if (s->account_record)
        s->account = otp_counter_of(s->account_record->body);
    if (in->flow->state)
        load_flow(&s->flow, in->flow->data);
    status = load_devices(s);
    otp_update_usable(s);
    return status;
}

/* A text, or nothing. */
static int
set_text(json_t *data, const char *name, const char *text)
{
    if (!text) {
        json_object_del(data, name);
        return 0;
    }
    return json_object_set_new(data, name, json_string(text));
}

static int
set_integer(json_t *data, const char *name, int64_t value)
{
    return json_object_set_new(data, name, json_integer(value));
}

static int
set_key(json_t *data, const struct passcode_key *key)
{
    char hex[2 * PASSCODE_KEY_MAX + 1];
    int failed;

    oath_bin2hex((const char *)key->bytes, key->len, hex);
    failed = set_text(data, "secret", key->len ? hex : NULL);
    explicit_bzero(hex, sizeof(hex));
    return failed;
}

static int
set_sent(json_t *data, const char *id)
{
    json_t *sent;

    if (!id)
        return 0;
    sent = json_object_get(data, "sent");
    if (!json_is_array(sent)) {
        sent = json_array();
        if (json_object_set_new(data, "sent", sent))
            return -1;
    }
    return json_array_append_new(sent, json_string(id));
}

json_t *
otp_flow_save(const struct otp_step *s)
{
    const struct otp_flow *flow = &s->flow;
    bool kept = s->in->flow->state && s->in->flow->data;
    json_t *data = kept ? json_deep_copy(s->in->flow->data) : json_object();
    const char *sent = flow->sent_now;

    if (data && !set_integer(data, "v", 1) &&
        !set_text(data, "device", flow->device) &&
        !set_key(data, &flow->key) &&
        !set_integer(data, "attempts", flow->attempts) &&
        !set_integer(data, "resends", flow->resends) &&
        !set_integer(data, "sent_at_ms", flow->sent_at_ms) &&
        !set_integer(data, "expires_at_ms", flow->expires_at_ms) &&
        !set_sent(data, sent) && !set_text(data, "failure", flow->failure) &&
        !set_text(data, "channel", flow->channel) &&
        !set_text(data, "type", flow->type))
        return data;
    json_decref(data);
    return NULL;
}

/* --- Questions --- */

bool
otp_is_app(const struct otp_device *device)
{
    return !device->address;
}

struct otp_device *
otp_find(struct otp_step *s, const char *id)
{
    size_t i;

    for (i = 0; id && i < s->device_count; i++)
        if (s->devices[i].id && strcmp(s->devices[i].id, id) == 0)
            return &s->devices[i];
    return NULL;
}

struct otp_device *
otp_selected(struct otp_step *s)
{
    return otp_find(s, s->flow.device);
}

size_t
otp_usable_count(const struct otp_step *s)
{
    size_t i, count = 0;

    for (i = 0; i < s->device_count; i++)
        count += s->devices[i].usable;
    return count;
}

bool
otp_sent_before(const struct otp_step *s, const struct otp_device *device)
{
    const char *id;
    size_t i;

    for (i = 0; i < json_array_size(s->flow.sent); i++) {
        id = json_string_value(json_array_get(s->flow.sent, i));
        if (id && device->id && strcmp(id, device->id) == 0)
            return true;
    }
    return false;
}

bool
otp_challenge_open(const struct otp_step *s)
{
    return s->flow.key.len > 0 && s->in->now_ms < s->flow.expires_at_ms;
}

bool
otp_way_out(const struct otp_step *s, const struct otp_device *but)
{
    bool spent = s->flow.resends >= s->settings->pace.max_resends;
    const struct otp_device *device;

    for (device = s->devices; device < s->devices + s->device_count; device++)
        if (device != but && device->usable &&
            (otp_is_app(device) || !spent || !otp_sent_before(s, device)))
            return true;
    return false;
}

/* --- The state --- */

static void
sooner(int64_t *at_ms, int64_t candidate_ms, int64_t now_ms)
{
    if (candidate_ms > now_ms && (*at_ms == 0 || candidate_ms < *at_ms))
        *at_ms = candidate_ms;
}

/* When locks end, and when a code that cannot be sent again does. */
static int64_t
changes_at(struct otp_step *s, bool waiting_for_code)
{
    int64_t now_ms = s->in->now_ms, at_ms = 0;
    size_t i;

    for (i = 0; i < s->device_count; i++)
        if (!s->devices[i].counter.disabled)
            sooner(&at_ms, s->devices[i].counter.locked_until_ms, now_ms);
    sooner(&at_ms, s->account.locked_until_ms, now_ms);
    if (waiting_for_code && s->flow.key.len > 0 &&
        s->flow.resends >= s->settings->pace.max_resends)
        sooner(&at_ms, s->flow.expires_at_ms, now_ms);
    return at_ms;
}

/* No code can come any more: the one that was sent is over, and none can be
 * sent again. */
static bool
stuck(struct otp_step *s, const struct otp_device *selected)
{
    return !otp_is_app(selected) && !otp_challenge_open(s) &&
           s->flow.resends >= s->settings->pace.max_resends &&
           !otp_way_out(s, selected);
}

static const char *
failed(const char *failure, const char **ret_failure)
{
    *ret_failure = failure;
    return OTP_STATE_FAILED;
}

/* States in which the user is still to do something. */
static const char *
open_state(struct otp_step *s, bool waiting_for_code,
           const char **ret_failure, int64_t *ret_changes_at_ms)
{
    const struct otp_device *selected = otp_selected(s);

    if (s->device_count == 0)
        return failed(OTP_CODE_INVALID_DEVICE, ret_failure);
    *ret_changes_at_ms = changes_at(s, waiting_for_code);
    if (otp_usable_count(s) == 0)
        return failed(OTP_CODE_LOCKED, ret_failure);
    if (!waiting_for_code || !selected)
        return OTP_STATE_SELECTION;
    if (stuck(s, selected))
        return failed(OTP_CODE_RESEND_LIMIT, ret_failure);
    return OTP_STATE_REQUIRED;
}

const char *
otp_state(struct otp_step *s, const char **ret_failure,
          int64_t *ret_changes_at_ms)
{
    const char *stored = s->in->flow->state;

    *ret_failure = NULL;
    *ret_changes_at_ms = 0;
    if (!stored)
        return NULL;
    if (strcmp(stored, OTP_STATE_VERIFIED) == 0)
        return OTP_STATE_VERIFIED;
    if (strcmp(stored, OTP_STATE_FAILED) == 0)
        return failed(s->flow.failure ? s->flow.failure
                                      : OTP_CODE_INVALID_DEVICE,
                      ret_failure);
    if (strcmp(stored, OTP_STATE_SELECTION) == 0)
        return open_state(s, false, ret_failure, ret_changes_at_ms);
    if (strcmp(stored, OTP_STATE_REQUIRED) == 0)
        return open_state(s, true, ret_failure, ret_changes_at_ms);
    return NULL;
}
