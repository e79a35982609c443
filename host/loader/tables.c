/* SPDX-License-Identifier: MIT */
/* host/loader/tables.c - what a plugin says of itself, copied and checked. */
#include "host/loader/tables.h"

#include <stdbool.h>
#include <string.h>

#include "host/config/settings.h"
#include "host/error.h"
#include "host/loader/loader.h"

/* Where in its struct a call stands that every plugin of a kind has. */
struct required_call {
    const char *name; /* NULL ends the list */
    size_t offset;
};

#define CALL(ops, member) {#member, offsetof(struct ops, member)}

static const struct required_call adapter_calls[] = {
    CALL(factor_adapter_ops, init),
    CALL(factor_adapter_ops, describe),
    CALL(factor_adapter_ops, get_state_model),
    CALL(factor_adapter_ops, handle_action),
    CALL(factor_adapter_ops, fini),
    {NULL, 0},
};

static const struct required_call delivery_calls[] = {
    CALL(factor_delivery_ops, init),
    CALL(factor_delivery_ops, deliver),
    CALL(factor_delivery_ops, fini),
    {NULL, 0},
};

static const struct required_call source_calls[] = {
    CALL(factor_source_ops, init),
    CALL(factor_source_ops, answer),
    CALL(factor_source_ops, fini),
    {NULL, 0},
};

static const struct required_call store_calls[] = {
    CALL(factor_store_ops, init),
    CALL(factor_store_ops, read),
    CALL(factor_store_ops, begin),
    CALL(factor_store_ops, apply),
    CALL(factor_store_ops, append),
    CALL(factor_store_ops, end),
    CALL(factor_store_ops, abort),
    CALL(factor_store_ops, maintain),
    CALL(factor_store_ops, read_audit),
    CALL(factor_store_ops, backup),
    CALL(factor_store_ops, fini),
    {NULL, 0},
};

#define END_OF(ops, member)                                                    \
    (offsetof(struct ops, member) + sizeof(((struct ops *)0)->member))

/* smallest: what contract 1.0 had; a member appended later may be missing. */
static const struct kind {
    const char *name;
    uint32_t known_flags;
    size_t size, smallest;
    const struct required_call *calls;
} kinds[] = {
    [FACTOR_KIND_ADAPTER] = {"adapter", 0, sizeof(struct factor_adapter_ops),
                             END_OF(factor_adapter_ops, fini), adapter_calls},
    [FACTOR_KIND_DELIVERY] = {"delivery", FACTOR_DELIVERY_PARALLEL,
                              sizeof(struct factor_delivery_ops),
                              END_OF(factor_delivery_ops, fini),
                              delivery_calls},
    [FACTOR_KIND_SOURCE] = {"source", 0, sizeof(struct factor_source_ops),
                            END_OF(factor_source_ops, fini), source_calls},
    [FACTOR_KIND_STORE] = {"store", FACTOR_STORE_SHARED,
                           sizeof(struct factor_store_ops),
                           END_OF(factor_store_ops, fini), store_calls},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

const char *
loader_kind_name(uint32_t kind)
{
    return kind > 0 && kind < KINDS ? kinds[kind].name : NULL;
}

uint32_t
loader_kind(const char *name, size_t len)
{
    uint32_t kind;

    for (kind = 1; kind < KINDS; kind++)
        if (strlen(kinds[kind].name) == len &&
            memcmp(kinds[kind].name, name, len) == 0)
            return kind;
    return 0;
}

/* Every struct begins with its size, written by the plugin. */
static void *
copy_struct(struct factor_arena *arena, const void *theirs, size_t size)
{
    void *ours = arena_alloc(arena, size);
    uint32_t their_size, our_size = (uint32_t)size;

    if (!ours)
        return NULL;
    memcpy(&their_size, theirs, sizeof(their_size));
    memcpy(ours, theirs, their_size < size ? their_size : size);
    memcpy(ours, &our_size, sizeof(our_size));
    return ours;
}

static bool
is_there(const void *ops, size_t offset)
{
    void (*call)(void);

    memcpy(&call, (const char *)ops + offset, sizeof(call));
    return call != NULL;
}

static factor_status
check_calls(const void *ops, const struct kind *kind, struct factor_error *err)
{
    const struct required_call *call;

    for (call = kind->calls; call->name; call++)
        if (!is_there(ops, call->offset))
            return error_set(err, FACTOR_E_CONFIG,
                             "its call %s() is missing; every %s has one",
                             call->name, kind->name);
    return FACTOR_OK;
}

static factor_status
check_size(const char *what, uint32_t size, size_t smallest,
           struct factor_error *err)
{
    if (size >= smallest)
        return FACTOR_OK;
    return error_set(err, FACTOR_E_CONFIG,
                     "struct_size of its %s is %u, not %zu or more; rebuild "
                     "it with this host's headers", what, (unsigned)size,
                     smallest);
}

/* An unknown bit may be a restriction that we would ignore. */
static factor_status
check_flags(const char *what, uint32_t flags, uint32_t known,
            struct factor_error *err)
{
    if (!(flags & ~known))
        return FACTOR_OK;
    return error_set(err, FACTOR_E_CONFIG,
                     "its %s has unknown flags 0x%x; rebuild it with this "
                     "host's headers", what, (unsigned)(flags & ~known));
}

/* kind and ops agree here already; nothing is read past their sizes. */
static factor_status
copy_ops(struct factor_arena *arena, const struct kind *kind,
         const void *theirs, const void **ret_ops, struct factor_error *err)
{
    uint32_t head[2]; /* struct_size and flags open all of them */
    factor_status status;
    const void *ops;

    if (!theirs)
        return error_set(err, FACTOR_E_CONFIG,
                         "it has no ops; give the struct of its calls");
    memcpy(&head[0], theirs, sizeof(head[0]));
    status = check_size("ops", head[0], kind->smallest, err);
    if (status != FACTOR_OK)
        return status;
    memcpy(head, theirs, sizeof(head));
    status = check_flags("ops", head[1], kind->known_flags, err);
    if (status != FACTOR_OK)
        return status;
    ops = copy_struct(arena, theirs, kind->size);
    if (!ops)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    *ret_ops = ops;
    return check_calls(ops, kind, err);
}

static factor_status
check_minor(uint32_t minor, struct factor_error *err)
{
    if (minor <= FACTOR_ABI_MINOR)
        return FACTOR_OK;
    return error_set(err, FACTOR_E_CONFIG,
                     "it is for contract %u.%u, this host speaks %u.%u; "
                     "install a newer factord, or rebuild it with this host's "
                     "headers", FACTOR_ABI_MAJOR,
                     (unsigned)minor, FACTOR_ABI_MAJOR, FACTOR_ABI_MINOR);
}

static factor_status
check_name(const struct factor_plugin *info, uint32_t kind, const char *name,
           struct factor_error *err)
{
    const char *their_kind = loader_kind_name(info->kind);

    if (!their_kind)
        return error_set(err, FACTOR_E_CONFIG,
                         "its kind %u is unknown; use FACTOR_KIND_...",
                         (unsigned)info->kind);
    if (!info->name || info->kind != kind || strcmp(info->name, name) != 0)
        return error_set(err, FACTOR_E_CONFIG,
                         "inside it is the %s \"%s\"; rename the file or "
                         "the plugin", their_kind,
                         info->name ? info->name : "");
    if (!info->version || !*info->version || !info->text || !*info->text)
        return error_set(err, FACTOR_E_CONFIG,
                         "it has no version or no text; register it with "
                         "both");
    return FACTOR_OK;
}

static factor_status
check_info(const struct factor_plugin *theirs, struct factor_error *err)
{
    factor_status status;

    if (!theirs)
        return error_set(err, FACTOR_E_CONFIG,
                         "%s() returned NULL; register the plugin with "
                         "FACTOR_REGISTER_PLUGIN", FACTOR_ENTRY_SYMBOL);
    status = check_size("plugin", theirs->struct_size,
                        END_OF(factor_plugin, ops), err);
    if (status == FACTOR_OK)
        status = check_minor(theirs->abi_minor, err);
    if (status == FACTOR_OK)
        status = check_flags("plugin", theirs->flags, 0, err);
    return status;
}

static factor_status
copy_parts(struct factor_arena *arena, struct factor_plugin *info,
           struct factor_error *err)
{
    factor_status status =
        copy_ops(arena, &kinds[info->kind], info->ops, &info->ops, err);

    if (status == FACTOR_OK)
        status = settings_copy(arena, info->settings, &info->settings, err);
    return status;
}

static void
set_typed(struct loaded_plugin *plugin)
{
    const void *ops = plugin->info->ops;

    plugin->adapter = plugin->info->kind == FACTOR_KIND_ADAPTER ? ops : NULL;
    plugin->delivery = plugin->info->kind == FACTOR_KIND_DELIVERY ? ops : NULL;
    plugin->source = plugin->info->kind == FACTOR_KIND_SOURCE ? ops : NULL;
    plugin->store = plugin->info->kind == FACTOR_KIND_STORE ? ops : NULL;
}

factor_status
tables_copy(struct factor_arena *arena, const struct factor_plugin *theirs,
            uint32_t kind, const char *name, struct loaded_plugin *ret,
            struct factor_error *err)
{
    struct factor_plugin *info;
    factor_status status = check_info(theirs, err);

    if (status != FACTOR_OK)
        return status;
    info = copy_struct(arena, theirs, sizeof(*info));
    if (!info)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    status = check_name(info, kind, name, err);
    if (status == FACTOR_OK)
        status = copy_parts(arena, info, err);
    if (status != FACTOR_OK)
        return status;
    ret->info = info;
    set_typed(ret);
    return FACTOR_OK;
}
