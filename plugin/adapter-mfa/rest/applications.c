/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/applications.c - mobile applications (MFA service
 * API, B.8).
 *
 * One that a policy still names is not removed: the policy has to let go of it
 * first, and with that its phones can do nothing more.  Its push credentials
 * go with it. */
#include <string.h>

#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/rest/change.h"
#include "plugin/adapter-mfa/rest/push_keys.h"

#define PART "applications"

/* --- Fields --- */

#define REFUSED "Not offered: refused."

static const struct factor_field *const integrity_fields[] = {
    MFA_REQUIRED(STRING, "mode", .values = FACTOR_NAMES("ENABLED", "DISABLED"),
                 .text = "Integrity is not looked at: only DISABLED."),
    NULL
};
static const struct factor_field *const mobile_fields[] = {
    MFA_FIELD(STRING, "bundleId", .max_len = 155,
              .text = "Of the iPhone app: unique, and never changed."),
    MFA_FIELD(STRING, "packageName", .max_len = 255,
              .text = "Of the Android app: unique, and never changed."),
    MFA_FIELD(STRING, "huaweiAppId", .text = REFUSED),
    MFA_FIELD(STRING, "huaweiPackageName", .text = REFUSED),
    MFA_FIELD(STRING, "uriPrefix", .max_len = 256),
    MFA_MEMBERS("passcodeRefreshDuration",
                MFA_REQUIRED(INTEGER, "duration", .min = 30, .max = 60,
                             .text = "Only 30."),
                MFA_REQUIRED(STRING, "timeUnit",
                             .values = FACTOR_NAMES("SECONDS"))),
    MFA_FIELD(INTEGER, "passcodeGracePeriod", .min = 1, .max = 10,
              .text = "Windows that are accepted on each side."),
    MFA_MEMBERS("push",
                MFA_MEMBERS("numberMatching",
                            MFA_REQUIRED(STRING, "type",
                                         .values = FACTOR_NAMES(
                                             "SELECT_NUMBER",
                                             "ENTER_MANUALLY"),
                                         .text = "SELECT_NUMBER is below what "
                                                 "this service lets pass, "
                                                 "unless it was made to."))),
    MFA_FIELD(OBJECT, "integrityDetection", .fields = integrity_fields),
    MFA_FIELD(ARRAY, "authenticationMethods", .max = 16,
              .fields = FACTOR_FIELDS(MFA_FIELD(STRING, NULL, .max_len = 16)),
              .text = "What amr may take over from the app."),
    NULL
};
static const struct factor_field *const application_fields[] = {
    MFA_SHOWN_ID, MFA_REQUIRED(STRING, "name", .max_len = 256),
    MFA_FIELD(STRING, "type", .values = FACTOR_NAMES("NATIVE_APP")),
    MFA_FIELD(OBJECT, "mobile", .fields = mobile_fields),
    MFA_SHOWN_TIME("createdAt"), MFA_SHOWN_TIME("updatedAt"), NULL
};

/* --- What is shown --- */

static json_t *
defaults(const struct mfa_rest *call, const char *id)
{
    return json_pack(
        "{s:s, s:{s:{s:i, s:s}, s:i, s:{s:{s:s}}, s:{s:s}}, s:{s:{s:o}}}",
        "type", "NATIVE_APP", "mobile", "passcodeRefreshDuration", "duration",
        30, "timeUnit", "SECONDS", "passcodeGracePeriod", 5, "push",
        "numberMatching", "type", "ENTER_MANUALLY", "integrityDetection",
        "mode", "DISABLED", "_links", "pushCredentials", "href",
        json_sprintf("/v1/environments/%s/applications/%s/pushCredentials",
                     call->s.host->environment, id));
}

/* NULL: no memory. */
static json_t *
shown(const struct mfa_rest *call, const json_t *stored)
{
    json_t *own = mfa_rest_declared(application_fields, stored);
    json_t *application = defaults(call, mfa_text(stored, "id"));

    if (!own || json_object_update_recursive(application, own)) {
        json_decref(application);
        application = NULL;
    }
    json_decref(own);
    return application;
}

static const json_t *
asked_for(const struct mfa_rest *call, size_t *ret_place)
{
    return mfa_rest_entry(call, PART, mfa_text(call->s.in->path, "app"),
                          ret_place);
}

static factor_status
list(struct mfa_rest *call)
{
    const json_t *all = json_object_get(call->s.config, PART);
    json_t *entries = json_array();
    size_t i;

    for (i = 0; i < json_array_size(all); i++)
        if (json_array_append_new(entries,
                                  shown(call, json_array_get(all, i)))) {
            json_decref(entries);
            return FACTOR_E_NOMEM;
        }
    return mfa_rest_answer(call, json_pack("{s:o}", PART, entries));
}

static factor_status
read_one(struct mfa_rest *call)
{
    size_t place;
    const json_t *application = asked_for(call, &place);

    return application ? mfa_rest_answer(call, shown(call, application))
                       : mfa_rest_not_found(call);
}

/* --- What is refused --- */

static bool
is(const json_t *json, const char *name, const char *text)
{
    const char *own = mfa_text(json, name);

    return own && strcmp(own, text) == 0;
}

static const char *
matching_of(const json_t *application)
{
    const json_t *push = json_object_get(
        json_object_get(application, "mobile"), "push");
    const char *type =
        mfa_text(json_object_get(push, "numberMatching"), "type");

    return type ? type : "ENTER_MANUALLY";
}

/* The first of the huawei members that is there, or NULL. */
static const char *
huawei_of(const json_t *mobile)
{
    if (json_object_get(mobile, "huaweiAppId"))
        return "mobile.huaweiAppId";
    return json_object_get(mobile, "huaweiPackageName")
               ? "mobile.huaweiPackageName"
               : NULL;
}

/* M2, unless the configuration file has let it in. */
static bool
is_below(const struct mfa_rest *call, const json_t *before)
{
    return !call->s.settings->ping_defaults &&
           strcmp(matching_of(call->s.in->fields), "SELECT_NUMBER") == 0 &&
           strcmp(matching_of(before), "SELECT_NUMBER") != 0;
}

/* True: *ret_status says what became of the refusal. */
static bool
refused(struct mfa_rest *call, const json_t *before, factor_status *ret_status)
{
    const char *huawei =
        huawei_of(json_object_get(call->s.in->fields, "mobile"));

    if (huawei)
        *ret_status = mfa_rest_refuse_saying(
            call, MFA_REST_INVALID_VALUE, huawei,
            "Push by Huawei is not supported by this version.", NULL);
    else if (is_below(call, before))
        *ret_status = mfa_rest_refuse_saying(
            call, MFA_REST_INVALID_VALUE, "mobile.push.numberMatching.type",
            "SELECT_NUMBER is below the standard of this service: it needs "
            "ping_defaults.", NULL);
    return huawei || is_below(call, before);
}

static const struct {
    const char *within, *member, *target;
} unique[] = {
    { NULL, "name", "name" },
    { "mobile", "bundleId", "mobile.bundleId" },
    { "mobile", "packageName", "mobile.packageName" },
};

enum { UNIQUE = sizeof(unique) / sizeof(unique[0]) };

static const char *
text_at(const json_t *application, size_t i)
{
    return mfa_text(unique[i].within
                        ? json_object_get(application, unique[i].within)
                        : application,
                    unique[i].member);
}

static bool
taken(struct mfa_rest *call, const char *id, factor_status *ret_status)
{
    const json_t *other = NULL;
    size_t i;

    for (i = 0; !other && i < UNIQUE; i++) {
        other = mfa_rest_other(call, PART, id, unique[i].within,
                               unique[i].member,
                               text_at(call->s.in->fields, i));
        if (other)
            *ret_status = mfa_rest_taken(call, unique[i].target, other);
    }
    return other != NULL;
}

/* What stores know it by stays: it may only be added. */
static bool
changed(struct mfa_rest *call, const json_t *before, factor_status *ret_status)
{
    const char *old, *new;
    size_t i;

    for (i = 0; i < UNIQUE; i++) {
        old = text_at(before, i);
        new = text_at(call->s.in->fields, i);
        if (!unique[i].within || !old || !new || strcmp(old, new) == 0)
            continue;
        *ret_status = mfa_rest_refuse_saying(
            call, MFA_REST_INVALID_VALUE, unique[i].target,
            "The value can not be changed.", NULL);
        return true;
    }
    return false;
}

/* --- Changes --- */

static bool
keep_store_names(json_t *application, const json_t *before)
{
    json_t *mobile = json_object_get(application, "mobile");
    const char *old;
    size_t i;

    for (i = 0; i < UNIQUE; i++) {
        old = unique[i].within ? text_at(before, i) : NULL;
        if (!old || json_object_get(mobile, unique[i].member))
            continue;
        if (json_object_set_new(mobile, unique[i].member, json_string(old)))
            return false;
    }
    return true;
}

/* NULL: no memory. */
static json_t *
application_of(const struct mfa_rest *call, const char *id,
               const json_t *before)
{
    json_t *application = json_deep_copy(call->s.in->fields);

    json_object_del(application, "type");
    if (!json_object_get(application, "mobile"))
        json_object_set_new(application, "mobile", json_object());
    if (application && !json_object_set_new(application, "id",
                                            json_string(id)) &&
        keep_store_names(application, before) &&
        mfa_rest_stamp(call, application, before))
        return application;
    json_decref(application);
    return NULL;
}

/* application is stolen. */
static json_t *
list_with(const struct mfa_rest *call, json_t *application, size_t place)
{
    json_t *all = json_deep_copy(json_object_get(call->s.config, PART));

    if (place < json_array_size(all))
        json_array_set_new(all, place, application);
    else
        json_array_append_new(all, application);
    return all;
}

static factor_status
put(struct mfa_rest *call, const char *id, const json_t *before, size_t place)
{
    factor_status status = FACTOR_OK;
    json_t *application;
    bool done;

    if (refused(call, before, &status) || taken(call, id, &status) ||
        changed(call, before, &status))
        return status;
    application = application_of(call, id, before);
    if (!application)
        return FACTOR_E_NOMEM;
    status = mfa_rest_change(call, PART, list_with(call, application, place),
                             (int)place, &done);
    if (status || !done)
        return status;
    return mfa_rest_answer(
        call, shown(call, mfa_rest_entry(call, PART, id, &place)));
}

static factor_status
create(struct mfa_rest *call)
{
    const char *id;
    factor_status status = mfa_new_id(&call->s, MFA_ID_ENTRY, &id);

    return status ? status
                  : put(call, id, NULL,
                        json_array_size(
                            json_object_get(call->s.config, PART)));
}

static factor_status
replace(struct mfa_rest *call)
{
    size_t place;
    const json_t *before = asked_for(call, &place);

    return before ? put(call, mfa_text(call->s.in->path, "app"), before, place)
                  : mfa_rest_not_found(call);
}

/* Ids of the policies that name it; NULL: no memory. */
static json_t *
policies_with(const struct mfa_rest *call, const char *id)
{
    const json_t *policies = json_object_get(call->s.config, "policies");
    json_t *found = json_array();
    const json_t *policy, *entries;
    size_t i, k;

    for (i = 0; i < json_array_size(policies); i++) {
        policy = json_array_get(policies, i);
        entries = json_object_get(json_object_get(policy, "mobile"),
                                  "applications");
        for (k = 0; k < json_array_size(entries); k++)
            if (is(json_array_get(entries, k), "id", id))
                json_array_append(found, json_object_get(policy, "id"));
    }
    return found;
}

static factor_status
remove_at(struct mfa_rest *call, const char *id, size_t place)
{
    json_t *all = json_deep_copy(json_object_get(call->s.config, PART));
    factor_status status;
    bool done;

    json_array_remove(all, place);
    status = mfa_rest_change(call, PART, all, MFA_REST_WHOLE, &done);
    if (!status && done)
        status = mfa_rest_push_keys_drop(call, id);
    return status || !done ? status : mfa_rest_done(call);
}

static factor_status
delete(struct mfa_rest *call)
{
    const char *id = mfa_text(call->s.in->path, "app");
    size_t place;
    json_t *policies;

    if (!asked_for(call, &place))
        return mfa_rest_not_found(call);
    policies = policies_with(call, id);
    if (json_array_size(policies) > 0)
        return mfa_rest_refuse_saying(
            call, MFA_REST_CONSTRAINT, NULL,
            "Device authentication policies still allow this application.",
            json_pack("{s:o}", "referencedValues", policies));
    json_decref(policies);
    return remove_at(call, id, place);
}

/* --- The table --- */

#define PATH MFA_ENVIRONMENT "/applications"
#define READS                                                                  \
    FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,                     \
        .roles = mfa_rest_application_readers, .answer = application_fields
#define CHANGES                                                                \
    FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,                     \
        .roles = mfa_rest_application_admins

const struct mfa_operation mfa_rest_applications[] = {
    { .resource = { READS, .name = "applications.list", .method = "GET",
                    .path = PATH, .list = PART,
                    .text = "All mobile applications." },
      .run = list },
    { .resource = { CHANGES, .name = "applications.create", .method = "POST",
                    .path = PATH, .body = application_fields, .status = 201,
                    .answer = application_fields,
                    .text = "Makes a mobile application; policies have to "
                            "allow it." },
      .run = create },
    { .resource = { READS, .name = "applications.read", .method = "GET",
                    .path = PATH "/{app}", .text = "One mobile application." },
      .run = read_one },
    { .resource = { CHANGES, .name = "applications.replace", .method = "PUT",
                    .path = PATH "/{app}", .body = application_fields,
                    .answer = application_fields,
                    .text = "Replaces a mobile application." },
      .run = replace },
    { .resource = { CHANGES, .name = "applications.delete",
                    .method = "DELETE", .path = PATH "/{app}", .status = 204,
                    .text = "Removes an application that no policy allows, "
                            "with its push credentials." },
      .run = delete },
    { .run = NULL },
};
