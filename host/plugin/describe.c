/* SPDX-License-Identifier: MIT */
/* host/plugin/describe.c - what an adapter declares, copied. */
#include "host/plugin/describe.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "factor/resource.h"
#include "host/error.h"

enum { LISTS_MAX = 7 };

/* One kind of struct: its size, how much of it contract 1.0 has, and its
 * members that are lists of pointers to other structs, ended by NULL. */
struct shape {
    const char *name;
    size_t size, least;
    struct {
        size_t offset;
        const struct shape *of;
    } lists[LISTS_MAX];
};

#define UPTO(type, member)                                                     \
    (offsetof(struct type, member) + sizeof(((struct type *)0)->member))
#define SHAPE(type, last) .name = #type, .size = sizeof(struct type),         \
                          .least = UPTO(type, last)
#define LIST(type, member, shape) {offsetof(struct type, member), &(shape)}

static const struct shape field;
static const struct shape field = {
    SHAPE(factor_field, text),
    .lists = {LIST(factor_field, fields, field)}};
static const struct shape state = {SHAPE(factor_state, members)};
static const struct shape action = {
    SHAPE(factor_action, answer_after_ms),
    .lists = {LIST(factor_action, fields, field)}};
static const struct shape code = {SHAPE(factor_code, text)};
static const struct shape text = {SHAPE(factor_text, text)};
static const struct shape part = {SHAPE(factor_page_part, states)};
static const struct shape resource = {
    SHAPE(factor_resource, text),
    .lists = {LIST(factor_resource, query, field),
              LIST(factor_resource, body, field),
              LIST(factor_resource, answer, field)}};
static const struct shape user_default = {
    SHAPE(factor_user_default, otherwise)};
static const struct shape description = {
    SHAPE(factor_description, resources),
    .lists = {LIST(factor_description, states, state),
              LIST(factor_description, actions, action),
              LIST(factor_description, codes, code),
              LIST(factor_description, texts, text),
              LIST(factor_description, page_parts, part),
              LIST(factor_description, resources, resource),
              LIST(factor_description, user_defaults, user_default)}};

/* The copy under way. */
struct copying {
    struct factor_arena *arena;
    struct factor_error *err;
    factor_status status;
};

static void *copy(struct copying *copying, const struct shape *shape,
                  const void *theirs);

/* NULL: it failed. */
static void *
fail(struct copying *copying, factor_status status, const char *what,
     unsigned size)
{
    if (copying->status == FACTOR_OK)
        copying->status = error_set(
            copying->err, status,
            status == FACTOR_E_NOMEM
                ? "out of memory"
                : "struct_size of a %s is %u; rebuild the plugin with this "
                  "host's headers",
            what, size);
    return NULL;
}

static void *
copy_list(struct copying *copying, const struct shape *shape,
          const void *const *theirs)
{
    const void **ours;
    size_t count = 0, i;

    while (theirs[count])
        count++;
    ours = arena_alloc(copying->arena, (count + 1) * sizeof(*ours));
    if (!ours)
        return fail(copying, FACTOR_E_NOMEM, shape->name, 0);
    for (i = 0; i < count; i++) {
        ours[i] = copy(copying, shape, theirs[i]);
        if (!ours[i])
            return NULL;
    }
    return ours;
}

static bool
copy_lists(struct copying *copying, const struct shape *shape, char *ours)
{
    const void *const *theirs;
    const void *list;
    size_t i;

    for (i = 0; i < LISTS_MAX && shape->lists[i].of; i++) {
        memcpy(&theirs, ours + shape->lists[i].offset, sizeof(theirs));
        if (!theirs)
            continue;
        list = copy_list(copying, shape->lists[i].of, theirs);
        if (!list)
            return false;
        memcpy(ours + shape->lists[i].offset, &list, sizeof(list));
    }
    return true;
}

static void *
copy(struct copying *copying, const struct shape *shape, const void *theirs)
{
    uint32_t their_size, our_size = (uint32_t)shape->size;
    void *ours;

    memcpy(&their_size, theirs, sizeof(their_size));
    if (their_size < shape->least)
        return fail(copying, FACTOR_E_CONFIG, shape->name, their_size);
    ours = arena_alloc(copying->arena, shape->size);
    if (!ours)
        return fail(copying, FACTOR_E_NOMEM, shape->name, 0);
    memcpy(ours, theirs, their_size < our_size ? their_size : our_size);
    memcpy(ours, &our_size, sizeof(our_size));
    return copy_lists(copying, shape, ours) ? ours : NULL;
}

factor_status
describe_copy(struct factor_arena *arena,
              const struct factor_description *theirs,
              const struct factor_description **ret_ours,
              struct factor_error *err)
{
    struct copying copying = {arena, err, FACTOR_OK};

    *ret_ours = copy(&copying, &description, theirs);
    return copying.status;
}
