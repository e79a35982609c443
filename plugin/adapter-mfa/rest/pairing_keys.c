/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/pairing_keys.c - pairing keys (MFA service API, B.7):
 * what a phone claims to become a device.
 *
 * The letters of a key are in no record: they are told once, to who makes it.
 * No page waits for the phone, so that the claim itself makes it active. */
#include <string.h>

#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_pair.h"
#include "plugin/adapter-mfa/rest/rest.h"

enum { APPLICATIONS_MAX = 16 };

/* --- As it is shown --- */

static const char *
status_of(const struct mfa_pairing *pairing)
{
    if (pairing->error)
        return "FAILED";
    return pairing->device ? "CLAIMED" : "UNCLAIMED";
}

static json_t *
error_json(const struct mfa_pairing *pairing)
{
    if (!pairing->error)
        return NULL;
    return json_pack("{s:s, s:s}", "code", pairing->error, "message",
                     "The key could not be claimed.");
}

static json_t *
applications_json(const struct mfa_pairing *pairing)
{
    const json_t *ids = pairing->applications;
    json_t *list = json_array();
    size_t i;

    if (list && pairing->application)
        json_array_append_new(
            list, json_pack("{s:s}", "id", pairing->application));
    for (i = 0; list && i < json_array_size(ids); i++)
        json_array_append_new(list,
                              json_pack("{s:O}", "id",
                                        json_array_get(ids, i)));
    return list;
}

static json_t *
key_json(const struct mfa_pairing *pairing)
{
    json_t *made = mfa_rest_instant(pairing->created_at_ms);

    return json_pack("{s:s, s:s, s:o*, s:o, s:{s:s*}, s:O, s:o, s:o}", "id",
                     pairing->id, "status", status_of(pairing), "error",
                     error_json(pairing), "applications",
                     applications_json(pairing), "policy", "id",
                     pairing->policy, "createdAt", made, "updatedAt", made,
                     "expiresAt", mfa_rest_instant(pairing->expires_at_ms));
}

/* --- Create --- */

/* Each is there, and the policy lets it in.  *ret_ids: new reference. */
static bool
read_applications(const struct mfa_rest *call, json_t **ret_ids)
{
    const json_t *given =
        json_object_get(call->s.in->fields, "applications");
    struct mfa_application application;
    json_t *id;
    size_t i;

    *ret_ids = json_array();
    for (i = 0; i < json_array_size(given); i++) {
        id = json_object_get(json_array_get(given, i), "id");
        if (!mfa_application_find(call->s.config, json_string_value(id),
                                  &application) ||
            !mfa_policy_mobile(&call->s.policy, application.id))
            return false;
        json_array_append(*ret_ids, id);
    }
    return true;
}

static bool
take_policy(struct mfa_rest *call)
{
    const char *id =
        mfa_text(json_object_get(call->s.in->fields, "policy"), "id");

    return mfa_policy_find(call->s.config, id, &call->s.policy) &&
           (!id || strcmp(call->s.policy.id, id) == 0);
}

static bool
method_allowed(const struct mfa_step *s)
{
    struct mfa_application application;
    size_t i = 0;

    return s->policy.methods[MFA_MOBILE].enabled &&
           !s->policy.methods[MFA_MOBILE].pairing_disabled &&
           mfa_next_application(s, &i, &application);
}

static factor_status
answer_made(struct mfa_rest *call, const char *key, const char *link)
{
    json_t *json = key_json(&call->s.pairing);

    if (json && (json_object_set_new(json, "code", json_string(key)) ||
                 json_object_set_new(json, "uri", json_string(link)))) {
        json_decref(json);
        json = NULL;
    }
    return mfa_rest_answer(call, json);
}

/* ids stay the caller's. */
static factor_status
make(struct mfa_rest *call, const json_t *ids)
{
    struct mfa_pairing terms = { .by_operator = true };
    const char *link, *key;
    factor_status status;

    if (json_array_size(ids) == 1)
        terms.application = json_string_value(json_array_get(ids, 0));
    else if (json_array_size(ids) > 1)
        terms.applications = ids;
    status = mfa_pairing_key(&call->s, &terms, &link, &key);
    if (status)
        return status;
    return link ? answer_made(call, key, link)
                : mfa_rest_refuse(call, MFA_REST_LIMIT, NULL,
                                  json_pack("{s:i}", "maximumAllowed",
                                            MFA_PAIRING_KEYS_MAX));
}

static factor_status
make_for_applications(struct mfa_rest *call)
{
    json_t *ids = NULL;
    bool fits = read_applications(call, &ids);
    factor_status status =
        fits ? make(call, ids)
             : mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, "applications",
                               NULL);

    json_decref(ids);
    return status;
}

static factor_status
create(struct mfa_rest *call)
{
    call->s.keys_counted = true;
    call->s.live_keys = mfa_count_live(call->s.in, MFA_READS);
    call->s.flow.proven = mfa_rest_trusted(call);
    if (!mfa_may_pair(&call->s, MFA_MOBILE, NULL))
        return mfa_rest_forbid(call);
    if (!take_policy(call) || !method_allowed(&call->s))
        return mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, "policy", NULL);
    if (mfa_devices_full(&call->s))
        return mfa_rest_refuse(
            call, MFA_REST_LIMIT, NULL,
            json_pack("{s:I}", "maximumAllowed",
                      (json_int_t)call->s.limits.devices_max));
    return make_for_applications(call);
}

/* --- Read and delete --- */

/* False: the user has none of this id, or its time is over. */
static bool
find(struct mfa_rest *call, struct mfa_pairing *ret_pairing)
{
    const struct factor_record *record =
        factor_read_one(call->s.in, MFA_READS);

    return record && record->owner &&
           strcmp(record->owner, call->s.user_id) == 0 &&
           mfa_pairing_load(record, ret_pairing) &&
           (ret_pairing->device || ret_pairing->error ||
            call->s.in->now_ms < ret_pairing->expires_at_ms);
}

static factor_status
read_one(struct mfa_rest *call)
{
    struct mfa_pairing pairing;

    return find(call, &pairing) ? mfa_rest_answer(call, key_json(&pairing))
                                : mfa_rest_not_found(call);
}

static factor_status
delete_one(struct mfa_rest *call)
{
    struct mfa_pairing pairing;
    factor_status status;

    if (!find(call, &pairing))
        return mfa_rest_not_found(call);
    status = mfa_remove(&call->s, pairing.record);
    if (!status)
        status = mfa_audit(&call->s, "mfa.pairing_key_removed",
                           json_pack("{s:s, s:s}", "user", call->s.user_id,
                                     "pairing", pairing.id));
    return status ? status : mfa_rest_done(call);
}

/* --- The table --- */

#define KEYS MFA_USER "/pairingKeys"

static const struct factor_field *const create_body[] = {
    MFA_FIELD(ARRAY, "applications", .max = APPLICATIONS_MAX,
              .fields =
                  FACTOR_FIELDS(MFA_MEMBERS(NULL, MFA_REQUIRED_ID("id"))),
              .text = "Who may claim it; none: any application."),
    MFA_REFERENCE("policy"), NULL
};
static const struct factor_field *const answer[] = {
    MFA_ID("id"),
    MFA_FIELD(STRING, "code", .text = "Told once, to who makes the key."),
    MFA_FIELD(STRING, "uri",
              .text = "The link that a phone of ours scans; told once."),
    MFA_FIELD(STRING, "status",
              .values = FACTOR_NAMES("UNCLAIMED", "CLAIMED", "FAILED")),
    MFA_MEMBERS("error", MFA_FIELD(STRING, "code"),
                MFA_FIELD(STRING, "message")),
    MFA_FIELD(ARRAY, "applications",
              .fields = FACTOR_FIELDS(MFA_MEMBERS(NULL, MFA_ID("id")))),
    MFA_MEMBERS("policy", MFA_ID("id")),
    MFA_FIELD(STRING, "createdAt", .format = "date-time"),
    MFA_FIELD(STRING, "updatedAt", .format = "date-time"),
    MFA_FIELD(STRING, "expiresAt", .format = "date-time"), NULL
};

static factor_status
plan_all(const struct factor_adapter *self, const struct factor_step *in,
         struct factor_reads *reads)
{
    const char *user = mfa_text(in->path, "user");
    factor_status status = mfa_rest_plan_user(self, in, reads);

    if (status || !user || strlen(user) > FACTOR_ID_MAX)
        return status;
    return mfa_keys_plan_all(self->host, user, reads);
}

static factor_status
plan_one(const struct factor_adapter *self, const struct factor_step *in,
         struct factor_reads *reads)
{
    return mfa_rest_plan_record(self, in, reads, MFA_PAIRINGS, "key");
}

const struct mfa_operation mfa_rest_pairing_keys[] = {
    { .resource = { FACTOR_SIZED(factor_resource),
                    .who = FACTOR_WHO_ROLE | FACTOR_WHO_USER,
                    .name = "pairingKeys.create", .method = "POST",
                    .path = KEYS, .roles = mfa_rest_identity_admins,
                    .scopes = FACTOR_NAMES("p1:create:pairingKey"),
                    .body = create_body, .answer = answer, .status = 201,
                    .text = "Makes a key by which a phone becomes a device." },
      .plan = plan_all, .run = create },
    { .resource = { FACTOR_SIZED(factor_resource),
                    .who = FACTOR_WHO_ROLE | FACTOR_WHO_USER,
                    .name = "pairingKeys.read", .method = "GET",
                    .path = KEYS "/{key}",
                    .roles = mfa_rest_identity_readers,
                    .scopes = FACTOR_NAMES("p1:read:pairingKey"),
                    .answer = answer,
                    .text = "Whether a key was claimed." },
      .plan = plan_one, .run = read_one },
    { .resource = { FACTOR_SIZED(factor_resource),
                    .who = FACTOR_WHO_ROLE | FACTOR_WHO_USER,
                    .name = "pairingKeys.delete", .method = "DELETE",
                    .path = KEYS "/{key}",
                    .roles = mfa_rest_identity_admins,
                    .scopes = FACTOR_NAMES("p1:delete:pairingKey"),
                    .status = 204, .text = "Takes a key back." },
      .plan = plan_one, .run = delete_one },
    { .run = NULL },
};
