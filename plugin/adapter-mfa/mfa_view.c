/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_view.c - what the client sees of a flow. */
#include <string.h>

#include "factor/user.h"
#include "plugin/adapter-mfa/mfa_flow.h"
#include "plugin/adapter-mfa/mfa_model.h"

/* --- Devices --- */

/* As clients match them, case-sensitive. */
static const char *
shown_type(const struct mfa_device *device)
{
    static const char *const names[MFA_TYPES] = {
        [MFA_EMAIL] = "Email",
        [MFA_SMS] = "SMS",
        [MFA_VOICE] = "Voice",
        [MFA_TOTP] = "TOTP",
        [MFA_MOBILE] = "Android",
    };

    if (device->type == MFA_MOBILE && device->platform &&
        strcmp(device->platform, "ios") == 0)
        return "iPhone";
    return names[device->type];
}

static int
set_target(struct mfa_step *s, json_t *json, const struct mfa_device *device)
{
    char *masked;

    if (!device->address)
        return 0;
    masked = s->host->alloc(s->in->arena,
                            passcode_mask_size(device->address));
    if (!masked)
        return -1;
    passcode_mask(device->address, &s->settings->mask, masked);
    return json_object_set_new(json, "target", json_string(masked));
}

/* What the outbox noted, if it is of a message of this device
 * authentication. */
static bool
delivery_failed(const struct mfa_step *s, const struct mfa_device *device)
{
    const json_t *note = json_object_get(device->record->body, "delivery");
    const char *result = mfa_text(note, "result");

    return s->has_auth && s->auth.device && result &&
           strcmp(s->auth.device, device->id) == 0 &&
           strcmp(result, "sent") != 0 &&
           mfa_integer(note, "at_ms") >= s->auth.selected_at_ms;
}

static bool
is_default(const struct mfa_step *s, const struct mfa_device *device)
{
    return s->account.default_device &&
           strcmp(s->account.default_device, device->id) == 0;
}

static json_t *
show_device(struct mfa_step *s, const struct mfa_device *device)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b}", "id", device->id, "type",
        shown_type(device), "name", device->model ? device->model : "",
        "nickname", device->nickname ? device->nickname : "", "usable",
        mfa_device_usable(device, &s->policy, s->in->now_ms), "pushEnabled",
        mfa_device_wants_push(device, &s->policy), "otpEnabled",
        device->type == MFA_MOBILE &&
            mfa_device_shows_codes(device, &s->policy),
        "defaultDevice", is_default(s, device));

    if (json && !set_target(s, json, device) &&
        (!device->application ||
         !json_object_set_new(json, "applicationId",
                              json_string(device->application))) &&
        (!delivery_failed(s, device) ||
         !json_object_set_new(json, "deliveryFailed", json_true())))
        return json;
    json_decref(json);
    return NULL;
}

json_t *
mfa_show_devices(struct mfa_step *s)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; list && i < s->device_count; i++)
        if (s->devices[i].active &&
            json_array_append_new(list, show_device(s, &s->devices[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *
show_user(const struct mfa_step *s)
{
    return json_pack("{s:s}", "username", s->username);
}

/* --- Views --- */

/* The one that will be asked, if it is clear which: masked (M4). */
static json_t *
show_required(struct mfa_step *s)
{
    struct mfa_device *device = mfa_default(s);
    json_t *view = json_pack("{s:o}", "user", show_user(s)), *shown;

    if (!device)
        device = mfa_first_usable(s);
    if (!view || !device)
        return view;
    shown = show_device(s, device);
    if (shown &&
        !json_object_set_new(shown, "role", json_string("Primary")) &&
        !json_object_set_new(view, "devices", json_pack("[o]", shown)))
        return view;
    json_decref(view);
    return NULL;
}

/* The flags of a list (Authentication API, D.3), each in the same sense in
 * both states that have them. */
json_t *
mfa_show_list(struct mfa_step *s, bool managing)
{
    bool allowed = s->settings->manage_devices;

    return json_pack(
        "{s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "devices",
        mfa_show_devices(s), "user", show_user(s), "manualPairing",
        s->flow.pair, "userSelectedDefault",
        s->policy.selection != MFA_DEFAULT_TO_FIRST, "manageDevicesAllowed",
        allowed, "manualPairingPermitted", allowed && !mfa_pairing_refusal(s),
        "changeDevicePermitted", !managing || s->settings->change_device,
        "deviceManagementState", managing, "manageDeviceRequested",
        !managing && (s->flow.manage || s->flow.pair),
        "newPairingAuthRequired", allowed && !s->flow.proven);
}

static json_t *
show_selection(struct mfa_step *s)
{
    return mfa_show_list(s, false);
}

/* How long nothing can be sent again after a code was; NULL: no time. */
static json_t *
show_cooldown(const struct mfa_step *s, const struct mfa_device *device)
{
    int64_t cooldown_ms = s->settings->pace.cooldown_ms;

    return cooldown_ms > 0 && device && device->type <= MFA_VOICE
               ? json_integer((cooldown_ms + 999) / 1000)
               : NULL;
}

static json_t *
show_challenge(struct mfa_step *s)
{
    const struct mfa_device *device = mfa_selected(s);
    json_int_t digits = 6;

    if (device && device->type <= MFA_VOICE)
        digits = s->policy.methods[device->type].digits;
    return json_pack("{s:o, s:o, s:{s:s}, s:b, s:I, s:o*}", "devices",
                     mfa_show_devices(s), "user", show_user(s),
                     "selectedDeviceRef", "id",
                     s->auth.device ? s->auth.device : "",
                     "changeDevicePermitted", s->settings->change_device,
                     "otpLength", digits, "resendCooldownSeconds",
                     show_cooldown(s, device));
}

static json_t *
show_waiting(struct mfa_step *s)
{
    const struct mfa_push *push = &s->auth.push;
    json_t *view = show_challenge(s);

    if (!view || push->number[0] == '\0')
        return view;
    if (!json_object_set_new(
            view, "numberMatching",
            json_pack("{s:s, s:s}", "type",
                      push->select_number ? "SELECT_NUMBER"
                                          : "ENTER_MANUALLY",
                      "value", push->number)))
        return view;
    json_decref(view);
    return NULL;
}

static json_t *
show_rejected(struct mfa_step *s)
{
    return json_pack("{s:o, s:{s:s}}", "devices", mfa_show_devices(s),
                     "selectedDeviceRef", "id",
                     s->auth.device ? s->auth.device : "");
}

static json_t *
show_enrolment(struct mfa_step *s)
{
    return json_pack("{s:s}", "serverPayload",
                     s->flow.payload ? s->flow.payload : "");
}

/* A silent push that was approved is seen before it is settled. */
static json_t *
show_completed(struct mfa_step *s)
{
    const char *code = s->flow.code;

    if (!s->flow.proven && s->has_auth && s->auth.push.silent)
        code = MFA_COMPLETED_AUTHORIZED;
    return json_pack("{s:s*}", "code", code);
}

/* --- States --- */

static const char *const seen_states[] = {
    [MFA_SEEN_SELECT] = MFA_STATE_SELECTION,
    [MFA_SEEN_OTP] = MFA_STATE_OTP,
    [MFA_SEEN_WAITING] = MFA_STATE_WAITING,
    [MFA_SEEN_TIMED_OUT] = MFA_STATE_TIMED_OUT,
    [MFA_SEEN_REJECTED] = MFA_STATE_REJECTED,
    [MFA_SEEN_COMPLETED] = MFA_STATE_COMPLETED,
    [MFA_SEEN_FAILED] = MFA_STATE_FAILED,
};

/* What comes behind the proof: see mfa_after_proof(). */
static const char *
proven_state(const struct mfa_step *s)
{
    if (s->flow.pair)
        return MFA_STATE_METHOD;
    if (s->flow.manage)
        return MFA_STATE_MANAGEMENT;
    return s->flow.payload ? MFA_STATE_MOBILE_PAIRING : MFA_STATE_COMPLETED;
}

static bool
is_one_of(const char *state, const char *const *states)
{
    for (; *states; states++)
        if (strcmp(*states, state) == 0)
            return true;
    return false;
}

/* Permissive: a phone that showed its key is authorized even if it does not
 * answer the silent push; under ping_defaults alone, whatever is stored. */
enum mfa_seen
mfa_seen_now(struct mfa_step *s, const char **ret_failure,
             int64_t *ret_changes_at_ms)
{
    const struct mfa_device *device = mfa_selected(s);
    const struct mfa_mobile *mobile =
        device ? mfa_policy_mobile(&s->policy, device->application) : NULL;
    enum mfa_seen seen = mfa_auth_seen(&s->auth, device, s->in->now_ms,
                                       ret_failure, ret_changes_at_ms);

    if (s->settings->ping_defaults && s->auth.push.silent &&
        seen == MFA_SEEN_TIMED_OUT && mobile && !device->blocked &&
        mobile->verification == MFA_VERIFY_PERMISSIVE)
        return MFA_SEEN_COMPLETED;
    return seen;
}

static const char *
auth_state(struct mfa_step *s, const char **ret_failure,
           int64_t *ret_changes_at_ms)
{
    enum mfa_seen seen;

    if (!s->has_auth) {
        *ret_failure = MFA_FAIL_EXPIRED;
        return MFA_STATE_FAILED;
    }
    seen = mfa_seen_now(s, ret_failure, ret_changes_at_ms);
    return seen == MFA_SEEN_COMPLETED ? proven_state(s) : seen_states[seen];
}

const char *
mfa_state(struct mfa_step *s, const char **ret_failure,
          int64_t *ret_changes_at_ms)
{
    static const char *const of_auth[] = {
        MFA_STATE_SELECTION, MFA_STATE_OTP,      MFA_STATE_WAITING,
        MFA_STATE_TIMED_OUT, MFA_STATE_REJECTED, NULL
    };
    static const char *const settled[] = { MFA_STATE_REQUIRED,
                                           MFA_STATE_COMPLETED,
                                           MFA_STATE_MOBILE_PAIRING, NULL };
    const char *state = s->in->flow ? s->in->flow->state : NULL;

    *ret_failure = NULL;
    *ret_changes_at_ms = 0;
    if (!state)
        return NULL;
    if (strcmp(state, MFA_STATE_FAILED) == 0) {
        *ret_failure = s->flow.failure ? s->flow.failure
                                       : MFA_CODE_INVALID_DEVICE;
        return state;
    }
    if (is_one_of(state, of_auth))
        return auth_state(s, ret_failure, ret_changes_at_ms);
    if (is_one_of(state, settled))
        return state;
    return mfa_pairing_state(s, ret_failure, ret_changes_at_ms);
}

/* The earlier of two instants; 0: never. */
static int64_t
earlier(int64_t a_ms, int64_t b_ms)
{
    if (a_ms == 0 || b_ms == 0)
        return a_ms + b_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

/* When a lock of a device begins or ends without a write; 0: never. */
static int64_t
locks_change_at(const struct mfa_step *s)
{
    int64_t next_ms = 0, changes_at_ms;
    const struct mfa_device *device;
    const struct mfa_mobile *mobile;
    size_t i;

    for (i = 0; i < s->device_count; i++) {
        device = &s->devices[i];
        if (device->counter.locked_until_ms > s->in->now_ms)
            next_ms = earlier(next_ms, device->counter.locked_until_ms);
        mobile = mfa_policy_mobile(&s->policy, device->application);
        if (device->type != MFA_MOBILE || !mobile)
            continue;
        mfa_push_locked_until(device, mobile, s->in->now_ms, &changes_at_ms);
        next_ms = earlier(next_ms, changes_at_ms);
    }
    return next_ms;
}

/* --- Showing --- */

enum { ACTIONS_MAX = 8 };

/* A view may be NULL: the state has none. */
static const struct showing {
    const char *state;
    json_t *(*view)(struct mfa_step *s);
    const char *actions[ACTIONS_MAX];
} showings[] = {
    { MFA_STATE_REQUIRED, show_required,
      { MFA_ACTION_AUTHENTICATE, MFA_ACTION_CANCEL } },
    { MFA_STATE_SELECTION, show_selection,
      { MFA_ACTION_SELECT, MFA_ACTION_CANCEL } },
    { MFA_STATE_OTP, show_challenge,
      { MFA_ACTION_CHECK, MFA_ACTION_SELECT, MFA_ACTION_CANCEL } },
    { MFA_STATE_WAITING, show_waiting,
      { MFA_ACTION_POLL, MFA_ACTION_SELECT, MFA_ACTION_CANCEL } },
    { MFA_STATE_TIMED_OUT, show_challenge,
      { MFA_ACTION_SELECT, MFA_ACTION_CANCEL } },
    { MFA_STATE_REJECTED, show_rejected,
      { MFA_ACTION_SELECT, MFA_ACTION_CANCEL } },
    { MFA_STATE_COMPLETED, show_completed, { MFA_ACTION_CONTINUE } },
    { MFA_STATE_MOBILE_PAIRING, show_enrolment, { MFA_ACTION_CONTINUE } },
    { MFA_STATE_FAILED, NULL, { MFA_ACTION_CANCEL } },
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

/* A code instead of the push, where the phone can show one. */
static bool
takes_code(struct mfa_step *s, const char *state)
{
    const struct mfa_device *device = mfa_selected(s);

    return (strcmp(state, MFA_STATE_WAITING) == 0 ||
            strcmp(state, MFA_STATE_TIMED_OUT) == 0) &&
           device && !s->auth.push.silent &&
           mfa_device_shows_codes(device, &s->policy);
}

/* The message that brought the code can be asked for again. */
static bool
can_resend(struct mfa_step *s, const char *state)
{
    const struct mfa_device *device = mfa_selected(s);

    return strcmp(state, MFA_STATE_OTP) == 0 && device &&
           device->type <= MFA_VOICE;
}

bool
mfa_late_poll(const struct mfa_step *s, const char *state)
{
    const char *stored = s->in->flow->state;

    return s->in->action && strcmp(s->in->action, MFA_ACTION_POLL) == 0 &&
           (strcmp(stored, MFA_STATE_WAITING) == 0 ||
            strcmp(stored, MFA_STATE_MOBILE_ACTIVATION) == 0) &&
           strcmp(state, stored) != 0;
}

static bool
manages(const struct mfa_step *s, const char *state)
{
    return s->settings->manage_devices &&
           strcmp(state, MFA_STATE_SELECTION) == 0;
}

static const char *const *
actions_of(struct mfa_step *s, const struct showing *showing)
{
    const char **list =
        s->host->alloc(s->in->arena, (ACTIONS_MAX + 5) * sizeof(*list));
    const char *state = showing->state;
    size_t count = 0, i;

    if (!list)
        return NULL;
    for (i = 0; i < ACTIONS_MAX && showing->actions[i]; i++)
        list[count++] = showing->actions[i];
    if (takes_code(s, state))
        list[count++] = MFA_ACTION_CHECK;
    if (can_resend(s, state))
        list[count++] = MFA_ACTION_RESEND;
    if (mfa_late_poll(s, state))
        list[count++] = MFA_ACTION_POLL;
    if (manages(s, state)) {
        list[count++] = MFA_ACTION_MANAGE;
        list[count++] = MFA_ACTION_SETUP;
    }
    return list;
}

factor_status
mfa_show(struct mfa_step *s, struct factor_model *ret_model)
{
    const struct showing *showing;
    const char *failure, *state;
    int64_t changes_at_ms;

    state = mfa_state(s, &failure, &changes_at_ms);
    if (!state)
        return FACTOR_E_INPUT;
    ret_model->failure = failure;
    ret_model->changes_at_ms = earlier(changes_at_ms, locks_change_at(s));
    showing = showing_of(state);
    if (!showing)
        return mfa_pairing_show(s, state, ret_model);
    ret_model->state = showing->state;
    ret_model->actions = actions_of(s, showing);
    if (!ret_model->actions)
        return FACTOR_E_NOMEM;
    if (showing->view)
        ret_model->view = showing->view(s);
    return showing->view && !ret_model->view ? FACTOR_E_NOMEM : FACTOR_OK;
}
