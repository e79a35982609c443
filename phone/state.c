/* SPDX-License-Identifier: MIT */
/* phone/state.c - what a phone remembers, in memory and as a blob. */
#include "phone/internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };

/* The members of a pairing in the blob, beside its keys. */
static const struct {
    const char *name;
    size_t at;
} texts[] = {
    { "device", offsetof(struct phone_pairing, device) },
    { "issuer", offsetof(struct phone_pairing, issuer) },
    { "endpoint", offsetof(struct phone_pairing, endpoint) },
    { "user_id", offsetof(struct phone_pairing, user_id) },
    { "user_name", offsetof(struct phone_pairing, user_name) },
    { "application", offsetof(struct phone_pairing, application) },
    { "name", offsetof(struct phone_pairing, name) },
    { "status", offsetof(struct phone_pairing, status) },
    { "pairing_key", offsetof(struct phone_pairing, pairing_key) },
    { "payload_client", offsetof(struct phone_pairing, payload_client) },
    { "secret", offsetof(struct phone_pairing, secret) },
}, numbers[] = {
    { "digits", offsetof(struct phone_pairing, digits) },
    { "period", offsetof(struct phone_pairing, period_s) },
    { "made_ms", offsetof(struct phone_pairing, made_ms) },
    { "payload_ms", offsetof(struct phone_pairing, payload_ms) },
    { "clock_off_ms", offsetof(struct phone_pairing, clock_off_ms) },
    { "last_ms", offsetof(struct phone_pairing, last_ms) },
};

static char **
text_at(struct phone_pairing *pairing, size_t i)
{
    return (char **)(void *)((char *)pairing + texts[i].at);
}

static json_int_t *
number_at(struct phone_pairing *pairing, size_t i)
{
    return (json_int_t *)(void *)((char *)pairing + numbers[i].at);
}

bool
phone_set(char **text, const char *value)
{
    char *copy = value ? strdup(value) : NULL;

    if (value && !copy)
        return false;
    phone_wipe_text(*text);
    *text = copy;
    return true;
}

/* --- pairings --- */

static void
free_pairing(struct phone_pairing *pairing)
{
    size_t i;

    for (i = 0; i < COUNT(texts); i++)
        phone_wipe_text(*text_at(pairing, i));
    phone_wipe(pairing, sizeof(*pairing));
    free(pairing);
}

void
phone_state_clear(struct phone_state *state)
{
    while (state->count > 0)
        free_pairing(state->items[--state->count]);
    free(state->items);
    state->items = NULL;
}

struct phone_pairing *
phone_state_add(struct phone_state *state)
{
    struct phone_pairing *added = calloc(1, sizeof(*added));
    struct phone_pairing **grown;

    grown = reallocarray(state->items, state->count + 1, sizeof(*grown));
    if (grown)
        state->items = grown;
    if (!grown || !added) {
        free(added);
        return NULL;
    }
    grown[state->count++] = added;
    return added;
}

void
phone_state_drop(struct phone_state *state, struct phone_pairing *gone)
{
    size_t i = 0;

    while (i < state->count && state->items[i] != gone)
        i++;
    if (i == state->count)
        return;
    free_pairing(gone);
    for (state->count--; i < state->count; i++)
        state->items[i] = state->items[i + 1];
}

static bool
copy_texts(struct phone_pairing *copy, const struct phone_pairing *pairing)
{
    return phone_set(&copy->device, pairing->device) &&
           phone_set(&copy->issuer, pairing->issuer) &&
           phone_set(&copy->user_id, pairing->user_id) &&
           phone_set(&copy->user_name, pairing->user_name) &&
           phone_set(&copy->application, pairing->application) &&
           phone_set(&copy->name, pairing->name) &&
           phone_set(&copy->status, pairing->status);
}

bool
phone_state_describe(const struct phone_pairing *pairing,
                     struct phone_state *ret_state)
{
    struct phone_pairing *copy = phone_state_add(ret_state);

    return copy && copy_texts(copy, pairing);
}

/* --- reading --- */

static bool
read_members(const json_t *object, struct phone_pairing *pairing)
{
    const json_t *value;
    size_t i;

    for (i = 0; i < COUNT(texts); i++) {
        value = json_object_get(object, texts[i].name);
        if ((value && !json_is_string(value)) ||
            !phone_set(text_at(pairing, i), json_string_value(value)))
            return false;
    }
    for (i = 0; i < COUNT(numbers); i++) {
        value = json_object_get(object, numbers[i].name);
        if (value && !json_is_integer(value))
            return false;
        *number_at(pairing, i) = json_integer_value(value);
    }
    return true;
}

/* What the rest relies on is there. */
static bool
complete(const struct phone_pairing *pairing)
{
    return pairing->issuer && phone_issuer_ok(pairing->issuer) &&
           pairing->endpoint && phone_issuer_ok(pairing->endpoint) &&
           pairing->application && pairing->name &&
           (!pairing->device ||
            (phone_id_ok(pairing->device) && pairing->user_id &&
             pairing->user_name && pairing->status));
}

static bool
read_pairing(const json_t *object, struct phone_pairing *pairing)
{
    const json_t *next = json_object_get(object, "next_key");

    pairing->has_next = next != NULL;
    return read_members(object, pairing) && complete(pairing) &&
           phone_key_read(json_object_get(object, "key"), &pairing->key) &&
           (!next || phone_key_read(next, &pairing->next));
}

static bool
read_pairings(const json_t *root, struct phone_state *state)
{
    const json_t *list = json_object_get(root, "pairings");
    struct phone_pairing *added;
    int64_t version;
    size_t i;

    if (!phone_number(root, "version", VERSION, VERSION, &version) ||
        !json_is_array(list))
        return false;
    for (i = 0; i < json_array_size(list); i++) {
        added = phone_state_add(state);
        if (!added || !read_pairing(json_array_get(list, i), added))
            return false;
    }
    return true;
}

bool
phone_state_read(const char *blob, size_t len, struct phone_state *ret_state)
{
    struct phone_state state = { 0 };
    json_t *root;
    bool ok;

    if (blob) {
        root = json_loadb(blob, len, JSON_REJECT_DUPLICATES, NULL);
        ok = read_pairings(root, &state);
        json_decref(root);
        if (!ok) {
            phone_state_clear(&state);
            return false;
        }
    }
    *ret_state = state;
    return true;
}

/* --- writing --- */

static bool
put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static json_t *
write_pairing(struct phone_pairing *pairing)
{
    json_t *object = json_object();
    bool ok = object != NULL;
    size_t i;

    for (i = 0; ok && i < COUNT(texts); i++)
        if (*text_at(pairing, i))
            ok = put(object, texts[i].name, json_string(*text_at(pairing, i)));
    for (i = 0; ok && i < COUNT(numbers); i++)
        if (*number_at(pairing, i))
            ok = put(object, numbers[i].name,
                     json_integer(*number_at(pairing, i)));
    ok = ok && put(object, "key", phone_key_jwk(&pairing->key, true)) &&
         (!pairing->has_next ||
          put(object, "next_key", phone_key_jwk(&pairing->next, true)));
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

/* json_dumps would leave copies of its smaller buffers in memory that we do
 * not free: so it is asked for the length first. */
char *
phone_state_write(const struct phone_state *state, size_t *ret_len)
{
    json_t *list = json_array();
    json_t *root = json_pack("{s:i, s:o}", "version", VERSION, "pairings",
                             list);
    char *blob = NULL;
    bool ok = root != NULL;
    size_t i, len;

    for (i = 0; ok && i < state->count; i++)
        ok = json_array_append_new(list, write_pairing(state->items[i])) == 0;
    len = ok ? json_dumpb(root, NULL, 0, JSON_INDENT(2)) : 0;
    blob = len ? malloc(len + 1) : NULL;
    if (blob && json_dumpb(root, blob, len, JSON_INDENT(2)) == len) {
        blob[len] = '\n';
        *ret_len = len + 1;
    } else {
        free(blob);
        blob = NULL;
    }
    json_decref(root);
    return blob;
}

/* --- jansson's memory --- */

static void
wiping_free(void *memory)
{
    if (memory)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void
factor_phone_wipe_json(void)
{
    json_set_alloc_funcs(malloc, wiping_free);
}
