/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_step.c - what one step knows, typed. */
#include "plugin/adapter-mfa/mfa_step.h"

#include <stdlib.h>
#include <string.h>

#include "factor/user.h"

const char *
mfa_text(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

int64_t
mfa_integer(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static bool
same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool
flag_of(const json_t *json, const char *name)
{
    return json_is_true(json_object_get(json, name));
}

const char *
mfa_user_id(const struct factor_step *in)
{
    const char *mapped = mfa_text(in->inputs, "userId");

    /* A device of one user must never sign on another. */
    if (in->subject && mapped && strcmp(in->subject, mapped) != 0)
        return NULL;
    return in->subject ? in->subject : mapped;
}

static const json_t *
flow_data(const struct factor_step *in)
{
    return in->flow ? in->flow->data : NULL;
}

/* --- The plan --- */

/* In this order, and only what is there: load_named() counts along. */
static factor_status
plan_named(const struct factor_adapter *self, const struct factor_step *in,
           struct factor_reads *reads)
{
    const char *auth = mfa_text(flow_data(in), "auth");
    const char *pairing = mfa_text(flow_data(in), "pairing");
    factor_status status = FACTOR_OK;

    if (auth)
        status = self->host->read_id(reads, MFA_AUTHS, auth);
    if (!status && pairing)
        status = self->host->read_id(reads, MFA_PAIRINGS, pairing);
    return status;
}

factor_status
mfa_step_plan_user(const struct factor_adapter *self, const char *user,
                   struct factor_reads *reads)
{
    const struct factor_host *host = self->host;
    factor_status status = host->read_user(reads, user);

    if (!status)
        status = host->read_id(reads, MFA_ACCOUNTS, user);
    if (!status)
        status = host->read_owned(reads, MFA_DEVICES, user, MFA_DEVICES_MAX);
    return status;
}

factor_status
mfa_step_plan_config(const struct factor_adapter *self,
                     struct factor_reads *reads)
{
    factor_status status = self->host->read_id(reads, MFA_CONFIG_COLLECTION,
                                               MFA_CONFIG_ID);

    return status ? status
                  : self->host->read_id(reads, MFA_CONFIG_COLLECTION,
                                        MFA_PUSH_KEYS_ID);
}

factor_status
mfa_step_plan(const struct factor_adapter *self, const struct factor_step *in,
              struct factor_reads *reads)
{
    const char *user = mfa_user_id(in);
    factor_status status = mfa_step_plan_config(self, reads);

    if (status || !user)
        return status;
    status = mfa_step_plan_user(self, user, reads);
    if (!status)
        status = plan_named(self, in, reads);
    if (!status)
        status = mfa_keys_plan(self->host, in, user, reads);
    return status ? status : mfa_payload_plan(self->host, in, reads);
}

/* --- Devices --- */

/* Place in the user's order; those that are not in it come behind, as they
 * were made, and those that wait for activation last of all. */
static size_t
place_of(const struct mfa_step *s, const struct mfa_device *device)
{
    size_t i;

    if (!device->active)
        return 2 * MFA_DEVICES_MAX;
    for (i = 0; i < json_array_size(s->account.order); i++)
        if (same_text(json_string_value(json_array_get(s->account.order, i)),
                      device->id))
            return i;
    return MFA_DEVICES_MAX;
}

static bool
comes_before(const struct mfa_step *s, const struct mfa_device *a,
             const struct mfa_device *b)
{
    size_t place_a = place_of(s, a), place_b = place_of(s, b);

    if (place_a != place_b)
        return place_a < place_b;
    if (a->created_at_ms != b->created_at_ms)
        return a->created_at_ms < b->created_at_ms;
    return strcmp(a->id, b->id) < 0;
}

static void
insert_sorted(struct mfa_step *s, const struct mfa_device *device)
{
    size_t place = s->device_count;

    while (place > 0 && comes_before(s, device, &s->devices[place - 1])) {
        s->devices[place] = s->devices[place - 1];
        place--;
    }
    s->devices[place] = *device;
    s->device_count++;
}

/* What the sweep has not come to yet: nobody has activated it in a day. */
static bool
is_over(const struct mfa_step *s, const struct factor_record *record)
{
    return record->expires_at_ms && record->expires_at_ms <= s->in->now_ms;
}

factor_status
mfa_load_devices(struct mfa_step *s, const struct factor_records *found)
{
    struct mfa_device device;
    uint32_t i;

    s->devices = s->host->alloc(s->in->arena,
                                (found->count + 1) * sizeof(s->devices[0]));
    if (!s->devices)
        return FACTOR_E_NOMEM;
    for (i = 0; i < found->count; i++)
        if (!is_over(s, found->records[i]) &&
            mfa_device_load(found->records[i], &device))
            insert_sorted(s, &device);
    return FACTOR_OK;
}

struct mfa_device *
mfa_find(struct mfa_step *s, const char *id)
{
    size_t i;

    for (i = 0; id && i < s->device_count; i++)
        if (strcmp(s->devices[i].id, id) == 0)
            return &s->devices[i];
    return NULL;
}

struct mfa_device *
mfa_selected(struct mfa_step *s)
{
    return s->has_auth ? mfa_find(s, s->auth.device) : NULL;
}

size_t
mfa_usable_count(const struct mfa_step *s)
{
    size_t i, count = 0;

    for (i = 0; i < s->device_count; i++)
        count += mfa_device_usable(&s->devices[i], &s->policy, s->in->now_ms);
    return count;
}

struct mfa_device *
mfa_first_usable(struct mfa_step *s)
{
    size_t i;

    for (i = 0; i < s->device_count; i++)
        if (mfa_device_usable(&s->devices[i], &s->policy, s->in->now_ms))
            return &s->devices[i];
    return NULL;
}

size_t
mfa_active_count(const struct mfa_step *s)
{
    size_t i, count = 0;

    for (i = 0; i < s->device_count; i++)
        count += s->devices[i].active;
    return count;
}

bool
mfa_devices_full(const struct mfa_step *s)
{
    return mfa_active_count(s) >= s->limits.devices_max;
}

struct mfa_device *
mfa_default(struct mfa_step *s)
{
    struct mfa_device *device = mfa_find(s, s->account.default_device);

    return device && mfa_device_usable(device, &s->policy, s->in->now_ms)
               ? device
               : NULL;
}

bool
mfa_account_locked(const struct mfa_step *s)
{
    return !s->policy.ignore_user_lock &&
           passcode_locked(&s->account.counter, s->in->now_ms);
}

bool
mfa_own_thumbprint(const struct mfa_step *s,
                   char ret_text[MFA_THUMBPRINT_SIZE])
{
    const json_t *key = json_object_get(s->flow.app, "key");

    return key && s->host->jwk_thumbprint(key, ret_text) == FACTOR_OK;
}

bool
mfa_is_own_phone(const struct mfa_step *s, const struct mfa_device *device)
{
    char theirs[MFA_THUMBPRINT_SIZE], ours[MFA_THUMBPRINT_SIZE];

    return device->jwk && mfa_own_thumbprint(s, theirs) &&
           s->host->jwk_thumbprint(device->jwk, ours) == FACTOR_OK &&
           strcmp(theirs, ours) == 0;
}

/* --- The flow and what it names --- */

static void
load_flow(struct mfa_step *s)
{
    const json_t *data = flow_data(s->in);
    const json_t *secret = json_object_get(data, "secret");

    s->flow = (struct mfa_flow){
        .auth = mfa_text(data, "auth"),
        .pairing = mfa_text(data, "pairing"),
        .device = mfa_text(data, "device"),
        .app = json_is_object(json_object_get(data, "app"))
                   ? json_object_get(data, "app")
                   : NULL,
        .payload = mfa_text(secret, "payload"),
        .link = mfa_text(secret, "link"),
        .sends = (uint32_t)mfa_integer(data, "sends"),
        .manage = flag_of(data, "manage"),
        .pair = flag_of(data, "pair"),
        .enrolled = flag_of(data, "enrolled"),
        .proven = flag_of(data, "proven"),
        .proof = mfa_text(data, "proof"),
        .status = mfa_text(data, "status"),
        .code = mfa_text(data, "code"),
        .failure = mfa_text(data, "failure"),
    };
}

static int
set_text(json_t *json, const char *name, const char *text)
{
    if (text)
        return json_object_set_new(json, name, json_string(text));
    json_object_del(json, name);
    return 0;
}

static int
save_members(json_t *data, const struct mfa_flow *flow)
{
    return set_text(data, "auth", flow->auth) ||
           set_text(data, "pairing", flow->pairing) ||
           set_text(data, "device", flow->device) ||
           json_object_set_new(data, "app",
                               flow->app ? json_deep_copy(flow->app)
                                         : json_null()) ||
           json_object_set_new(data, "sends", json_integer(flow->sends)) ||
           json_object_set_new(data, "manage", json_boolean(flow->manage)) ||
           json_object_set_new(data, "pair", json_boolean(flow->pair)) ||
           json_object_set_new(data, "enrolled",
                               json_boolean(flow->enrolled)) ||
           json_object_set_new(data, "proven", json_boolean(flow->proven)) ||
           set_text(data, "proof", flow->proof) ||
           set_text(data, "status", flow->status) ||
           set_text(data, "code", flow->code) ||
           set_text(data, "failure", flow->failure);
}

/* What is shown to the user alone is sealed. */
static int
save_secret(json_t *data, const struct mfa_flow *flow)
{
    json_object_del(data, "secret");
    if (!flow->payload && !flow->link)
        return 0;
    return json_object_set_new(data, "secret",
                               json_pack("{s:s*, s:s*}", "payload",
                                         flow->payload, "link", flow->link));
}

void
mfa_step_drop(struct mfa_step *s)
{
    json_decref(s->claims);
    json_decref(s->config);
}

json_t *
mfa_flow_save(const struct mfa_step *s)
{
    const json_t *old = flow_data(s->in);
    json_t *data = old ? json_deep_copy(old) : json_pack("{s:i}", "v", 1);

    if (!data)
        return NULL;
    if (!save_members(data, &s->flow) && !save_secret(data, &s->flow))
        return data;
    json_decref(data);
    return NULL;
}

/* What is gone, or another user's, is as if the flow had not named it. */
static void
load_named(struct mfa_step *s)
{
    const struct factor_record *record;
    size_t next = MFA_READS;

    if (s->flow.auth) {
        record = factor_read_one(s->in, next++);
        s->has_auth = record && same_text(record->owner, s->user_id) &&
                      mfa_auth_load(record, &s->auth);
    }
    if (s->flow.pairing) {
        record = factor_read_one(s->in, next++);
        if (record && same_text(record->owner, s->user_id))
            mfa_pairing_load(record, &s->pairing);
    }
    s->keys_counted = mfa_keys_planned(s->in);
    if (s->keys_counted)
        s->live_keys = mfa_count_live(s->in, next++);
    s->jti_taken = factor_read_one(s->in, next) != NULL;
}

/* --- The policy --- */

static const char *
policy_asked(const struct mfa_step *s)
{
    const char *asked = mfa_text(s->in->inputs, "policy");

    if (s->has_auth)
        return s->auth.policy;
    if (!asked && s->in->request->acr)
        asked = mfa_text(s->settings->policy_by_acr, s->in->request->acr);
    return asked;
}

static factor_status
load_config(struct mfa_step *s)
{
    s->config_record = factor_read_one(s->in, MFA_READ_CONFIG);
    s->push_keys = factor_read_one(s->in, MFA_READ_PUSH_KEYS);
    s->config = mfa_config_in_force(
        s->config_record ? s->config_record->body : NULL, s->settings->seed);
    mfa_limits_read(s->config, &s->limits);
    return s->config ? FACTOR_OK : FACTOR_E_NOMEM;
}

/* The default may be weaker than one that is not there: it is for what is
 * shown, and a flow ends (mfa_unknown_policy). */
static factor_status
load_policy(struct mfa_step *s)
{
    const char *asked = policy_asked(s);

    if (mfa_policy_find(s->config, asked, &s->policy))
        return FACTOR_OK;
    s->policy_unknown = asked;
    return mfa_policy_find(s->config, NULL, &s->policy) ? FACTOR_OK
                                                        : FACTOR_E_INTERNAL;
}

static void
load_user(struct mfa_step *s)
{
    const json_t *body;

    s->user = factor_read_one(s->in, MFA_READ_USER);
    body = s->user ? s->user->body : NULL;
    s->username = mfa_text(body, FACTOR_USER_USERNAME);
    if (!s->username)
        s->username = "";
    s->enabled = flag_of(body, FACTOR_USER_ENABLED);
    s->mfa_enabled = flag_of(body, FACTOR_USER_MFA_ENABLED);
}

factor_status
mfa_step_begin(struct mfa_step *s, const struct factor_adapter *self,
               const struct factor_step *in)
{
    *s = (struct mfa_step){ .self = self,
                            .settings = &self->settings,
                            .host = self->host,
                            .in = in,
                            .username = "" };
    return load_config(s);
}

factor_status
mfa_step_load_user(struct mfa_step *s, const char *user_id)
{
    s->user_id = user_id;
    load_user(s);
    mfa_account_load(factor_read_one(s->in, MFA_READ_ACCOUNT), &s->account);
    return mfa_load_devices(s, s->in->reads[MFA_READ_DEVICES]);
}

factor_status
mfa_step_load(struct mfa_step *s, const struct factor_adapter *self,
              const struct factor_step *in)
{
    const char *user = mfa_user_id(in);
    factor_status status = mfa_step_begin(s, self, in);

    load_flow(s);
    if (!status && user) {
        status = mfa_step_load_user(s, user);
        load_named(s);
    }
    return status ? status : load_policy(s);
}
