/* SPDX-License-Identifier: MIT */
/* host/plugin/adapter.c - an adapter instance and its declared tables. */
#include "host/plugin/adapter.h"

#include <stdbool.h>
#include <string.h>

#include "host/crypto.h"
#include "host/error.h"
#include "host/plugin/describe.h"

const struct factor_state *
adapter_state(const struct adapter *adapter, const char *name)
{
    const struct factor_state *const *state = adapter->description->states;

    for (; name && *state; state++)
        if (strcmp((*state)->name, name) == 0)
            return *state;
    return NULL;
}

const struct factor_action *
adapter_action(const struct adapter *adapter, const char *name)
{
    const struct factor_action *const *action = adapter->description->actions;

    for (; name && *action; action++)
        if (strcmp((*action)->name, name) == 0)
            return *action;
    return NULL;
}

const struct factor_code *
adapter_code(const struct adapter *adapter, const char *code)
{
    const struct factor_code *const *declared = adapter->description->codes;

    for (; code && declared && *declared; declared++)
        if (strcmp((*declared)->code, code) == 0)
            return *declared;
    return NULL;
}

static bool
draws(const struct factor_page_part *part, const char *state)
{
    const char *const *name;

    for (name = part->states; name && *name; name++)
        if (strcmp(*name, state) == 0)
            return true;
    return false;
}

const struct adapter_part *
adapter_part(const struct adapter *adapter, const char *state)
{
    size_t i;

    for (i = 0; state && i < adapter->part_count; i++)
        if (draws(adapter->parts[i].declared, state))
            return &adapter->parts[i];
    return NULL;
}

/* Where a plugin names no type id: the same one for each of its instances
 * and at each start, as clients expect. */
static void
derive_type_id(struct adapter *adapter)
{
    static const char base62[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    struct crypto_part part = crypto_text(adapter->plugin);
    uint8_t hash[CRYPTO_MAC_LEN] = {0};
    size_t i;

    crypto_hash(&part, 1, hash);
    for (i = 0; i + 1 < ADAPTER_TYPE_ID; i++)
        adapter->type_id[i] = base62[hash[i] % 62];
}

static factor_status
check_states(const struct adapter *adapter, struct factor_error *err)
{
    const struct factor_state *const *state = adapter->description->states;
    const char *const *action;

    for (; *state; state++)
        for (action = (*state)->actions; action && *action; action++)
            if (!adapter_action(adapter, *action))
                return error_set(err, FACTOR_E_CONFIG,
                                 "adapter %s: state %s names the action %s, "
                                 "which is not declared",
                                 adapter->plugin, (*state)->name, *action);
    return FACTOR_OK;
}

static factor_status
check_actions(const struct adapter *adapter, struct factor_error *err)
{
    const struct factor_action *const *action = adapter->description->actions;
    const char *const *code;

    for (; *action; action++) {
        if (((*action)->flags & FACTOR_ACTION_MEASURE) &&
            !((*action)->flags & FACTOR_ACTION_OPERATOR))
            return error_set(err, FACTOR_E_CONFIG,
                             "adapter %s: action %s measures, so it must be "
                             "an operator's",
                             adapter->plugin, (*action)->name);
        for (code = (*action)->errors; code && *code; code++)
            if (!adapter_code(adapter, *code))
                return error_set(err, FACTOR_E_CONFIG,
                                 "adapter %s: action %s names the code %s, "
                                 "which is not declared",
                                 adapter->plugin, (*action)->name, *code);
    }
    return FACTOR_OK;
}

/* A bare name, of bytes that need no escape in a URL, of a module. */
static bool
part_file_ok(const char *file)
{
    size_t len = file ? strlen(file) : 0;

    return len > 4 && len < 128 && file[0] != '.' &&
           strcmp(file + len - 4, ".mjs") == 0 &&
           strspn(file, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789._-") == len;
}

static factor_status
check_parts(const struct adapter *adapter, struct factor_error *err)
{
    const struct factor_page_part *const *part =
        adapter->description->page_parts;
    const char *const *state;

    for (; part && *part; part++) {
        if (!part_file_ok((*part)->file))
            return error_set(err, FACTOR_E_CONFIG,
                             "adapter %s: a page part is no bare name that "
                             "ends in .mjs", adapter->plugin);
        for (state = (*part)->states; state && *state; state++)
            if (!adapter_state(adapter, *state))
                return error_set(err, FACTOR_E_CONFIG,
                                 "adapter %s: page part %s names the state "
                                 "%s, which is not declared",
                                 adapter->plugin, (*part)->file, *state);
    }
    return FACTOR_OK;
}

static factor_status
read_type_id(struct adapter *adapter, struct factor_error *err)
{
    const char *given = adapter->description->plugin_type_id;

    memset(adapter->type_id, 0, sizeof(adapter->type_id));
    if (!given)
        derive_type_id(adapter);
    else if (strlen(given) + 1 == ADAPTER_TYPE_ID)
        memcpy(adapter->type_id, given, ADAPTER_TYPE_ID);
    else
        return error_set(err, FACTOR_E_CONFIG,
                         "adapter %s: plugin_type_id is not 22 characters",
                         adapter->plugin);
    return FACTOR_OK;
}

static factor_status
copy_description(struct adapter *adapter, struct factor_error *err)
{
    struct factor_error why = {0};
    factor_status st;

    adapter->theirs = adapter->ops->describe(adapter->self);
    if (!adapter->theirs || !adapter->theirs->states ||
        !adapter->theirs->actions)
        return error_set(err, FACTOR_E_CONFIG,
                         "adapter %s: describes no states or no actions",
                         adapter->plugin);
    adapter->arena = arena_new();
    if (!adapter->arena)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    st = describe_copy(adapter->arena, adapter->theirs, &adapter->description,
                       &why);
    return st == FACTOR_OK ? st
                           : error_set(err, st, "adapter %s: %.200s",
                                       adapter->plugin, why.text);
}

void
adapter_forget(struct adapter *adapter)
{
    arena_free(adapter->arena);
    adapter->arena = NULL;
}

const struct factor_resource *
adapter_their_resource(const struct adapter *adapter,
                       const struct factor_resource *ours)
{
    size_t i;

    for (i = 0; adapter->description->resources[i]; i++)
        if (adapter->description->resources[i] == ours)
            return adapter->theirs->resources[i];
    return ours;
}

factor_status
adapter_describe(struct adapter *adapter, struct factor_error *err)
{
    factor_status st = copy_description(adapter, err);

    if (st == FACTOR_OK)
        st = read_type_id(adapter, err);
    if (st == FACTOR_OK)
        st = check_parts(adapter, err);
    if (st == FACTOR_OK)
        st = check_states(adapter, err);
    if (st == FACTOR_OK)
        st = check_actions(adapter, err);
    if (st != FACTOR_OK)
        adapter_forget(adapter);
    return st;
}
