/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_record.c - devices, accounts and device
 * authentications, typed, and as bodies of records.
 *
 * Devices and policies are told their state by mfa_device_*; nobody keeps a
 * flag "usable" that could be wrong. */
#include "plugin/adapter-mfa/mfa_record.h"

#include <stdio.h>
#include <string.h>

#include <liboath/oath.h>

/* --- Members --- */

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

static bool
flag_of(const json_t *json, const char *name)
{
    return json_is_true(json_object_get(json, name));
}

/* Counts in records are never negative; one that is counts as the most. */
static uint32_t
count_of(const json_t *json, const char *name)
{
    int64_t count = integer_of(json, name);

    return count >= 0 && count <= UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static void
key_of(const json_t *json, struct passcode_key *ret_key)
{
    const char *hex = text_of(json, "key");

    *ret_key = (struct passcode_key){ .len = sizeof(ret_key->bytes) };
    if (!hex || oath_hex2bin(hex, (char *)ret_key->bytes, &ret_key->len) !=
                    OATH_OK)
        *ret_key = (struct passcode_key){ .len = 0 };
}

static void
copy_text(char *ret, size_t size, const char *text)
{
    snprintf(ret, size, "%s", text ? text : "");
}

/* Setting a member to nothing removes it. */
static int
set(json_t *json, const char *name, json_t *value)
{
    if (!value || json_is_null(value)) {
        json_decref(value);
        json_object_del(json, name);
        return 0;
    }
    return json_object_set_new(json, name, value);
}

static int
set_text(json_t *json, const char *name, const char *text)
{
    json_t *value = text ? json_string(text) : NULL;

    return text && !value ? -1 : set(json, name, value);
}

static int
set_integer(json_t *json, const char *name, int64_t value)
{
    return json_object_set_new(json, name, json_integer(value));
}

static int
set_flag(json_t *json, const char *name, bool value)
{
    return json_object_set_new(json, name, json_boolean(value));
}

static int
set_key(json_t *json, const struct passcode_key *key)
{
    char hex[2 * PASSCODE_KEY_MAX + 1];
    size_t i;
    int failed;

    if (key->len == 0)
        return set(json, "key", NULL);
    for (i = 0; i < key->len; i++)
        snprintf(hex + 2 * i, 3, "%02x", key->bytes[i]);
    failed = set_text(json, "key", hex);
    explicit_bzero(hex, sizeof(hex));
    return failed;
}

/* The body to change: a copy, or a new one. */
static json_t *
body_of(const struct factor_record *record)
{
    return record ? json_deep_copy(record->body) : json_pack("{s:i}", "v", 1);
}

/* Its member of this name, made if it is not there. */
static json_t *
object_in(json_t *body, const char *name)
{
    json_t *object = json_object_get(body, name);

    if (json_is_object(object))
        return object;
    object = json_object();
    return json_object_set_new(body, name, object) ? NULL : object;
}

/* A body is whole, or nothing. */
static json_t *
finish(json_t *body, int failed)
{
    if (!failed)
        return body;
    json_decref(body);
    return NULL;
}

/* --- Counters --- */

static struct passcode_counter
counter_of(const json_t *body)
{
    return (struct passcode_counter){
        .failures = count_of(body, "failures"),
        .disabled = flag_of(body, "disabled"),
        .locked_until_ms = integer_of(body, "locked_until_ms"),
    };
}

static int
set_counter(json_t *body, const struct passcode_counter *counter)
{
    return set_integer(body, "failures", counter->failures) ||
           set_integer(body, "locked_until_ms", counter->locked_until_ms) ||
           set_flag(body, "disabled", counter->disabled);
}

/* --- Devices --- */

static void
load_fails(const json_t *list, struct mfa_device *device)
{
    const json_t *entry;
    size_t i, first = 0;

    if (json_array_size(list) > MFA_PUSHES_MAX)
        first = json_array_size(list) - MFA_PUSHES_MAX;
    for (i = first; i < json_array_size(list); i++) {
        entry = json_array_get(list, i);
        device->fails[device->fail_count].at_ms = integer_of(entry, "at_ms");
        device->fails[device->fail_count].ends_at_ms =
            integer_of(entry, "ends_at_ms");
        device->fail_count++;
    }
}

/* The outbox notes a refusal on the device.  0: none. */
static int64_t
push_refused_at(const json_t *body)
{
    const json_t *note = json_object_get(body, "delivery");
    const char *result = text_of(note, "result");

    return result && strcmp(result, "refused") == 0
               ? integer_of(note, "at_ms")
               : 0;
}

/* What waited when the service refused it did not reach the phone: that is not
 * ignored by anybody (M5). */
static void
forget_unreached(struct mfa_device *device, int64_t refused_ms)
{
    size_t i, kept = 0;

    for (i = 0; i < device->fail_count; i++)
        if (device->fails[i].at_ms > refused_ms ||
            device->fails[i].ends_at_ms <= refused_ms)
            device->fails[kept++] = device->fails[i];
    device->fail_count = kept;
}

bool
mfa_device_load(const struct factor_record *record,
                struct mfa_device *ret_device)
{
    const json_t *body = record->body;
    const json_t *secret = json_object_get(body, "secret");
    const char *status = text_of(body, "status");
    int type = mfa_type_by_name(text_of(body, "type"));
    int64_t refused_ms = push_refused_at(body);

    if (type < 0 || !status)
        return false;
    *ret_device = (struct mfa_device){
        .record = record,
        .id = record->id,
        .type = (enum mfa_type)type,
        .active = strcmp(status, "ACTIVE") == 0,
        .blocked = flag_of(body, "blocked"),
        .blocked_at_ms = integer_of(body, "blocked_at_ms"),
        .test = flag_of(body, "test"),
        .counter = counter_of(body),
        .nickname = text_of(body, "nickname"),
        .address = text_of(secret, "address"),
        .extension = text_of(body, "extension"),
        .created_at_ms = integer_of(body, "created_at_ms"),
        .updated_at_ms = integer_of(body, "updated_at_ms"),
        .policy = text_of(body, "policy"),
        .last_step = json_object_get(body, "last_step")
                         ? integer_of(body, "last_step")
                         : -1,
        .code_sent_at_ms = integer_of(body, "code_sent_at_ms"),
        .code_expires_at_ms = integer_of(body, "code_expires_at_ms"),
        .application = text_of(body, "application"),
        .model = text_of(body, "model"),
        .platform = text_of(body, "platform"),
        .jwk = json_object_get(body, "jwk"),
        .push = text_of(secret, "push"),
        .push_at_ms = integer_of(body, "push_at_ms"),
        .statement_at_ms = integer_of(body, "statement_at_ms"),
    };
    key_of(secret, &ret_device->key);
    load_fails(json_object_get(body, "pushes"), ret_device);
    forget_unreached(ret_device, refused_ms);
    /* Of an older address it says nothing about this one. */
    ret_device->push_dead =
        refused_ms > 0 && refused_ms >= ret_device->push_at_ms;
    return true;
}

static json_t *
save_fails(const struct mfa_device *device)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; list && i < device->fail_count; i++)
        if (json_array_append_new(
                list, json_pack("{s:I, s:I}", "at_ms",
                                (json_int_t)device->fails[i].at_ms,
                                "ends_at_ms",
                                (json_int_t)device->fails[i].ends_at_ms))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static int
save_mobile(json_t *body, json_t *secret, const struct mfa_device *device)
{
    json_t *fails = save_fails(device);

    return !fails || json_object_set_new(body, "pushes", fails) ||
           set_text(body, "application", device->application) ||
           set_text(body, "model", device->model) ||
           set_text(body, "platform", device->platform) ||
           json_object_set_new(body, "jwk", json_deep_copy(device->jwk)) ||
           set_text(secret, "push", device->push) ||
           set_integer(body, "push_at_ms", device->push_at_ms) ||
           set_integer(body, "statement_at_ms", device->statement_at_ms);
}

/* What only some devices have. */
static int
save_rare(json_t *body, const struct mfa_device *device)
{
    return (device->test && set_flag(body, "test", true)) ||
           (device->blocked_at_ms &&
            set_integer(body, "blocked_at_ms", device->blocked_at_ms)) ||
           (device->updated_at_ms &&
            set_integer(body, "updated_at_ms", device->updated_at_ms)) ||
           set_text(body, "extension", device->extension) ||
           set_text(body, "policy", device->policy);
}

static int
save_activation(json_t *body, const struct mfa_device *device)
{
    json_object_del(body, "code_sent_at_ms");
    json_object_del(body, "code_expires_at_ms");
    if (device->code_expires_at_ms == 0)
        return 0;
    return set_integer(body, "code_sent_at_ms", device->code_sent_at_ms) ||
           set_integer(body, "code_expires_at_ms",
                       device->code_expires_at_ms);
}

json_t *
mfa_device_save(const struct mfa_device *device)
{
    json_t *body = body_of(device->record);
    json_t *secret = object_in(body, "secret");
    int failed;

    if (!secret)
        return finish(body, -1);
    failed = set_text(body, "type", mfa_type_name(device->type)) ||
             set_text(body, "status",
                      device->active ? "ACTIVE" : "ACTIVATION_REQUIRED") ||
             set_flag(body, "blocked", device->blocked) ||
             set_counter(body, &device->counter) ||
             set_text(body, "nickname", device->nickname) ||
             set_integer(body, "created_at_ms", device->created_at_ms) ||
             set_integer(body, "last_step", device->last_step) ||
             save_activation(body, device) || save_rare(body, device) ||
             set_text(secret, "address", device->address) ||
             set_key(secret, &device->key);
    if (!failed && device->type == MFA_MOBILE)
        failed = save_mobile(body, secret, device);
    return finish(body, failed);
}

bool
mfa_device_wants_push(const struct mfa_device *device,
                      const struct mfa_policy *policy)
{
    const struct mfa_mobile *mobile =
        mfa_policy_mobile(policy, device->application);

    return device->type == MFA_MOBILE && mobile && mobile->push;
}

bool
mfa_device_shows_codes(const struct mfa_device *device,
                       const struct mfa_policy *policy)
{
    const struct mfa_mobile *mobile;

    if (device->type == MFA_TOTP)
        return true;
    mobile = mfa_policy_mobile(policy, device->application);
    return device->type == MFA_MOBILE && mobile && mobile->otp &&
           device->key.len > 0;
}

int64_t
mfa_push_locked_until(const struct mfa_device *device,
                      const struct mfa_mobile *mobile, int64_t now_ms,
                      int64_t *ret_changes_at_ms)
{
    int64_t ends_ms, next_ms = 0, until_ms = 0, from_ms;
    size_t i, j, count;

    for (i = 0; i < device->fail_count; i++) {
        ends_ms = device->fails[i].ends_at_ms;
        if (ends_ms > now_ms && (next_ms == 0 || ends_ms < next_ms))
            next_ms = ends_ms;
        if (ends_ms > now_ms)
            continue;
        from_ms = ends_ms - mobile->limit_period_ms;
        for (count = 0, j = 0; j < device->fail_count; j++)
            count += device->fails[j].ends_at_ms <= ends_ms &&
                     device->fails[j].ends_at_ms > from_ms;
        if (count >= mobile->limit_count &&
            ends_ms + mobile->limit_lock_ms > until_ms)
            until_ms = ends_ms + mobile->limit_lock_ms;
    }
    *ret_changes_at_ms = until_ms > now_ms ? until_ms : next_ms;
    return until_ms > now_ms ? until_ms : 0;
}

int64_t
mfa_pushes_full_until(const struct mfa_device *device,
                      const struct mfa_mobile *mobile, int64_t now_ms)
{
    int64_t ends_ms, until_ms = 0;
    size_t i, count = 0;

    for (i = 0; i < device->fail_count; i++) {
        ends_ms = device->fails[i].ends_at_ms;
        count += ends_ms > now_ms - mobile->limit_period_ms;
        if (ends_ms > now_ms && (until_ms == 0 || ends_ms < until_ms))
            until_ms = ends_ms;
    }
    return count >= mobile->limit_count ? until_ms : 0;
}

bool
mfa_device_locked(const struct mfa_device *device,
                  const struct mfa_policy *policy, int64_t now_ms,
                  int64_t *ret_until_ms)
{
    const struct mfa_mobile *mobile =
        mfa_policy_mobile(policy, device->application);
    int64_t changes_at_ms;

    *ret_until_ms = 0;
    if (device->counter.disabled)
        return true;
    if (passcode_locked(&device->counter, now_ms))
        *ret_until_ms = device->counter.locked_until_ms;
    if (device->type == MFA_MOBILE && mobile) {
        int64_t until_ms = mfa_push_locked_until(device, mobile, now_ms,
                                                 &changes_at_ms);

        if (until_ms > *ret_until_ms)
            *ret_until_ms = until_ms;
    }
    return *ret_until_ms > 0;
}

bool
mfa_device_usable(const struct mfa_device *device,
                  const struct mfa_policy *policy, int64_t now_ms)
{
    int64_t until_ms;

    if (!device->active || device->blocked ||
        !policy->methods[device->type].enabled)
        return false;
    if (device->type == MFA_MOBILE && !mfa_device_wants_push(device, policy) &&
        !mfa_device_shows_codes(device, policy))
        return false;
    return !mfa_device_locked(device, policy, now_ms, &until_ms);
}

/* --- Accounts --- */

void
mfa_account_load(const struct factor_record *record,
                 struct mfa_account *ret_account)
{
    const json_t *body = record ? record->body : NULL;

    *ret_account = (struct mfa_account){
        .record = record,
        .counter = counter_of(body),
        .order = json_object_get(body, "order"),
        .unordered = json_is_true(json_object_get(body, "unordered")),
        .default_device = text_of(body, "default_device"),
        .bypass_until_ms = integer_of(body, "bypass_until_ms"),
    };
}

json_t *
mfa_account_save(const struct mfa_account *account)
{
    json_t *body = body_of(account->record);

    return finish(body,
                  !body || set_counter(body, &account->counter) ||
                      set(body, "order", json_deep_copy(account->order)) ||
                      set(body, "unordered",
                          account->unordered ? json_true() : NULL) ||
                      set_text(body, "default_device",
                               account->default_device) ||
                      set_integer(body, "bypass_until_ms",
                                  account->bypass_until_ms));
}

/* --- Device authentications --- */

static const char *const stage_names[] = {
    [MFA_STAGE_SELECT] = "SELECT",       [MFA_STAGE_OTP] = "OTP",
    [MFA_STAGE_PUSH] = "PUSH",           [MFA_STAGE_COMPLETED] = "COMPLETED",
    [MFA_STAGE_FAILED] = "FAILED",
};
static const char *const decision_names[] = {
    [MFA_UNDECIDED] = "NONE",
    [MFA_DENIED] = "DENIED",
    [MFA_APPROVED] = "APPROVED",
};

/* Place of a name in a list; the first if it is in none. */
static size_t
place_of(const char *const *names, size_t count, const char *name)
{
    size_t i;

    for (i = 0; name && i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 0;
}

static void
load_push(const json_t *json, const json_t *secret, struct mfa_push *push)
{
    const json_t *choices = json_object_get(secret, "choices");
    size_t i;

    copy_text(push->challenge, sizeof(push->challenge),
              text_of(json, "challenge"));
    copy_text(push->number, sizeof(push->number), text_of(secret, "number"));
    for (i = 0; i < 2; i++)
        copy_text(push->choices[i], sizeof(push->choices[i]),
                  json_string_value(json_array_get(choices, i)));
    push->select_number = flag_of(json, "select_number");
    push->silent = flag_of(json, "silent");
    push->signalled = flag_of(json, "signalled");
    push->sent_at_ms = integer_of(json, "sent_at_ms");
    push->expires_at_ms = integer_of(json, "expires_at_ms");
    push->decision = (enum mfa_decision)place_of(
        decision_names, 3, text_of(json, "decision"));
    push->method = text_of(json, "method");
    push->reason = text_of(json, "reason");
    push->nonce = text_of(json, "nonce");
    push->same_client = flag_of(json, "same_client");
}

static void
load_asked(const json_t *list, struct mfa_auth *auth)
{
    const json_t *entry;
    const char *device;
    size_t i;

    for (i = 0; i < json_array_size(list) && i < MFA_ASKED_MAX; i++) {
        entry = json_array_get(list, i);
        device = text_of(entry, "device");
        if (device)
            auth->asked[auth->asked_count++] = (struct mfa_asked){
                device, integer_of(entry, "at_ms")
            };
    }
}

static void
load_rest(const json_t *body, const json_t *secret, struct mfa_auth *auth)
{
    int type = mfa_type_by_name(text_of(body, "to_type"));

    auth->rest = flag_of(body, "rest");
    auth->to = text_of(secret, "to");
    auth->to_type = type < 0 ? MFA_EMAIL : (enum mfa_type)type;
    auth->to_test = flag_of(body, "to_test");
    auth->application = text_of(body, "application");
    auth->session = text_of(body, "session");
    auth->context = json_object_get(secret, "context");
    auth->purpose = text_of(body, "purpose");
    auth->locale = text_of(body, "locale");
    auth->variables = json_object_get(secret, "variables");
}

bool
mfa_auth_load(const struct factor_record *record, struct mfa_auth *ret_auth)
{
    const json_t *body = record->body;
    const json_t *secret = json_object_get(body, "secret");
    int method = mfa_type_by_name(text_of(body, "method"));

    *ret_auth = (struct mfa_auth){
        .record = record,
        .id = record->id,
        .user = record->owner,
        .policy = text_of(body, "policy"),
        .client = text_of(body, "client"),
        .client_name = text_of(body, "client_name"),
        .host = text_of(body, "host"),
        .address = text_of(body, "address"),
        .agent = text_of(body, "agent"),
        .stage = (enum mfa_stage)place_of(stage_names, 5,
                                          text_of(body, "stage")),
        .device = text_of(body, "device"),
        .attempts = count_of(body, "attempts"),
        .sends = count_of(body, "sends"),
        .created_at_ms = integer_of(body, "created_at_ms"),
        .updated_at_ms = integer_of(body, "updated_at_ms"),
        .expires_at_ms = integer_of(body, "expires_at_ms"),
        .selected_at_ms = integer_of(body, "selected_at_ms"),
        .code_expires_at_ms = integer_of(body, "code_expires_at_ms"),
        .method = method < 0 ? MFA_EMAIL : (enum mfa_type)method,
        .by_code = flag_of(body, "by_code"),
        .failure = text_of(body, "failure"),
    };
    key_of(secret, &ret_auth->key);
    load_rest(body, secret, ret_auth);
    load_push(json_object_get(body, "push"), secret, &ret_auth->push);
    load_asked(json_object_get(body, "asked"), ret_auth);
    return ret_auth->user && ret_auth->policy;
}

static int
save_push(json_t *body, json_t *secret, const struct mfa_push *push)
{
    json_t *json;

    if (!push->challenge[0]) {
        json_object_del(body, "push");
        return 0;
    }
    json = object_in(body, "push");
    return !json || set_text(json, "challenge", push->challenge) ||
           set_flag(json, "select_number", push->select_number) ||
           set_flag(json, "silent", push->silent) ||
           set_flag(json, "signalled", push->signalled) ||
           set_integer(json, "sent_at_ms", push->sent_at_ms) ||
           set_integer(json, "expires_at_ms", push->expires_at_ms) ||
           set_text(json, "decision", decision_names[push->decision]) ||
           set_text(json, "method", push->method) ||
           set_text(json, "reason", push->reason) ||
           set_text(json, "nonce", push->nonce) ||
           set_flag(json, "same_client", push->same_client) ||
           set_text(secret, "number",
                    push->number[0] ? push->number : NULL) ||
           set(secret, "choices",
               push->select_number ? json_pack("[s, s]", push->choices[0],
                                               push->choices[1])
                                   : NULL);
}

static int
save_asker(json_t *body, const struct mfa_auth *auth)
{
    return set_text(body, "policy", auth->policy) ||
           set_text(body, "client", auth->client) ||
           set_text(body, "client_name", auth->client_name) ||
           set_text(body, "host", auth->host) ||
           set_text(body, "address", auth->address) ||
           set_text(body, "agent", auth->agent);
}

static int
save_asked(json_t *body, const struct mfa_auth *auth)
{
    json_t *list = json_array();
    size_t i;
    int failed = !list;

    for (i = 0; !failed && i < auth->asked_count; i++)
        failed = json_array_append_new(
            list, json_pack("{s:s, s:I}", "device", auth->asked[i].device,
                            "at_ms", (json_int_t)auth->asked[i].at_ms));
    if (failed)
        json_decref(list);
    return failed || json_object_set_new(body, "asked", list);
}

static int
set_copy(json_t *json, const char *name, const json_t *value)
{
    json_t *copy = value ? json_deep_copy(value) : NULL;

    return value && !copy ? -1 : set(json, name, copy);
}

static int
save_rest(json_t *body, json_t *secret, const struct mfa_auth *auth)
{
    if (!auth->rest)
        return 0;
    return set_flag(body, "rest", true) || set_text(secret, "to", auth->to) ||
           set_text(body, "to_type",
                    auth->to ? mfa_type_name(auth->to_type) : NULL) ||
           set_flag(body, "to_test", auth->to_test) ||
           set_text(body, "application", auth->application) ||
           set_text(body, "session", auth->session) ||
           set_copy(secret, "context", auth->context) ||
           set_text(body, "purpose", auth->purpose) ||
           set_text(body, "locale", auth->locale) ||
           set_copy(secret, "variables", auth->variables);
}

json_t *
mfa_auth_save(const struct mfa_auth *auth)
{
    bool done = auth->stage == MFA_STAGE_COMPLETED;
    json_t *body = body_of(auth->record);
    json_t *secret = object_in(body, "secret");

    return finish(
        body,
        !secret || save_asker(body, auth) ||
            set_text(body, "stage", stage_names[auth->stage]) ||
            set_text(body, "device", auth->device) ||
            set_integer(body, "attempts", auth->attempts) ||
            set_integer(body, "sends", auth->sends) ||
            set_integer(body, "created_at_ms", auth->created_at_ms) ||
            set_integer(body, "updated_at_ms", auth->updated_at_ms) ||
            set_integer(body, "expires_at_ms", auth->expires_at_ms) ||
            set_integer(body, "selected_at_ms", auth->selected_at_ms) ||
            set_integer(body, "code_expires_at_ms",
                        auth->code_expires_at_ms) ||
            set_text(body, "method",
                     done ? mfa_type_name(auth->method) : NULL) ||
            set_flag(body, "by_code", auth->by_code) ||
            set_text(body, "failure", auth->failure) ||
            set_key(secret, &auth->key) || save_asked(body, auth) ||
            save_rest(body, secret, auth) ||
            save_push(body, secret, &auth->push));
}
