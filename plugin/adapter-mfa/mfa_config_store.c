/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_config_store.c - puts another configuration in
 * force. */
#include "plugin/adapter-mfa/mfa_config_store.h"

#include <stdio.h>

#include "plugin/adapter-mfa/mfa_effects.h"

enum { CONFIG_SIZE_MAX = 65000 }; /* a record's body has 65,536 bytes */

static const char *const parts[] = { "settings", "policies", "applications" };

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static bool
is_given(const json_t *given, const char *name)
{
    const json_t *value = json_object_get(given, name);

    return value && !json_is_null(value);
}

/* What is given takes the place of what is in force, part by part. */
static json_t *
part(const struct mfa_step *s, const json_t *given, const char *name)
{
    return json_object_get(is_given(given, name) ? given : s->config, name);
}

/* --- The record --- */

/* Nobody's record, so that it outlives the user whom an operator happened to
 * name.  body is stolen. */
static factor_status
put_record(const struct mfa_step *s, json_t *body)
{
    const struct factor_record *record = s->config_record;
    struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = MFA_CONFIG_COLLECTION,
        .id = MFA_CONFIG_ID,
        .version = record ? record->version : 0,
        .body = body,
    };
    factor_status status = FACTOR_E_NOMEM;

    if (body && json_object_set_new(body, "v", json_integer(1)) == 0)
        status = s->host->put(s->in->effects, &put);
    json_decref(body);
    return status;
}

static json_t *
record_body(const struct mfa_step *s)
{
    return s->config_record ? json_deep_copy(s->config_record->body)
                            : json_object();
}

/* What was not given stays as it is: the record's, or the configuration
 * file's, which is read anew at each start. */
static json_t *
body_with(const struct mfa_step *s, const json_t *given, const json_t *config)
{
    json_t *body = record_body(s);
    size_t i;

    for (i = 0; i < PARTS; i++)
        if (is_given(given, parts[i]))
            json_object_set(body, parts[i], json_object_get(config, parts[i]));
    return body;
}

static factor_status
store(const struct mfa_step *s, const json_t *given, const json_t *config)
{
    factor_status status = put_record(s, body_with(s, given, config));

    return status ? status
                  : mfa_audit(s, "mfa.config_changed",
                              json_pack("{s:b, s:b, s:b}", "settings",
                                        is_given(given, "settings"),
                                        "policies",
                                        is_given(given, "policies"),
                                        "applications",
                                        is_given(given, "applications")));
}

/* --- What cannot be told of one part alone --- */

struct change {
    const struct mfa_step *s;
    mfa_config_told *told;
    void *context;
};

static bool
refuse(const struct change *change, enum mfa_wrong wrong, const char *pointer,
       const char *what)
{
    const struct mfa_problem problem = { .wrong = wrong,
                                         .pointer = pointer,
                                         .what = what };

    change->told(change->context, &problem);
    return false;
}

/* Those that policy_by_acr names stay there; what the steps of sign-on
 * policies name is the host's to know. */
static bool
acrs_fit(const struct change *change, const json_t *config)
{
    json_t *by_acr =
        json_object_get(change->s->settings->json, "policy_by_acr");
    json_t *name;
    const char *acr;
    struct mfa_policy policy;
    char what[200];
    bool fit = true;

    json_object_foreach (by_acr, acr, name) {
        if (mfa_policy_find(config, json_string_value(name), &policy))
            continue;
        snprintf(what, sizeof(what), "policy_by_acr needs one of the name "
                 "\"%.100s\"", json_string_value(name));
        fit = refuse(change, MFA_WRONG_WHOLE, "/policies", what);
    }
    return fit;
}

static bool
whole_fits(const struct change *change, const json_t *given,
           const json_t *config)
{
    if (json_dumpb(config, NULL, 0, JSON_COMPACT) > CONFIG_SIZE_MAX)
        return refuse(change, MFA_WRONG_RANGE, "", "is too large");
    return !is_given(given, "policies") || acrs_fit(change, config);
}

/* --- Putting in force --- */

static bool
given_fits(const struct change *change, const json_t *given)
{
    const struct mfa_step *s = change->s;
    json_t *whole = json_pack("{s:O, s:O}", "policies",
                              part(s, given, "policies"), "applications",
                              part(s, given, "applications"));
    bool fits = whole && mfa_config_check(given, whole,
                                          s->settings->ping_defaults,
                                          change->told, change->context);

    json_decref(whole);
    return fits;
}

factor_status
mfa_config_replace(const struct mfa_step *s, const json_t *given,
                   mfa_config_told *told, void *context, json_t **ret_config)
{
    const struct change change = { s, told, context };
    json_t *config;
    factor_status status = FACTOR_OK;

    *ret_config = NULL;
    if (!given_fits(&change, given))
        return FACTOR_OK;
    config = mfa_config_complete(part(s, given, "policies"),
                                 part(s, given, "applications"),
                                 part(s, given, "settings"),
                                 s->settings->ping_defaults,
                                 s->host->environment);
    if (!config)
        return FACTOR_E_NOMEM;
    if (whole_fits(&change, given, config)) {
        status = store(s, given, config);
        *ret_config = status ? NULL : json_incref(config);
    }
    json_decref(config);
    return status;
}

factor_status
mfa_config_reset(const struct mfa_step *s, const char *part,
                 json_t **ret_config)
{
    json_t *body = record_body(s);
    factor_status status = FACTOR_OK;

    *ret_config = NULL;
    json_object_del(body, part);
    if (s->config_record)
        status = put_record(s, json_incref(body));
    if (!status)
        status = mfa_audit(s, "mfa.config_reset",
                           json_pack("{s:s}", "part", part));
    if (!status) {
        *ret_config = mfa_config_in_force(body, s->settings->seed);
        status = *ret_config ? FACTOR_OK : FACTOR_E_NOMEM;
    }
    json_decref(body);
    return status;
}
