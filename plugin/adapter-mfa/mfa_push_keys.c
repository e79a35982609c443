/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_push_keys.c - push credentials of applications. */
#include "plugin/adapter-mfa/mfa_push_keys.h"

#include <string.h>

/* Whose credentials the back end of an address takes (factor/delivery.h). */
static const struct {
    const char *kind, *type;
} types[] = {
    { "apns:", MFA_PUSH_APNS },
    { "fcm:", MFA_PUSH_FCM },
};

static bool
has(const json_t *entry, const char *member, const char *text)
{
    const char *own = mfa_text(entry, member);

    return own && text && strcmp(own, text) == 0;
}

const json_t *
mfa_push_keys(const struct mfa_step *s)
{
    return s->push_keys ? json_object_get(s->push_keys->body, "keys") : NULL;
}

int
mfa_push_key_place(const struct mfa_step *s, const char *application,
                   const char *member, const char *text)
{
    const json_t *list = mfa_push_keys(s), *entry;
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        entry = json_array_get(list, i);
        if (has(entry, "application", application) && has(entry, member, text))
            return (int)i;
    }
    return -1;
}

static const char *
type_for(const char *address)
{
    size_t i;

    for (i = 0; address && i < sizeof(types) / sizeof(types[0]); i++)
        if (strncmp(address, types[i].kind, strlen(types[i].kind)) == 0)
            return types[i].type;
    return NULL;
}

json_t *
mfa_push_credential(const struct mfa_step *s, const struct mfa_device *device)
{
    const char *type = type_for(device->push), *id;
    int place = type ? mfa_push_key_place(s, device->application, "type", type)
                     : -1;
    struct mfa_application application;
    json_t *credential;

    if (place < 0)
        return NULL;
    id = mfa_text(json_array_get(mfa_push_keys(s), (size_t)place), "id");
    credential = json_deep_copy(json_object_get(
        json_object_get(s->push_keys->body, "secret"), id));
    if (mfa_application_find(s->config, device->application, &application) &&
        application.bundle_id)
        json_object_set_new(credential, "bundleId",
                            json_string(application.bundle_id));
    return credential;
}
