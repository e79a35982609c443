/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_pairing_view.c - what is seen of pairing and of
 * management.
 *
 * What a phone does to a key is seen at the next look: the stored state stays
 * MOBILE_ACTIVATION_REQUIRED until an action comes. */
#include <string.h>

#include "plugin/adapter-mfa/mfa_link.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_pair.h"

/* --- States --- */

static const char *const steady[] = {
    MFA_STATE_SETUP,        MFA_STATE_METHOD,     MFA_STATE_EMAIL_TARGET,
    MFA_STATE_SMS_TARGET,   MFA_STATE_VOICE_TARGET,
    MFA_STATE_NICKNAME,     MFA_STATE_MANAGEMENT,
};

static bool
is_steady(const char *state)
{
    size_t i;

    for (i = 0; i < sizeof(steady) / sizeof(steady[0]); i++)
        if (strcmp(steady[i], state) == 0)
            return true;
    return false;
}

bool
mfa_is_pairing(const char *state)
{
    return state && (is_steady(state) || mfa_kind_of_state(state) ||
                     strcmp(state, MFA_STATE_METHOD_FAILED) == 0);
}

static const char *
failed(const char *code, const char **ret_failure)
{
    *ret_failure = code;
    return MFA_STATE_METHOD_FAILED;
}

/* Why a phone's claim was refused; only codes that are declared. */
static const char *
claim_error(const char *error)
{
    static const char *const known[] = { MFA_CODE_LIMIT, MFA_CODE_APPLICATION,
                                         MFA_CODE_METHOD,
                                         MFA_CODE_INVALID_DEVICE };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], error) == 0)
            return known[i];
    return MFA_CODE_PAIRING_KEY;
}

/* The key waits for a phone, or is spent. */
static const char *
unclaimed_state(const struct mfa_step *s, const char **ret_failure,
                int64_t *ret_changes_at_ms)
{
    const struct mfa_pairing *pairing = &s->pairing;

    if (!pairing->record)
        return failed(MFA_CODE_PAIRING_KEY, ret_failure);
    if (pairing->error)
        return failed(claim_error(pairing->error), ret_failure);
    if (!mfa_pairing_live(pairing, s->in->now_ms))
        return failed(MFA_CODE_PAIRING_KEY, ret_failure);
    *ret_changes_at_ms = pairing->expires_at_ms;
    return MFA_STATE_MOBILE_ACTIVATION;
}

static const char *
phone_state(struct mfa_step *s, const char **ret_failure,
            int64_t *ret_changes_at_ms)
{
    const struct mfa_device *device = mfa_paired(s);

    if (!s->pairing.device)
        return unclaimed_state(s, ret_failure, ret_changes_at_ms);
    if (!device)
        return failed(MFA_CODE_INVALID_DEVICE, ret_failure);
    if (!device->active)
        return MFA_STATE_MOBILE_ACTIVATION;
    if (!mfa_may_pair(s, device->type, device))
        return MFA_STATE_REQUIRED;
    if (s->policy.methods[MFA_MOBILE].prompt_nickname)
        return MFA_STATE_NICKNAME;
    return s->flow.manage ? MFA_STATE_MANAGEMENT : MFA_STATE_COMPLETED;
}

/* A code that is too old can be sent again; an app's key cannot. */
static const char *
code_state(struct mfa_step *s, const char *state, const char **ret_failure,
           int64_t *ret_changes_at_ms)
{
    const struct mfa_device *device = mfa_paired(s);

    if (!device || device->active)
        return failed(MFA_CODE_INVALID_DEVICE, ret_failure);
    if (device->type != MFA_TOTP)
        return state;
    if (s->in->now_ms >= device->code_expires_at_ms)
        return failed(MFA_CODE_EXPIRED, ret_failure);
    *ret_changes_at_ms = device->code_expires_at_ms;
    return state;
}

const char *
mfa_pairing_state(struct mfa_step *s, const char **ret_failure,
                  int64_t *ret_changes_at_ms)
{
    const char *state = s->in->flow->state;

    if (is_steady(state))
        return state;
    if (strcmp(state, MFA_STATE_METHOD_FAILED) == 0)
        return failed(s->flow.failure ? s->flow.failure
                                      : MFA_CODE_INVALID_DEVICE,
                      ret_failure);
    if (strcmp(state, MFA_STATE_MOBILE_ACTIVATION) == 0)
        return phone_state(s, ret_failure, ret_changes_at_ms);
    if (mfa_kind_of_state(state))
        return code_state(s, state, ret_failure, ret_changes_at_ms);
    return NULL;
}

/* --- Views --- */

static json_t *
show_user(const struct mfa_step *s)
{
    return json_pack("{s:s}", "username", s->username);
}

static json_t *
show_setup(struct mfa_step *s)
{
    return json_pack("{s:b, s:o}", "allowSkipMfa", s->settings->allow_skip,
                     "user", show_user(s));
}

/* Each application is a choice of its own. */
static int
add_applications(const struct mfa_step *s, json_t *list)
{
    struct mfa_application application;
    size_t i = 0;
    int failed = 0;

    while (!failed && mfa_next_application(s, &i, &application))
        failed = json_array_append_new(
            list, json_pack("{s:s, s:s}", "deviceType",
                            mfa_kind_of(MFA_MOBILE)->name, "applicationName",
                            application.name));
    return failed;
}

/* Phones first: they are the strongest. */
static json_t *
show_methods(struct mfa_step *s)
{
    json_t *list = json_array();
    int type, failed = !list;

    for (type = MFA_TYPES - 1; !failed && type >= 0; type--) {
        if (mfa_pairing_refusal_of(s, (enum mfa_type)type))
            continue;
        if (type == MFA_MOBILE)
            failed = add_applications(s, list);
        else
            failed = json_array_append_new(
                list, json_pack("{s:s}", "deviceType",
                                mfa_kind_of((enum mfa_type)type)->name));
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return json_pack("{s:o}", "devicePairingMethods", list);
}

static json_t *
show_code(struct mfa_step *s)
{
    const struct mfa_device *device = mfa_paired(s);
    const char *address = device ? device->address : NULL;
    char *masked;

    if (!address)
        return NULL;
    masked = s->host->alloc(s->in->arena, passcode_mask_size(address));
    if (!masked)
        return NULL;
    passcode_mask(address, &s->settings->mask, masked);
    return json_pack("{s:s, s:i}", mfa_kind_of(device->type)->field, masked,
                     "otpLength",
                     (int)s->policy.methods[device->type].digits);
}

static json_t *
show_app(struct mfa_step *s)
{
    const struct mfa_device *device = mfa_paired(s);

    if (!device)
        return NULL;
    return json_pack("{s:o, s:s, s:i}", "keyUri", mfa_key_uri(s, device),
                     "pairingKey", mfa_key_text(s, device), "otpLength", 6);
}

static const char *
application_name(const struct mfa_step *s, const char *id)
{
    struct mfa_application application;

    return mfa_application_find(s->config, id, &application) ? application.name
                                                             : NULL;
}

/* The phone that has claimed the key, as its user can recognise it. */
static json_t *
show_claimer(const struct mfa_step *s, const struct mfa_device *device)
{
    const char *name = device->nickname ? device->nickname : device->model;
    char check[MFA_CHECK_SIZE];

    mfa_device_check(s->host, device, check);
    return json_pack("{s:s, s:s, s:s, s:s}", "id", device->id, "type",
                     mfa_type_name(device->type), "name", name ? name : "",
                     "check", check);
}

static json_t *
show_phone(struct mfa_step *s)
{
    const struct mfa_device *device = mfa_paired(s);
    json_t *view = json_pack(
        "{s:s, s:s*}", "pairingKey", s->flow.link ? s->flow.link : "",
        "applicationName", application_name(s, s->pairing.application));

    if (!view || !device ||
        !json_object_set_new(view, "pairedDevice", show_claimer(s, device)))
        return view;
    json_decref(view);
    return NULL;
}

static json_t *
show_nickname(struct mfa_step *s)
{
    const struct mfa_device *device = mfa_paired(s);

    if (!device)
        return json_object();
    return json_pack("{s:{s:s, s:s}, s:s*}", "pairedDevice", "id", device->id,
                     "type", mfa_type_name(device->type), "applicationName",
                     application_name(s, device->application));
}

static json_t *
show_management(struct mfa_step *s)
{
    return mfa_show_list(s, true);
}

/* --- Showing --- */

enum { ACTIONS_MAX = 8 };

/* A view may be NULL: the state has none. */
static const struct showing {
    const char *state;
    json_t *(*view)(struct mfa_step *s);
    const char *actions[ACTIONS_MAX];
} showings[] = {
    { MFA_STATE_SETUP, show_setup, { MFA_ACTION_SETUP, MFA_ACTION_CANCEL } },
    { MFA_STATE_METHOD, show_methods,
      { MFA_ACTION_METHOD, MFA_ACTION_CANCEL_PAIRING } },
    { MFA_STATE_METHOD_FAILED, NULL, { MFA_ACTION_CANCEL_PAIRING } },
    { MFA_STATE_EMAIL_TARGET, NULL,
      { MFA_ACTION_EMAIL_TARGET, MFA_ACTION_CANCEL_PAIRING } },
    { MFA_STATE_SMS_TARGET, NULL,
      { MFA_ACTION_SMS_TARGET, MFA_ACTION_CANCEL_PAIRING } },
    { MFA_STATE_VOICE_TARGET, NULL,
      { MFA_ACTION_VOICE_TARGET, MFA_ACTION_CANCEL_PAIRING } },
    { MFA_STATE_EMAIL_ACTIVATION, show_code,
      { MFA_ACTION_EMAIL_ACTIVATE, MFA_ACTION_RESEND,
        MFA_ACTION_CANCEL_PAIRING } },
    { MFA_STATE_SMS_ACTIVATION, show_code,
      { MFA_ACTION_SMS_ACTIVATE, MFA_ACTION_RESEND,
        MFA_ACTION_CANCEL_PAIRING } },
    { MFA_STATE_VOICE_ACTIVATION, show_code,
      { MFA_ACTION_VOICE_ACTIVATE, MFA_ACTION_RESEND,
        MFA_ACTION_CANCEL_PAIRING } },
    { MFA_STATE_TOTP_ACTIVATION, show_app,
      { MFA_ACTION_TOTP_ACTIVATE, MFA_ACTION_CANCEL_PAIRING } },
    { MFA_STATE_MOBILE_ACTIVATION, show_phone,
      { MFA_ACTION_POLL, MFA_ACTION_CANCEL_PAIRING } },
    { MFA_STATE_NICKNAME, show_nickname,
      { MFA_ACTION_NICKNAME, MFA_ACTION_SKIP_NICKNAME } },
    { MFA_STATE_MANAGEMENT, show_management,
      { MFA_ACTION_SETUP, MFA_ACTION_REMOVE, MFA_ACTION_SET_DEFAULT,
        MFA_ACTION_NICKNAME, MFA_ACTION_RESUME, MFA_ACTION_CANCEL } },
};

static const struct showing *
showing_of(const char *state)
{
    size_t i;

    for (i = 0; i < sizeof(showings) / sizeof(showings[0]); i++)
        if (strcmp(showings[i].state, state) == 0)
            return &showings[i];
    return NULL;
}

static bool
offers_skip(const struct mfa_step *s, const char *state)
{
    return s->settings->allow_skip && strcmp(state, MFA_STATE_SETUP) == 0;
}

static bool
offers_confirmation(struct mfa_step *s, const char *state)
{
    return strcmp(state, MFA_STATE_MOBILE_ACTIVATION) == 0 && mfa_paired(s);
}

static const char *const *
actions_of(struct mfa_step *s, const struct showing *showing)
{
    const char **list =
        s->host->alloc(s->in->arena, (ACTIONS_MAX + 4) * sizeof(*list));
    size_t count = 0, i;

    if (!list)
        return NULL;
    for (i = 0; i < ACTIONS_MAX && showing->actions[i]; i++)
        list[count++] = showing->actions[i];
    if (offers_skip(s, showing->state))
        list[count++] = MFA_ACTION_SKIP;
    if (offers_confirmation(s, showing->state))
        list[count++] = MFA_ACTION_MOBILE_ACTIVATE;
    if (mfa_late_poll(s, showing->state))
        list[count++] = MFA_ACTION_POLL;
    return list;
}

factor_status
mfa_pairing_show(struct mfa_step *s, const char *state,
                 struct factor_model *ret_model)
{
    const struct showing *showing = showing_of(state);

    if (!showing)
        return FACTOR_E_INTERNAL;
    ret_model->state = showing->state;
    ret_model->actions = actions_of(s, showing);
    if (!ret_model->actions)
        return FACTOR_E_NOMEM;
    if (showing->view)
        ret_model->view = showing->view(s);
    return showing->view && !ret_model->view ? FACTOR_E_NOMEM : FACTOR_OK;
}
