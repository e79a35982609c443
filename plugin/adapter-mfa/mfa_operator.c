/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_operator.c - what operators can do: for a user, and
 * with the configuration.
 *
 * They see devices as they are, blocked and pending ones too, and are not
 * subject to first_device: a device or a pairing key of theirs is how a user's
 * first one is meant to come about. */
#include <stdio.h>
#include <string.h>

#include "plugin/adapter-mfa/mfa_config_store.h"
#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_link.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_pair.h"

#define CONFIG_NAME "the configuration"

enum { CONFIG_PROBLEMS_MAX = 50 };

/* --- Outcomes --- */

/* body is stolen; NULL: FACTOR_E_NOMEM. */
static factor_status
answer(struct factor_outcome *out, json_t *body)
{
    out->verdict = FACTOR_SUCCESS;
    out->body = body;
    return body ? FACTOR_OK : FACTOR_E_NOMEM;
}

static factor_status
refuse(struct mfa_step *s, struct factor_outcome *out, const char *code,
       const char *target)
{
    factor_status status = mfa_refuse_for(s, out, code, target, 0);

    out->verdict = FACTOR_FAILURE;
    return status;
}

static bool
has_user(const struct mfa_step *s)
{
    return s->user_id && s->user;
}

/* --- listDevices --- */

static json_t *
show_counter(const struct passcode_counter *counter)
{
    return json_pack("{s:I, s:b, s:I}", "failures",
                     (json_int_t)counter->failures, "disabled",
                     counter->disabled, "lockedUntilMs",
                     (json_int_t)counter->locked_until_ms);
}

static int
add_text(json_t *json, const char *name, const char *text)
{
    return text ? json_object_set_new(json, name, json_string(text)) : 0;
}

static int
add_target(const struct mfa_step *s, json_t *json, const char *address)
{
    char *masked;

    if (!address)
        return 0;
    masked = s->host->alloc(s->in->arena, passcode_mask_size(address));
    if (!masked)
        return -1;
    passcode_mask(address, &s->settings->mask, masked);
    return add_text(json, "target", masked);
}

static bool
is_default(const struct mfa_step *s, const struct mfa_device *device)
{
    return s->account.default_device &&
           strcmp(s->account.default_device, device->id) == 0;
}

static json_t *
show_device(const struct mfa_step *s, const struct mfa_device *device)
{
    json_t *json = show_counter(&device->counter);
    char check[MFA_CHECK_SIZE];
    int64_t until_ms;

    mfa_device_check(s->host, device, check);
    if (json && !add_text(json, "id", device->id) &&
        !add_text(json, "type", mfa_type_name(device->type)) &&
        !add_text(json, "status",
                  device->active ? "ACTIVE" : "ACTIVATION_REQUIRED") &&
        !add_text(json, "nickname", device->nickname) &&
        !add_text(json, "name", device->model) &&
        !add_text(json, "platform", device->platform) &&
        !add_text(json, "application", device->application) &&
        !add_text(json, "check", check[0] ? check : NULL) &&
        !add_target(s, json, device->address) &&
        !json_object_set_new(json, "blocked",
                             json_boolean(device->blocked)) &&
        !json_object_set_new(
            json, "locked",
            json_boolean(mfa_device_locked(device, &s->policy, s->in->now_ms,
                                           &until_ms))) &&
        !json_object_set_new(
            json, "usable",
            json_boolean(
                mfa_device_usable(device, &s->policy, s->in->now_ms))) &&
        !json_object_set_new(json, "default",
                             json_boolean(is_default(s, device))) &&
        !json_object_set_new(json, "createdAt",
                             json_integer(device->created_at_ms)))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *
show_account(const struct mfa_step *s)
{
    json_t *json = show_counter(&s->account.counter);

    if (json && !json_object_set_new(
                    json, "locked",
                    json_boolean(passcode_locked(&s->account.counter,
                                                 s->in->now_ms))))
        return json;
    json_decref(json);
    return NULL;
}

static factor_status
list(struct mfa_step *s, struct factor_outcome *out)
{
    json_t *shown;
    size_t i;

    if (!has_user(s))
        return refuse(s, out, MFA_CODE_NO_USER, NULL);
    shown = json_array();
    for (i = 0; shown && i < s->device_count; i++)
        if (json_array_append_new(shown, show_device(s, &s->devices[i]))) {
            json_decref(shown);
            shown = NULL;
        }
    return answer(out, json_pack("{s:o, s:o}", "devices", shown, "account",
                                 show_account(s)));
}

/* --- addDevice --- */

/* An app's secret is told once, to be handed to the user. */
static json_t *
show_added(const struct mfa_step *s, const struct mfa_device *device)
{
    if (device->type != MFA_TOTP)
        return show_device(s, device);
    return json_pack("{s:s, s:s, s:o, s:s}", "id", device->id, "type",
                     mfa_type_name(device->type), "uri",
                     mfa_key_uri(s, device), "secret",
                     mfa_key_text(s, device));
}

static factor_status
put_added(struct mfa_step *s, struct factor_outcome *out,
          struct mfa_device *device)
{
    factor_status status = mfa_new_id(s, MFA_ID_DEVICE, &device->id);

    if (status)
        return status;
    if (device->type == MFA_TOTP) {
        memcpy(device->key.bytes, s->in->entropy + MFA_ENTROPY_KEY,
               PASSCODE_CHALLENGE_KEY_LEN);
        device->key.len = PASSCODE_CHALLENGE_KEY_LEN;
    }
    status = mfa_put_device(s, device);
    if (!status)
        status = mfa_report_added(s, device, "operator");
    if (!status)
        status = answer(out, show_added(s, device));
    explicit_bzero(&device->key, sizeof(device->key));
    return status;
}

static bool
allowed(const struct mfa_step *s, enum mfa_type type)
{
    return s->policy.methods[type].enabled &&
           !s->policy.methods[type].pairing_disabled;
}

static factor_status
add(struct mfa_step *s, struct factor_outcome *out)
{
    const struct mfa_kind *kind =
        mfa_kind_by_name(mfa_text(s->in->fields, "type"));
    const char *target = mfa_text(s->in->fields, "target");
    struct mfa_device device = { .active = true,
                                 .created_at_ms = s->in->now_ms,
                                 .last_step = -1 };
    factor_status status;

    if (!has_user(s))
        return refuse(s, out, MFA_CODE_NO_USER, NULL);
    if (!kind || kind->type == MFA_MOBILE || !allowed(s, kind->type))
        return refuse(s, out, MFA_CODE_METHOD, "type");
    if (mfa_devices_full(s))
        return refuse(s, out, MFA_CODE_LIMIT, NULL);
    device.type = kind->type;
    if (kind->field) {
        status = mfa_address_clean(s, kind->type, target ? target : "",
                                   &device.address);
        if (status)
            return status;
        if (!device.address ||
            mfa_address_owner(s, kind->type, device.address))
            return refuse(s, out, MFA_CODE_TARGET, "target");
    }
    return put_added(s, out, &device);
}

/* --- dropDevice --- */

static factor_status
drop(struct mfa_step *s, struct factor_outcome *out)
{
    const struct mfa_device *device;
    factor_status status;

    if (!has_user(s))
        return refuse(s, out, MFA_CODE_NO_USER, NULL);
    device = mfa_find(s, mfa_text(s->in->fields, "id"));
    if (!device)
        return refuse(s, out, MFA_CODE_INVALID_DEVICE, "id");
    status = mfa_drop_device(s, device);
    return status ? status
                  : answer(out, json_pack("{s:s}", "id", device->id));
}

/* --- unlock --- */

static bool
counted(const struct passcode_counter *counter)
{
    return counter->failures > 0 || counter->disabled ||
           counter->locked_until_ms > 0;
}

static factor_status
unlock_device(struct mfa_step *s, struct mfa_device *device, int *cleared)
{
    if (!device->active ||
        (!counted(&device->counter) && device->fail_count == 0))
        return FACTOR_OK;
    device->counter = (struct passcode_counter){ .failures = 0 };
    device->fail_count = 0;
    ++*cleared;
    return mfa_put_device(s, device);
}

static factor_status
unlock_all(struct mfa_step *s, int *cleared)
{
    factor_status status = FACTOR_OK;
    size_t i;

    for (i = 0; !status && i < s->device_count; i++)
        status = unlock_device(s, &s->devices[i], cleared);
    if (status || !counted(&s->account.counter))
        return status;
    s->account.counter = (struct passcode_counter){ .failures = 0 };
    ++*cleared;
    return mfa_put_account(s);
}

static factor_status
unlock(struct mfa_step *s, struct factor_outcome *out)
{
    const char *id = mfa_text(s->in->fields, "id");
    struct mfa_device *device;
    factor_status status;
    int cleared = 0;

    if (!has_user(s))
        return refuse(s, out, MFA_CODE_NO_USER, NULL);
    device = mfa_find(s, id);
    if (id && !device)
        return refuse(s, out, MFA_CODE_INVALID_DEVICE, "id");
    status = device ? unlock_device(s, device, &cleared)
                    : unlock_all(s, &cleared);
    if (!status && cleared > 0)
        status = mfa_audit(s, "mfa.unlocked",
                           json_pack("{s:s, s:s*, s:i}", "user", s->user_id,
                                     "device", id, "records", cleared));
    return status ? status
                  : answer(out, json_pack("{s:i}", "unlocked", cleared));
}

/* --- bypass --- */

enum { BYPASS_MAX_MIN = 24 * 60 };

/* From now on; 0 minutes end one that is open. */
static factor_status
open_bypass(struct mfa_step *s, struct factor_outcome *out)
{
    int64_t minutes = mfa_integer(s->in->fields, "minutes");
    factor_status status;

    if (!has_user(s))
        return refuse(s, out, MFA_CODE_NO_USER, NULL);
    if (minutes < 0 || minutes > BYPASS_MAX_MIN)
        return refuse(s, out, MFA_CODE_VALUE, "minutes");
    s->account.bypass_until_ms =
        minutes > 0 ? s->in->now_ms + minutes * 60 * 1000 : 0;
    status = mfa_put_account(s);
    if (!status)
        status = mfa_audit(s, "mfa.bypass_opened",
                           json_pack("{s:s, s:I}", "user", s->user_id,
                                     "minutes", (json_int_t)minutes));
    return status ? status
                  : answer(out, json_pack(
                                    "{s:I}", "bypassUntil",
                                    (json_int_t)s->account.bypass_until_ms));
}

/* --- createPairingKey --- */

/* False: there is no application of this name or id to be paired. */
static bool
find_application(const struct mfa_step *s, const char *wanted,
                 const char **ret_id)
{
    struct mfa_application application;
    size_t i = 0;

    *ret_id = NULL;
    while (mfa_next_application(s, &i, &application)) {
        if (!wanted)
            return true;
        if (strcmp(wanted, application.name) == 0 ||
            strcmp(wanted, application.id) == 0) {
            *ret_id = application.id;
            return true;
        }
    }
    return false;
}

static factor_status
create_key(struct mfa_step *s, struct factor_outcome *out)
{
    struct mfa_pairing terms = { .by_operator = true };
    const char *link, *key;
    factor_status status;

    if (!has_user(s))
        return refuse(s, out, MFA_CODE_NO_USER, NULL);
    if (!allowed(s, MFA_MOBILE))
        return refuse(s, out, MFA_CODE_METHOD, NULL);
    if (!find_application(s, mfa_text(s->in->fields, "application"),
                          &terms.application))
        return refuse(s, out, MFA_CODE_APPLICATION, "application");
    if (mfa_devices_full(s))
        return refuse(s, out, MFA_CODE_LIMIT, NULL);
    status = mfa_pairing_key(s, &terms, &link, &key);
    if (status)
        return status;
    if (!link)
        return refuse(s, out, MFA_CODE_LIMIT, NULL);
    return answer(out, json_pack("{s:s, s:s, s:s, s:I}", "id", s->pairing.id,
                                 "key", key, "link", link, "expiresAt",
                                 (json_int_t)s->pairing.expires_at_ms));
}

/* --- The configuration --- */

static factor_status
get_config(struct mfa_step *s, struct factor_outcome *out)
{
    return answer(out, json_deep_copy(s->config));
}

/* One detail for each problem, whose target says what and where. */
struct problems {
    struct mfa_step *s;
    const struct factor_detail *list[CONFIG_PROBLEMS_MAX + 1];
    size_t count;
    bool no_memory;
};

static void
note_problem(void *context, const struct mfa_problem *problem)
{
    struct problems *problems = context;
    const struct factor_host *host = problems->s->host;
    struct factor_arena *arena = problems->s->in->arena;
    const char *where = *problem->pointer ? problem->pointer : CONFIG_NAME;
    size_t size = strlen(where) + strlen(problem->what) + sizeof(": ");
    struct factor_detail *detail;
    char *text;

    if (problems->count == CONFIG_PROBLEMS_MAX)
        return;
    detail = host->alloc(arena, sizeof(*detail));
    text = host->alloc(arena, size);
    problems->no_memory = problems->no_memory || !detail || !text;
    if (problems->no_memory)
        return;
    snprintf(text, size, "%s: %s", where, problem->what);
    *detail = (struct factor_detail){ .struct_size = sizeof(*detail),
                                      .attempts_remaining = -1,
                                      .code = MFA_CODE_CONFIG,
                                      .target = text };
    problems->list[problems->count++] = detail;
}

static factor_status
refuse_config(struct factor_outcome *out, struct problems *problems)
{
    const struct factor_host *host = problems->s->host;
    const struct factor_detail **list =
        host->alloc(problems->s->in->arena, sizeof(problems->list));

    if (!list || problems->no_memory)
        return FACTOR_E_NOMEM;
    memcpy(list, problems->list, sizeof(problems->list));
    out->details = list;
    out->verdict = FACTOR_FAILURE;
    return FACTOR_OK;
}

static factor_status
replace_config(struct mfa_step *s, struct factor_outcome *out,
               const json_t *given)
{
    struct problems problems = { .s = s };
    json_t *config;
    factor_status status =
        mfa_config_replace(s, given, note_problem, &problems, &config);

    if (status)
        return status;
    return config ? answer(out, config) : refuse_config(out, &problems);
}

static factor_status
change_config(struct mfa_step *s, struct factor_outcome *out)
{
    const char *text = mfa_text(s->in->fields, "config");
    json_t *given = json_loads(text ? text : "", JSON_REJECT_DUPLICATES, NULL);
    struct problems problems = { .s = s };
    factor_status status;

    if (json_is_object(given)) {
        status = replace_config(s, out, given);
    } else {
        note_problem(&problems,
                     &(const struct mfa_problem){
                         .pointer = "", .what = "is no JSON object" });
        status = refuse_config(out, &problems);
    }
    json_decref(given);
    return status;
}

/* --- The table --- */

const struct mfa_action mfa_operator_actions[] = {
    { MFA_ACTION_DEVICES, list },
    { MFA_ACTION_ADD_DEVICE, add },
    { MFA_ACTION_DROP_DEVICE, drop },
    { MFA_ACTION_UNLOCK, unlock },
    { MFA_ACTION_BYPASS, open_bypass },
    { MFA_ACTION_PAIRING_KEY, create_key },
    { MFA_ACTION_GET_CONFIG, get_config },
    { MFA_ACTION_PUT_CONFIG, change_config },
    { NULL, NULL },
};
