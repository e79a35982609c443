/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_view.c - what the client sees of a flow. */
#include <string.h>

#include "factor/user.h"
#include "plugin/adapter-otp/otp_flow.h"
#include "plugin/adapter-otp/otp_model.h"

/* --- Members --- */

static int
set_target(struct otp_step *s, json_t *json, const struct otp_device *device)
{
    char *masked;

    if (otp_is_app(device))
        return 0;
    masked = s->host->alloc(s->in->arena, passcode_mask_size(device->address));
    if (!masked)
        return -1;
    passcode_mask(device->address, &s->settings->mask, masked);
    return json_object_set_new(json, "target", json_string(masked));
}

/* The host notes on the record what became of its messages.  A note that is
 * older than the code is of another message. */
static bool
delivery_failed(const struct otp_step *s, const struct otp_device *device)
{
    const json_t *note = json_object_get(device->record->body, "delivery");
    const char *result = json_string_value(json_object_get(note, "result"));
    int64_t at_ms = json_integer_value(json_object_get(note, "at_ms"));

    return result && strcmp(result, "sent") != 0 &&
           at_ms >= s->flow.sent_at_ms;
}

static json_t *
show_device(struct otp_step *s, const struct otp_device *device,
            const struct otp_device *selected)
{
    json_t *json = json_pack("{s:s, s:s, s:b}", "id", device->id, "type",
                             device->type, "usable", device->usable);

    if (json && !set_target(s, json, device) &&
        (device != selected || !delivery_failed(s, device) ||
         !json_object_set_new(json, "deliveryFailed", json_true())))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *
show_devices(struct otp_step *s, const struct otp_device *selected)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; list && i < s->device_count; i++)
        if (json_array_append_new(
                list, show_device(s, &s->devices[i], selected))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *
show_user(const struct otp_step *s)
{
    const char *name = json_string_value(
        json_object_get(s->user, FACTOR_USER_USERNAME));

    return json_pack("{s:s}", "username", name ? name : "");
}

/* Target name -> value of the attribute, where the user has one. */
static json_t *
show_user_data(const struct otp_step *s)
{
    const json_t *attributes = json_object_get(s->user, FACTOR_USER_ATTRIBUTES);
    json_t *map = json_object_get(s->settings->json, "user_data");
    json_t *shown = json_object();
    json_t *attribute, *value;
    const char *target;

    if (!shown)
        return NULL;
    json_object_foreach (map, target, attribute) {
        value = json_object_get(attributes, json_string_value(attribute));
        if (value &&
            json_object_set_new(shown, target, json_deep_copy(value))) {
            json_decref(shown);
            return NULL;
        }
    }
    return shown;
}

static json_t *
show_selection(struct otp_step *s)
{
    return json_pack("{s:o, s:o, s:o}", "devices", show_devices(s, NULL),
                     "user", show_user(s), "userData", show_user_data(s));
}

/* How long nothing can be sent again after a code was; NULL: no time. */
static json_t *
show_cooldown(const struct otp_step *s, const struct otp_device *selected)
{
    int64_t cooldown_ms = s->settings->pace.cooldown_ms;

    return cooldown_ms > 0 && !otp_is_app(selected)
               ? json_integer((cooldown_ms + 999) / 1000)
               : NULL;
}

static json_t *
show_required(struct otp_step *s)
{
    const struct otp_device *selected = otp_selected(s);
    json_int_t digits = s->settings->digits;

    if (otp_is_app(selected))
        digits = json_integer_value(
            json_object_get(selected->record->body, "digits"));
    return json_pack("{s:o, s:o, s:o, s:{s:s}, s:I, s:o*}", "devices",
                     show_devices(s, selected), "user", show_user(s),
                     "userData", show_user_data(s), "selectedDeviceRef", "id",
                     selected->id, "otpLength", digits,
                     "resendCooldownSeconds", show_cooldown(s, selected));
}

/* --- States --- */

static const char *const selection_actions[] = { OTP_ACTION_SELECT,
                                                 OTP_ACTION_CANCEL, NULL };
static const char *const required_actions[] = { OTP_ACTION_CHECK,
                                                OTP_ACTION_RESEND,
                                                OTP_ACTION_SELECT,
                                                OTP_ACTION_CANCEL, NULL };
static const char *const app_actions[] = { OTP_ACTION_CHECK,
                                           OTP_ACTION_SELECT,
                                           OTP_ACTION_CANCEL, NULL };
static const char *const verified_actions[] = { OTP_ACTION_CONTINUE, NULL };
static const char *const failed_actions[] = { OTP_ACTION_CANCEL, NULL };

/* The view may be NULL: the state has none. */
static const struct showing {
    const char *state;
    const char *const *actions;
    json_t *(*view)(struct otp_step *s);
} showings[] = {
    { OTP_STATE_SELECTION, selection_actions, show_selection },
    { OTP_STATE_REQUIRED, required_actions, show_required },
    { OTP_STATE_VERIFIED, verified_actions, NULL },
    { OTP_STATE_FAILED, failed_actions, NULL },
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

/* An app gives codes by itself: there is nothing to send again. */
static bool
waits_for_app(struct otp_step *s, const char *state)
{
    return strcmp(state, OTP_STATE_REQUIRED) == 0 &&
           otp_is_app(otp_selected(s));
}

factor_status
otp_flow_show(struct otp_step *s, struct factor_model *ret_model)
{
    const struct showing *showing;
    const char *failure, *state;
    int64_t changes_at_ms;
    json_t *view = NULL;

    state = otp_state(s, &failure, &changes_at_ms);
    if (!state)
        return FACTOR_E_INPUT;
    showing = showing_of(state);
    if (!showing)
        return FACTOR_E_INPUT;
    if (showing->view) {
        view = showing->view(s);
        if (!view)
            return FACTOR_E_NOMEM;
    }
    ret_model->state = state;
    ret_model->view = view;
    ret_model->actions =
        waits_for_app(s, state) ? app_actions : showing->actions;
    ret_model->failure = failure;
    ret_model->changes_at_ms = changes_at_ms;
    return FACTOR_OK;
}
