/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/change.c - what the rooms share that show and change
 * the configuration. */
#include "plugin/adapter-mfa/rest/change.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "plugin/adapter-mfa/mfa_config_store.h"

enum { PROBLEMS_MAX = 50, PREFIX_SIZE = 40 };

/* --- What is declared --- */

static bool
text_fits(const struct factor_field *field, const char *text)
{
    int64_t at_ms;

    return text && (!field->format || strcmp(field->format, "date-time") != 0 ||
                    factor_instant_read(text, &at_ms));
}

static json_t *
declared_value(const struct factor_field *field, const json_t *value)
{
    switch (field->type) {
    case FACTOR_FIELD_STRING:
        return text_fits(field, json_string_value(value))
                   ? json_deep_copy(value)
                   : NULL;
    case FACTOR_FIELD_INTEGER:
        return json_is_integer(value) ? json_deep_copy(value) : NULL;
    case FACTOR_FIELD_BOOLEAN:
        return json_is_boolean(value) ? json_deep_copy(value) : NULL;
    case FACTOR_FIELD_OBJECT:
        return mfa_rest_declared(field->fields, value);
    default:
        return NULL;
    }
}

static json_t *
declared_entries(const struct factor_field *field, const json_t *list)
{
    json_t *entries = json_is_array(list) ? json_array() : NULL, *entry;
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        entry = declared_value(field->fields[0], json_array_get(list, i));
        if (entry)
            json_array_append_new(entries, entry);
    }
    return entries;
}

static json_t *
declared_map(const struct factor_field *field, const json_t *object)
{
    json_t *all = json_is_object(object) ? json_deep_copy(object) : NULL;
    json_t *map = all ? json_object() : NULL, *value;
    const char *name;

    json_object_foreach (all, name, value) {
        value = declared_value(field->fields[0], value);
        if (value)
            json_object_set_new(map, name, value);
    }
    json_decref(all);
    return map;
}

json_t *
mfa_rest_declared(const struct factor_field *const *fields,
                  const json_t *object)
{
    json_t *shown = json_is_object(object) ? json_object() : NULL, *value;
    const json_t *given;

    for (; shown && *fields; fields++) {
        given = json_object_get(object, (*fields)->name);
        if ((*fields)->type == FACTOR_FIELD_ARRAY)
            value = declared_entries(*fields, given);
        else if ((*fields)->type == FACTOR_FIELD_MAP)
            value = declared_map(*fields, given);
        else
            value = declared_value(*fields, given);
        if (value)
            json_object_set_new(shown, (*fields)->name, value);
    }
    return shown;
}

/* --- Entries --- */

static bool
has(const json_t *entry, const char *member, const char *text)
{
    const char *own = mfa_text(entry, member);

    return own && text && strcmp(own, text) == 0;
}

const json_t *
mfa_rest_entry(const struct mfa_rest *call, const char *part, const char *id,
               size_t *ret_place)
{
    const json_t *list = json_object_get(call->s.config, part);
    size_t i;

    for (i = 0; i < json_array_size(list); i++)
        if (has(json_array_get(list, i), "id", id)) {
            *ret_place = i;
            return json_array_get(list, i);
        }
    return NULL;
}

const json_t *
mfa_rest_other(const struct mfa_rest *call, const char *part, const char *id,
               const char *within, const char *member, const char *text)
{
    const json_t *list = json_object_get(call->s.config, part), *entry;
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        entry = json_array_get(list, i);
        if (!has(entry, "id", id) &&
            has(within ? json_object_get(entry, within) : entry, member, text))
            return entry;
    }
    return NULL;
}

factor_status
mfa_rest_taken(struct mfa_rest *call, const char *target, const json_t *other)
{
    return mfa_rest_refuse(call, MFA_REST_UNIQUENESS, target,
                           json_pack("{s:s*}", "existingId",
                                     mfa_text(other, "id")));
}

bool
mfa_rest_stamp(const struct mfa_rest *call, json_t *entry,
               const json_t *before)
{
    json_t *now = mfa_rest_instant(call->s.in->now_ms);
    json_t *made = json_object_get(before, "createdAt");
    bool done = now && !json_object_set(entry, "updatedAt", now);

    if (done && (made || !before))
        done = !json_object_set(entry, "createdAt", made ? made : now);
    json_decref(now);
    return done;
}

/* --- What is wrong --- */

struct refusal {
    struct mfa_rest *call;
    char prefix[PREFIX_SIZE]; /* of the pointers into what the caller gave */
    const struct factor_detail *details[PROBLEMS_MAX + 1];
    size_t count;
    json_t *inners; /* owned: what the details borrow */
    bool no_memory;
};

/* How each is told (A.8); message NULL: as the code's is. */
static const struct {
    const char *code, *before;
} kinds[] = {
    [MFA_WRONG_VALUE] = { MFA_REST_INVALID_VALUE, "The value " },
    [MFA_WRONG_CHOICE] = { MFA_REST_INVALID_VALUE, "The value " },
    [MFA_WRONG_RANGE] = { MFA_REST_OUT_OF_RANGE, NULL },
    [MFA_WRONG_MISSING] = { MFA_REST_REQUIRED, NULL },
    [MFA_WRONG_EMPTY] = { MFA_REST_EMPTY, NULL },
    [MFA_WRONG_TAKEN] = { MFA_REST_UNIQUENESS, NULL },
    [MFA_WRONG_WHOLE] = { MFA_REST_CONSTRAINT, "" },
};

static bool
is_index(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (!isdigit((unsigned char)name[i]))
            return false;
    return len > 0;
}

/* "otp/failure/count", "applications/0/id": as dots and brackets. */
static void
write_target(const char *pointer, bool is_time, char *target, size_t size)
{
    const char *from = pointer;
    size_t len, at = 0;

    for (; *from && at + 1 < size; from += len + (from[len] == '/')) {
        len = strcspn(from, "/");
        at += (size_t)snprintf(target + at, size - at,
                               is_index(from, len) ? "[%.*s]"
                               : at > 0            ? ".%.*s"
                                                   : "%.*s",
                               (int)len, from);
    }
    if (is_time && at < size)
        snprintf(target + at, size - at, ".duration");
}

/* NULL: it is not of what the caller gave; or no memory. */
static const char *
target_of(struct refusal *refusal, const struct mfa_problem *problem)
{
    const struct mfa_step *s = &refusal->call->s;
    size_t len = strlen(refusal->prefix), size;
    char *target;

    if (strncmp(problem->pointer, refusal->prefix, len) != 0)
        return NULL;
    size = 2 * strlen(problem->pointer) + sizeof(".duration");
    target = s->host->alloc(s->in->arena, size);
    if (target)
        write_target(problem->pointer + len, problem->is_time, target, size);
    return target;
}

static const char *
message_of(struct refusal *refusal, const struct mfa_problem *problem)
{
    const char *before = kinds[problem->wrong].before;
    const struct mfa_step *s = &refusal->call->s;
    size_t size;
    char *text;

    if (!before)
        return NULL;
    size = strlen(before) + strlen(problem->what) + 2;
    text = s->host->alloc(s->in->arena, size);
    if (text)
        snprintf(text, size, "%s%s.", before, problem->what);
    return text;
}

static json_t *
names(const char *const *list)
{
    json_t *array = json_array();

    for (; *list; list++)
        json_array_append_new(array, json_string(*list));
    return array;
}

static json_t *
inner_of(struct refusal *refusal, const struct mfa_problem *problem)
{
    json_t *inner = NULL;

    if (problem->wrong == MFA_WRONG_RANGE)
        inner = json_pack("{s:I, s:I}", "rangeMinimumValue",
                          (json_int_t)problem->min, "rangeMaximumValue",
                          (json_int_t)problem->max);
    else if (problem->wrong == MFA_WRONG_CHOICE)
        inner = json_pack("{s:o}", "allowedValues", names(problem->choices));
    else if (problem->wrong == MFA_WRONG_TAKEN && problem->existing)
        inner = json_pack("{s:s}", "existingId", problem->existing);
    if (inner)
        json_array_append_new(refusal->inners, inner);
    return inner;
}

/* There are too many of them, or it is too large as a whole. */
static bool
is_limit(const struct mfa_problem *problem, const char *target)
{
    return problem->wrong == MFA_WRONG_RANGE && !target;
}

static void
note(void *context, const struct mfa_problem *problem)
{
    struct refusal *refusal = context;
    const struct mfa_step *s = &refusal->call->s;
    struct factor_detail *detail = s->host->alloc(s->in->arena,
                                                  sizeof(*detail));
    bool limit;

    if (!detail || refusal->count == PROBLEMS_MAX) {
        refusal->no_memory |= !detail;
        return;
    }
    *detail = (struct factor_detail){ FACTOR_SIZED(factor_detail),
                                      .attempts_remaining = -1,
                                      .code = kinds[problem->wrong].code,
                                      .target = target_of(refusal, problem),
                                      .message = message_of(refusal,
                                                            problem) };
    limit = is_limit(problem, detail->target);
    if (limit)
        detail->code = MFA_REST_LIMIT;
    else
        detail->inner = inner_of(refusal, problem);
    refusal->details[refusal->count++] = detail;
}

static factor_status
settle_refusal(struct refusal *refusal)
{
    struct factor_outcome *out = refusal->call->out;
    const struct mfa_step *s = &refusal->call->s;
    const struct factor_detail **list =
        s->host->alloc(s->in->arena, sizeof(refusal->details));

    if (!list || refusal->no_memory || !refusal->inners)
        return FACTOR_E_NOMEM;
    memcpy(list, refusal->details, sizeof(refusal->details));
    out->details = list;
    out->body = json_incref(refusal->inners);
    out->verdict = FACTOR_SUCCESS;
    out->status = 400;
    return FACTOR_OK;
}

/* --- Changing --- */

/* config is stolen. */
static factor_status
go_on_with(struct mfa_rest *call, json_t *config)
{
    json_decref(call->s.config);
    call->s.config = config;
    mfa_limits_read(config, &call->s.limits);
    return mfa_policy_find(config, NULL, &call->s.policy)
               ? FACTOR_OK
               : FACTOR_E_INTERNAL;
}

factor_status
mfa_rest_change(struct mfa_rest *call, const char *part, json_t *value,
                int place, bool *ret_done)
{
    struct refusal refusal = { .call = call, .inners = json_array() };
    json_t *given = value ? json_pack("{s:o}", part, value) : NULL, *config;
    factor_status status = FACTOR_E_NOMEM;

    if (place == MFA_REST_WHOLE)
        snprintf(refusal.prefix, PREFIX_SIZE, "/%s/", part);
    else
        snprintf(refusal.prefix, PREFIX_SIZE, "/%s/%d/", part, place);
    *ret_done = false;
    if (given)
        status = mfa_config_replace(&call->s, given, note, &refusal, &config);
    json_decref(given);
    if (!status && config)
        status = go_on_with(call, config);
    *ret_done = !status && config;
    if (!status && !config)
        status = settle_refusal(&refusal);
    json_decref(refusal.inners);
    return status;
}

factor_status
mfa_rest_reset(struct mfa_rest *call, const char *part)
{
    json_t *config;
    factor_status status = mfa_config_reset(&call->s, part, &config);

    return status ? status : go_on_with(call, config);
}
