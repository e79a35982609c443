/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_manage.c - device management while signing on.
 *
 * Nobody comes here without having proven a device in this very flow. */
#include <string.h>

#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_pair.h"

static bool
same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* --- In and out --- */

static factor_status
manage(struct mfa_step *s, struct factor_outcome *out)
{
    s->flow.manage = true;
    return s->flow.proven ? mfa_after_proof(s, out) : mfa_prove_first(s, out);
}

static factor_status
resume(struct mfa_step *s, struct factor_outcome *out)
{
    mfa_adopt(s);
    s->flow.manage = false;
    return mfa_onward(s, out);
}

/* --- Devices --- */

/* The active device that an action names, or NULL. */
static struct mfa_device *
named(struct mfa_step *s)
{
    const json_t *reference = json_object_get(s->in->fields, "deviceRef");
    struct mfa_device *device = mfa_find(s, mfa_text(reference, "id"));

    return device && device->active && !device->blocked ? device : NULL;
}

static factor_status
refuse_device(struct mfa_step *s, struct factor_outcome *out)
{
    return mfa_refuse_for(s, out, MFA_CODE_INVALID_DEVICE, "deviceRef", 0);
}

static factor_status
set_default(struct mfa_step *s, struct factor_outcome *out)
{
    const struct mfa_device *device;
    factor_status status;

    mfa_adopt(s);
    device = named(s);
    if (!device)
        return refuse_device(s, out);
    s->account.default_device = device->id;
    s->account.unordered = false;
    status = mfa_put_account(s);
    if (!status)
        status = mfa_audit_device(s, "mfa.default_set", device, NULL);
    return status ? status : mfa_go_on(s, out, MFA_STATE_MANAGEMENT);
}

/* Would the user have nothing left to sign on with, and no way to get it? */
static bool
is_last(const struct mfa_step *s, const struct mfa_device *device)
{
    size_t i;

    for (i = 0; i < s->device_count; i++)
        if (&s->devices[i] != device && s->devices[i].active &&
            !s->devices[i].blocked &&
            s->policy.methods[s->devices[i].type].enabled)
            return false;
    return true;
}

static factor_status
remove_device(struct mfa_step *s, struct factor_outcome *out)
{
    const struct mfa_device *device;
    factor_status status;

    mfa_adopt(s);
    device = named(s);
    if (!device || (is_last(s, device) &&
                    s->settings->first_device != MFA_FIRST_ALLOWED))
        return refuse_device(s, out);
    status = mfa_drop_device(s, device);
    return status ? status : mfa_go_on(s, out, MFA_STATE_MANAGEMENT);
}

/* --- Removing, for users and operators --- */

/* The order without this device: new reference, or NULL without memory. */
static json_t *
order_without(const struct mfa_step *s, const char *id)
{
    json_t *order = json_array(), *entry;
    size_t i;

    for (i = 0; order && i < json_array_size(s->account.order); i++) {
        entry = json_array_get(s->account.order, i);
        if (!same_text(json_string_value(entry), id) &&
            json_array_append(order, entry)) {
            json_decref(order);
            return NULL;
        }
    }
    return order;
}

/* The second one in the user's order becomes the first. */
static const char *
next_default(const struct mfa_step *s, const struct mfa_device *device)
{
    size_t i;

    for (i = 0; i < s->device_count; i++)
        if (&s->devices[i] != device && s->devices[i].active)
            return s->devices[i].id;
    return NULL;
}

static factor_status
forget_place(struct mfa_step *s, const struct mfa_device *device)
{
    const json_t *before = s->account.order;
    bool was_default = same_text(s->account.default_device, device->id);
    json_t *order = order_without(s, device->id);
    bool moved = order && json_array_size(order) != json_array_size(before);
    factor_status status = order ? FACTOR_OK : FACTOR_E_NOMEM;

    if (!status && (was_default || moved)) {
        if (before)
            s->account.order = order;
        if (was_default)
            s->account.default_device = next_default(s, device);
        status = mfa_put_account(s);
        s->account.order = before;
    }
    json_decref(order);
    return status;
}

factor_status
mfa_drop_device(struct mfa_step *s, const struct mfa_device *device)
{
    factor_status status = mfa_remove(s, device->record);

    if (!status)
        status = mfa_audit_device(s, "mfa.device_removed", device,
                                  device->active ? NULL : "pending");
    if (status || !device->active)
        return status;
    status = forget_place(s, device);
    return status ? status
                  : mfa_send_notice(s, "mfa.device_removed", device);
}

/* --- The table --- */

const struct mfa_action mfa_manage_actions[] = {
    { MFA_ACTION_MANAGE, manage },
    { MFA_ACTION_RESUME, resume },
    { MFA_ACTION_SET_DEFAULT, set_default },
    { MFA_ACTION_REMOVE, remove_device },
    { NULL, NULL },
};
