/* SPDX-License-Identifier: MIT */
/* phone/list.c - pairings as they are shown, without their keys. */
#include "phone/internal.h"

#include <stdlib.h>

/* What a list owns.  It may live for long: no key does with it. */
struct source {
    struct phone_state state;
    char (*checks)[FACTOR_PHONE_CHECK_SIZE];
};

void
factor_phone_pairings_free(struct factor_phone_pairings *pairings)
{
    struct source *source = pairings ? pairings->source : NULL;

    if (source) {
        phone_state_clear(&source->state);
        free(source->checks);
    }
    free(source);
    if (pairings)
        free(pairings->items);
    free(pairings);
}

/* A list with room for so many pairings. */
static struct factor_phone_pairings *
new_list(size_t room)
{
    struct factor_phone_pairings *list = calloc(1, sizeof(*list));
    struct source *source = calloc(1, sizeof(*source));

    if (list && source) {
        list->source = source;
        list->items = calloc(room + 1, sizeof(*list->items));
        source->checks = calloc(room + 1, sizeof(*source->checks));
        if (list->items && source->checks)
            return list;
    } else {
        free(source);
    }
    factor_phone_pairings_free(list);
    return NULL;
}

/* Adds a pairing to a list that has room for it. */
static bool
add_to_list(struct factor_phone_pairings *list,
            const struct phone_pairing *pairing)
{
    struct source *source = list->source;
    struct factor_phone_pairing *next = &list->items[list->count];
    char *check = source->checks[list->count];
    const struct phone_pairing *copy;

    if (!phone_check(&pairing->key, check) ||
        !phone_state_describe(pairing, &source->state))
        return false;
    copy = source->state.items[list->count++];
    next->device = copy->device;
    next->issuer = copy->issuer;
    next->user_id = copy->user_id;
    next->user_name = copy->user_name;
    next->application = copy->application;
    next->name = copy->name;
    next->status = copy->status;
    next->check = check;
    next->has_passcodes = pairing->secret != NULL;
    next->clock_off_ms = pairing->clock_off_ms;
    return true;
}

struct factor_phone_pairings *
phone_list(const struct phone_state *state, const struct phone_pairing *only)
{
    struct factor_phone_pairings *list = new_list(state->count);
    size_t i;

    for (i = 0; list && i < state->count; i++) {
        if (!state->items[i]->device || (only && state->items[i] != only))
            continue;
        if (!add_to_list(list, state->items[i])) {
            factor_phone_pairings_free(list);
            return NULL;
        }
    }
    return list;
}

enum factor_phone_status
factor_phone_list(struct factor_phone *self,
                  struct factor_phone_pairings **ret_pairings)
{
    enum factor_phone_status status = phone_begin(self, false);
    struct factor_phone_pairings *list;

    if (status == FACTOR_PHONE_OK) {
        list = phone_list(&self->state, NULL);
        if (list)
            *ret_pairings = list;
        else
            status = phone_no_memory(self);
    }
    return phone_end(self, status);
}
