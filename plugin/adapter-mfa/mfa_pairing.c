/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_pairing.c - who may pair what; the menu of pairing;
 * names of devices.
 *
 * A device is a way to sign on, so nobody gets one by a password alone: who
 * has a device proves it first, and who has none is subject to first_device
 * (M3).  Both are asked again when the device becomes active, since another
 * flow may have paired one meanwhile. */
#include <string.h>
#include <strings.h>

#include "factor/user.h"
#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_link.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_pair.h"

enum { KEYS_READ = 200 };

/* --- Kinds --- */

static const struct mfa_kind kinds[MFA_TYPES] = {
    { MFA_EMAIL, "Email", MFA_STATE_EMAIL_TARGET, MFA_STATE_EMAIL_ACTIVATION,
      "email", "email" },
    { MFA_SMS, "SMS", MFA_STATE_SMS_TARGET, MFA_STATE_SMS_ACTIVATION, "phone",
      "sms" },
    { MFA_VOICE, "Voice", MFA_STATE_VOICE_TARGET, MFA_STATE_VOICE_ACTIVATION,
      "phone", "voice" },
    { MFA_TOTP, "TOTP", NULL, MFA_STATE_TOTP_ACTIVATION, NULL, "totp" },
    { MFA_MOBILE, "MOBILE", NULL, MFA_STATE_MOBILE_ACTIVATION, NULL,
      "device" },
};

const struct mfa_kind *
mfa_kind_of(enum mfa_type type)
{
    return &kinds[type];
}

const struct mfa_kind *
mfa_kind_of_state(const char *state)
{
    size_t i;

    for (i = 0; state && i < MFA_TYPES; i++)
        if (strcmp(kinds[i].activation, state) == 0 ||
            (kinds[i].target && strcmp(kinds[i].target, state) == 0))
            return &kinds[i];
    return NULL;
}

const struct mfa_kind *
mfa_kind_by_name(const char *name)
{
    size_t i;

    for (i = 0; name && i < MFA_TYPES; i++)
        if (strcasecmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

/* --- Who may pair what --- */

const char *
mfa_address_on_file(const struct mfa_step *s)
{
    const json_t *attributes =
        s->user ? json_object_get(s->user->body, FACTOR_USER_ATTRIBUTES)
                : NULL;

    return mfa_text(attributes, FACTOR_USER_EMAIL);
}

/* Without a device and without a proof (M3). */
static bool
first_allowed(const struct mfa_step *s, enum mfa_type type)
{
    switch (s->settings->first_device) {
    case MFA_FIRST_ALLOWED:
        return true;
    case MFA_FIRST_EMAIL:
        return type == MFA_EMAIL && mfa_address_on_file(s);
    case MFA_FIRST_ADMIN_KEY:
    default:
        return false;
    }
}

bool
mfa_may_pair(struct mfa_step *s, enum mfa_type type,
             const struct mfa_device *device)
{
    size_t others = mfa_active_count(s);

    if (device && device->active)
        others--;
    return s->flow.proven || (others == 0 && first_allowed(s, type));
}

bool
mfa_only_on_file(const struct mfa_step *s)
{
    return !s->flow.proven && s->settings->first_device == MFA_FIRST_EMAIL;
}

bool
mfa_next_application(const struct mfa_step *s, size_t *i,
                     struct mfa_application *ret_application)
{
    const struct mfa_mobile *mobile;

    for (; *i < s->policy.mobile_count; ++*i) {
        mobile = &s->policy.mobiles[*i];
        if (!mobile->pairing_disabled && (mobile->push || mobile->otp) &&
            mfa_application_find(s->config, mobile->id, ret_application)) {
            ++*i;
            return true;
        }
    }
    return false;
}

static bool
pairable(const struct mfa_step *s, enum mfa_type type)
{
    const struct mfa_method *method = &s->policy.methods[type];
    struct mfa_application application;
    size_t i = 0;

    return method->enabled && !method->pairing_disabled &&
           (type != MFA_MOBILE || mfa_next_application(s, &i, &application));
}

static bool
at_limit(const struct mfa_step *s)
{
    return mfa_devices_full(s) ||
           s->device_count - mfa_active_count(s) >= MFA_PENDING_MAX;
}

/* Who has devices proves one before it comes to pairing. */
const char *
mfa_pairing_refusal_of(struct mfa_step *s, enum mfa_type type)
{
    if (at_limit(s))
        return MFA_CODE_LIMIT;
    if (!pairable(s, type))
        return MFA_CODE_METHOD;
    if (mfa_active_count(s) == 0 && !mfa_may_pair(s, type, NULL))
        return MFA_CODE_INVALID_DEVICE;
    return NULL;
}

const char *
mfa_pairing_refusal(struct mfa_step *s)
{
    int type;

    if (at_limit(s))
        return MFA_CODE_LIMIT;
    for (type = 0; type < MFA_TYPES; type++)
        if (!mfa_pairing_refusal_of(s, (enum mfa_type)type))
            return NULL;
    return MFA_CODE_INVALID_DEVICE;
}

/* --- Keys --- */

bool
mfa_keys_planned(const struct factor_step *in)
{
    const char *action = in->action ? in->action : "";

    return strcmp(action, MFA_ACTION_METHOD) == 0 ||
           strcmp(action, MFA_ACTION_PAIRING_KEY) == 0 ||
           mfa_text(in->fields, "mobilePayload");
}

factor_status
mfa_keys_plan(const struct factor_host *host, const struct factor_step *in,
              const char *user, struct factor_reads *reads)
{
    return mfa_keys_planned(in) ? mfa_keys_plan_all(host, user, reads)
                                : FACTOR_OK;
}

factor_status
mfa_keys_plan_all(const struct factor_host *host, const char *user,
                  struct factor_reads *reads)
{
    return host->read_owned(reads, MFA_PAIRINGS, user, KEYS_READ);
}

/* As many dead ones as that are a flood: none of them counts as dead. */
size_t
mfa_count_live(const struct factor_step *in, size_t read)
{
    const struct factor_records *found = in->reads[read];
    struct mfa_pairing pairing;
    size_t count = 0;
    uint32_t i;

    for (i = 0; i < found->count; i++)
        count += mfa_pairing_load(found->records[i], &pairing) &&
                 mfa_pairing_live(&pairing, in->now_ms);
    return found->count == KEYS_READ ? KEYS_READ : count;
}

/* Of the application, or the shortest of all that may claim it. */
static int64_t
key_lifetime(const struct mfa_step *s, const struct mfa_pairing *terms)
{
    const struct mfa_mobile *mobile =
        mfa_policy_mobile(&s->policy, terms->application);
    struct mfa_application each;
    int64_t life_ms = 0;
    size_t i = 0;

    if (mobile)
        return mobile->pairing_key_ms;
    while (mfa_next_application(s, &i, &each)) {
        mobile = mfa_policy_mobile(&s->policy, each.id);
        if (mobile && mfa_pairing_may_claim(terms, each.id) &&
            (life_ms == 0 || mobile->pairing_key_ms < life_ms))
            life_ms = mobile->pairing_key_ms;
    }
    return life_ms;
}

static factor_status
put_key(struct mfa_step *s, const struct mfa_pairing *pairing, const char *key)
{
    const struct factor_name name = mfa_pairing_name(key);
    struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = MFA_PAIRINGS,
        .id = pairing->id,
        .owner = s->user_id,
        .name = &name,
        .expires_at_ms = mfa_pairing_swept_at(pairing),
    };
    json_t *body = mfa_pairing_save(pairing);
    factor_status status = FACTOR_E_NOMEM;

    put.body = body;
    if (body)
        status = s->host->put(s->in->effects, &put);
    json_decref(body);
    if (!status)
        status = mfa_audit(s, "mfa.pairing_key_made",
                           json_pack("{s:s, s:s, s:b, s:s*}", "user",
                                     s->user_id, "pairing", pairing->id,
                                     "operator", pairing->by_operator,
                                     "application", pairing->application));
    return status;
}

/* A flow has one key that waits: the one before is none any more. */
static factor_status
drop_waiting(struct mfa_step *s)
{
    if (!mfa_pairing_live(&s->pairing, s->in->now_ms))
        return FACTOR_OK;
    return mfa_remove(s, s->pairing.record);
}

factor_status
mfa_pairing_key(struct mfa_step *s, const struct mfa_pairing *terms,
                const char **ret_link, const char **ret_key)
{
    struct mfa_pairing pairing = {
        .application = terms->application,
        .applications = terms->applications,
        .policy = s->policy.id,
        .username = s->username,
        .notice_language = mfa_notice_language(s),
        .first = !terms->by_operator && !s->flow.proven &&
                 mfa_active_count(s) == 0,
        .created_at_ms = s->in->now_ms,
        .expires_at_ms = s->in->now_ms + key_lifetime(s, terms),
        .by_operator = terms->by_operator,
        .thumbprint = terms->thumbprint,
    };
    char *key = s->host->alloc(s->in->arena, MFA_PAIRING_KEY_SIZE);
    factor_status status;

    *ret_link = NULL;
    if (!key)
        return FACTOR_E_NOMEM;
    mfa_notice_address(s, &pairing.notice_channel, &pairing.notice_address);
    /* A step that has not read them cannot tell how many there are. */
    if (!s->keys_counted || s->live_keys >= MFA_PAIRING_KEYS_MAX)
        return FACTOR_OK;
    if (!mfa_pairing_draw(s->in->entropy, s->limits.numeric_keys, key))
        return FACTOR_E_INTERNAL;
    status = mfa_new_id(s, MFA_ID_PAIRING, &pairing.id);
    if (!status)
        status = drop_waiting(s);
    if (!status)
        status = put_key(s, &pairing, key);
    if (status)
        return status;
    s->pairing = pairing;
    s->flow.pairing = pairing.id;
    *ret_key = key;
    *ret_link = mfa_pairing_link(s, key);
    return *ret_link ? FACTOR_OK : FACTOR_E_NOMEM;
}

/* --- The way in --- */

factor_status
mfa_pairing_begin(struct mfa_step *s, struct factor_outcome *out)
{
    const char *refusal = mfa_pairing_refusal(s);

    s->flow.pair = false;
    if (!refusal)
        return mfa_go_on(s, out, MFA_STATE_METHOD);
    if (s->flow.proven)
        return mfa_after_proof(s, out);
    return mfa_dead_end(s, out, refusal);
}

/* Where devices are listed already, one of them is chosen there. */
factor_status
mfa_prove_first(struct mfa_step *s, struct factor_outcome *out)
{
    const char *failure;
    int64_t changes_at_ms;

    if (s->has_auth &&
        mfa_seen_now(s, &failure, &changes_at_ms) == MFA_SEEN_SELECT)
        return mfa_go_on(s, out, MFA_STATE_SELECTION);
    return mfa_begin_auth(s, out);
}

factor_status
mfa_onward(struct mfa_step *s, struct factor_outcome *out)
{
    return s->flow.proven ? mfa_after_proof(s, out) : mfa_begin_auth(s, out);
}

static factor_status
setup(struct mfa_step *s, struct factor_outcome *out)
{
    const char *refusal;

    mfa_adopt(s);
    refusal = mfa_pairing_refusal(s);
    if (refusal)
        return mfa_refuse_for(s, out, refusal, NULL, 0);
    s->flow.pair = true;
    if (s->flow.proven || mfa_active_count(s) == 0)
        return mfa_pairing_begin(s, out);
    return mfa_prove_first(s, out);
}

static factor_status
skip(struct mfa_step *s, struct factor_outcome *out)
{
    factor_status status = mfa_audit(s, "mfa.bypassed",
                                     json_pack("{s:s, s:s}", "user",
                                               s->user_id, "reason",
                                               "setup_skipped"));

    return status ? status : mfa_succeed(s, out, "web_login_no_devices");
}

/* --- The menu --- */

/* False: no application of this name may be paired.  *ret_id NULL: any. */
static bool
find_application(const struct mfa_step *s, const char *name,
                 const char **ret_id)
{
    struct mfa_application application;
    size_t i = 0, count = 0;

    *ret_id = NULL;
    while (mfa_next_application(s, &i, &application)) {
        if (name && (strcmp(name, application.name) == 0 ||
                     strcmp(name, application.id) == 0)) {
            *ret_id = application.id;
            return true;
        }
        *ret_id = application.id;
        count++;
    }
    if (count != 1)
        *ret_id = NULL;
    return !name && count > 0;
}

/* The link is shown instead of that which waited for the app that signs on:
 * a flow has one key. */
static factor_status
begin_mobile(struct mfa_step *s, struct factor_outcome *out, const char *name)
{
    struct mfa_pairing terms = { .application = NULL };
    const char *key;
    factor_status status;

    if (!find_application(s, name, &terms.application))
        return mfa_refuse_for(s, out, MFA_CODE_METHOD, "applicationName", 0);
    status = mfa_pairing_key(s, &terms, &s->flow.link, &key);
    if (status)
        return status;
    if (!s->flow.link)
        return mfa_refuse_for(s, out, MFA_CODE_LIMIT, NULL, 0);
    s->flow.payload = NULL;
    s->flow.device = NULL;
    return mfa_go_on(s, out, MFA_STATE_MOBILE_ACTIVATION);
}

static factor_status
choose(struct mfa_step *s, struct factor_outcome *out,
       const struct mfa_kind *kind)
{
    const json_t *given =
        json_object_get(s->in->fields, "devicePairingMethod");
    const char *application = mfa_text(given, "applicationName");

    if (kind->type == MFA_MOBILE)
        return begin_mobile(s, out,
                            application && *application ? application : NULL);
    if (kind->type == MFA_EMAIL && mfa_only_on_file(s))
        return mfa_activation_begin(s, out, kind, mfa_address_on_file(s));
    if (kind->target)
        return mfa_go_on(s, out, kind->target);
    return mfa_activation_begin(s, out, kind, NULL);
}

static factor_status
select_method(struct mfa_step *s, struct factor_outcome *out)
{
    const json_t *given =
        json_object_get(s->in->fields, "devicePairingMethod");
    const struct mfa_kind *kind =
        mfa_kind_by_name(mfa_text(given, "deviceType"));
    const char *refusal = MFA_CODE_METHOD;

    s->flow.pair = false;
    if (kind)
        refusal = mfa_pairing_refusal_of(s, kind->type);
    if (refusal && strcmp(refusal, MFA_CODE_LIMIT) == 0)
        return mfa_refuse_for(s, out, MFA_CODE_LIMIT, NULL, 0);
    if (refusal)
        return mfa_refuse_for(s, out, MFA_CODE_METHOD, "devicePairingMethod",
                              0);
    if (mfa_may_pair(s, kind->type, NULL))
        return choose(s, out, kind);
    s->flow.pair = true;
    return mfa_prove_first(s, out);
}

/* --- cancelDevicePairing --- */

/* What was begun is taken back.  A key of the app that signs on stays: it
 * waits for that app, not here. */
static factor_status
drop_begun(struct mfa_step *s)
{
    struct mfa_device *device = mfa_paired(s);
    factor_status status = FACTOR_OK;

    if (device && !device->active)
        status = mfa_remove(s, device->record);
    if (!status && s->flow.link && s->pairing.record)
        status = mfa_remove(s, s->pairing.record);
    if (s->flow.link)
        s->flow.pairing = NULL;
    s->flow.link = NULL;
    s->flow.device = NULL;
    s->flow.failure = NULL;
    return status;
}

/* Back to where it came from. */
static factor_status
leave(struct mfa_step *s, struct factor_outcome *out)
{
    s->flow.pair = false;
    if (!s->flow.proven && mfa_active_count(s) == 0)
        return mfa_go_on(s, out, MFA_STATE_SETUP);
    return mfa_onward(s, out);
}

static factor_status
cancel_pairing(struct mfa_step *s, struct factor_outcome *out)
{
    const char *failure;
    int64_t changes_at_ms;
    const char *state = mfa_state(s, &failure, &changes_at_ms);
    factor_status status;

    if (state && strcmp(state, MFA_STATE_METHOD) == 0)
        return leave(s, out);
    status = drop_begun(s);
    return status ? status : mfa_go_on(s, out, MFA_STATE_METHOD);
}

/* --- Names --- */

size_t
mfa_nickname_length(const char *nickname)
{
    size_t count = 0;

    for (; *nickname; nickname++) {
        if ((unsigned char)*nickname < ' ' || *nickname == 127)
            return SIZE_MAX;
        count += ((unsigned char)*nickname & 0xc0) != 0x80;
    }
    return count;
}

static factor_status
write_nickname(struct mfa_step *s, struct mfa_device *device,
               const char *nickname)
{
    factor_status status;

    device->nickname = *nickname ? nickname : NULL;
    status = mfa_put_device(s, device);
    return status ? status
                  : mfa_audit_device(s, "mfa.device_renamed", device, NULL);
}

/* After pairing it names the new device; in management, any of them. */
static factor_status
update_nickname(struct mfa_step *s, struct factor_outcome *out)
{
    const char *failure;
    int64_t changes_at_ms;
    const char *state = mfa_state(s, &failure, &changes_at_ms);
    const char *nickname = mfa_text(s->in->fields, "nickname");
    struct mfa_device *device = mfa_find(s, mfa_text(s->in->fields, "id"));
    bool naming = state && strcmp(state, MFA_STATE_NICKNAME) == 0;
    factor_status status;

    mfa_adopt(s);
    if (!device || !device->active || (naming && device != mfa_paired(s)))
        return mfa_refuse_for(s, out, MFA_CODE_INVALID_DEVICE, "id", 0);
    if (!nickname || mfa_nickname_length(nickname) > MFA_NICKNAME_MAX)
        return mfa_refuse_for(s, out, MFA_CODE_TARGET, "nickname", 0);
    status = write_nickname(s, device, nickname);
    if (status)
        return status;
    return naming ? mfa_onward(s, out)
                  : mfa_go_on(s, out, MFA_STATE_MANAGEMENT);
}

static factor_status
skip_nickname(struct mfa_step *s, struct factor_outcome *out)
{
    mfa_adopt(s);
    return mfa_onward(s, out);
}

/* --- The table --- */

const struct mfa_action mfa_pairing_actions[] = {
    { MFA_ACTION_SETUP, setup },
    { MFA_ACTION_SKIP, skip },
    { MFA_ACTION_METHOD, select_method },
    { MFA_ACTION_CANCEL_PAIRING, cancel_pairing },
    { MFA_ACTION_EMAIL_TARGET, mfa_submit },
    { MFA_ACTION_SMS_TARGET, mfa_submit },
    { MFA_ACTION_VOICE_TARGET, mfa_submit },
    { MFA_ACTION_EMAIL_ACTIVATE, mfa_activate },
    { MFA_ACTION_SMS_ACTIVATE, mfa_activate },
    { MFA_ACTION_VOICE_ACTIVATE, mfa_activate },
    { MFA_ACTION_TOTP_ACTIVATE, mfa_activate },
    { MFA_ACTION_MOBILE_ACTIVATE, mfa_activate_phone },
    { MFA_ACTION_NICKNAME, update_nickname },
    { MFA_ACTION_SKIP_NICKNAME, skip_nickname },
    { NULL, NULL },
};
