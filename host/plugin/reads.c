/* SPDX-License-Identifier: MIT */
/* host/plugin/reads.c - the reads that a plugin plans, and the snapshot. */
#include "host/plugin/reads.h"

#include <string.h>

#include "factor/user.h"
#include "host/user.h"

enum { READS_MAX = 16, LIMIT_MAX = 1000 };

struct planned {
    struct factor_query query;
    /* Whose it is is still to be looked up: the user of this name, or the owner
     * of the record of this collection and name, or id; else NULL. */
    const char *username, *of, *name, *id;
    bool nothing;         /* it cannot find anything (a name out of range) */
    const struct factor_records *found; /* once it is loaded */
};

struct factor_reads {
    struct txn *txn;
    size_t count;
    struct planned planned[READS_MAX];
};

struct factor_reads *
reads_new(struct txn *txn)
{
    struct factor_reads *reads = arena_alloc(txn_arena(txn), sizeof(*reads));

    if (reads)
        reads->txn = txn;
    return reads;
}

/* Texts are copied: a plugin's may be gone when the plan is loaded. */
static factor_status
plan(struct factor_reads *reads, uint32_t kind, const char *collection,
     const char *key, uint32_t limit, struct planned **ret_planned)
{
    struct factor_arena *arena = txn_arena(reads->txn);
    struct planned *planned;

    if (!collection || strlen(collection) > FACTOR_COLLECTION_MAX ||
        limit == 0 || limit > LIMIT_MAX || reads->count == READS_MAX)
        return FACTOR_E_INPUT;
    planned = &reads->planned[reads->count++];
    planned->query.struct_size = sizeof(planned->query);
    planned->query.kind = kind;
    planned->query.limit = limit;
    planned->query.collection = arena_copy(arena, collection);
    planned->query.key = arena_copy(arena, key);
    if (ret_planned)
        *ret_planned = planned;
    return planned->query.collection ? FACTOR_OK : FACTOR_E_NOMEM;
}

factor_status
reads_id(struct factor_reads *reads, const char *collection, const char *id)
{
    if (!id || strlen(id) > FACTOR_ID_MAX)
        return FACTOR_E_INPUT;
    return plan(reads, FACTOR_QUERY_ID, collection, id, 1, NULL);
}

const char *
reads_name_text(struct txn *txn, const struct factor_name *name)
{
    if (name->text)
        return strlen(name->text) <= FACTOR_NAME_MAX
                   ? arena_copy(txn_arena(txn), name->text)
                   : NULL;
    if (!name->purpose || !name->bytes)
        return NULL;
    return txn_keyed(txn, name->purpose, name->bytes, name->bytes_len);
}

factor_status
reads_name(struct factor_reads *reads, const char *collection,
           const struct factor_name *name)
{
    const char *text = name ? reads_name_text(reads->txn, name) : NULL;

    if (!text)
        return FACTOR_E_INPUT;
    return plan(reads, FACTOR_QUERY_NAME, collection, text, 1, NULL);
}

factor_status
reads_owned(struct factor_reads *reads, const char *collection,
            const char *owner, uint32_t limit)
{
    if (!owner || strlen(owner) > FACTOR_ID_MAX)
        return FACTOR_E_INPUT;
    return plan(reads, FACTOR_QUERY_OWNED, collection, owner, limit, NULL);
}

factor_status
reads_page(struct factor_reads *reads, const char *collection,
           const char *after, uint32_t limit)
{
    struct planned *planned;
    factor_status st =
        plan(reads, FACTOR_QUERY_PAGE, collection, NULL, limit, &planned);

    if (st == FACTOR_OK)
        planned->query.after = arena_copy(txn_arena(reads->txn), after);
    return st;
}

factor_status
reads_user(struct factor_reads *reads, const char *id)
{
    return reads_id(reads, FACTOR_USERS, id);
}

factor_status
reads_username(struct factor_reads *reads, const char *username)
{
    const char *folded =
        username ? user_fold(txn_arena(reads->txn), username) : NULL;
    struct planned *planned;
    factor_status st = plan(reads, FACTOR_QUERY_NAME, FACTOR_USERS,
                            folded ? folded : "", 1, &planned);

    /* What is no username is nobody's: found like any unknown one. */
    if (st == FACTOR_OK)
        planned->nothing = folded == NULL;
    return st;
}

factor_status
reads_username_owned(struct factor_reads *reads, const char *username,
                     const char *collection, uint32_t limit)
{
    struct planned *planned;
    factor_status st =
        plan(reads, FACTOR_QUERY_OWNED, collection, "", limit, &planned);

    if (st != FACTOR_OK)
        return st;
    planned->username =
        arena_copy(txn_arena(reads->txn), username ? username : "");
    return planned->username ? FACTOR_OK : FACTOR_E_NOMEM;
}

factor_status
reads_named_owned(struct factor_reads *reads, const char *named,
                  const struct factor_name *name, const char *collection,
                  uint32_t limit)
{
    struct factor_arena *arena = txn_arena(reads->txn);
    const char *text = name ? reads_name_text(reads->txn, name) : NULL;
    struct planned *planned;
    factor_status st;

    if (!text || !named || strlen(named) > FACTOR_COLLECTION_MAX)
        return FACTOR_E_INPUT;
    st = plan(reads, FACTOR_QUERY_OWNED, collection, "", limit, &planned);
    if (st != FACTOR_OK)
        return st;
    planned->of = arena_copy(arena, named);
    planned->name = text;
    return planned->of ? FACTOR_OK : FACTOR_E_NOMEM;
}

factor_status
reads_id_owned(struct factor_reads *reads, const char *of, const char *id,
               const char *collection, uint32_t limit)
{
    struct factor_arena *arena = txn_arena(reads->txn);
    bool user = collection && strcmp(collection, FACTOR_USERS) == 0;
    struct planned *planned;
    factor_status st;

    if (!id || strlen(id) > FACTOR_ID_MAX || !of ||
        strlen(of) > FACTOR_COLLECTION_MAX)
        return FACTOR_E_INPUT;
    st = plan(reads, user ? FACTOR_QUERY_ID : FACTOR_QUERY_OWNED, collection,
              "", limit, &planned);
    if (st != FACTOR_OK)
        return st;
    planned->of = arena_copy(arena, of);
    planned->id = arena_copy(arena, id);
    return planned->of && planned->id ? FACTOR_OK : FACTOR_E_NOMEM;
}

const char *
reads_about(struct factor_reads *reads)
{
    const struct factor_query *query = &reads->planned[0].query;

    if (reads->count == 0 || !query->key)
        return "";
    return arena_format(txn_arena(reads->txn), "%s/%s", query->collection,
                        query->key);
}

/* --- The snapshot. --- */

static factor_status
find_owner(struct factor_reads *reads, struct planned *planned)
{
    const struct record *found = NULL;
    factor_status st;

    if (planned->username) {
        st = user_find(reads->txn, planned->username, &found);
        planned->query.key = st == FACTOR_OK ? found->face.id : NULL;
    } else if (planned->of) {
        st = planned->id
                 ? txn_read_id(reads->txn, planned->of, planned->id, &found)
                 : txn_read_name(reads->txn, planned->of, planned->name,
                                 &found);
        planned->query.key = st == FACTOR_OK ? found->face.owner : NULL;
    } else {
        return FACTOR_OK;
    }
    if (st != FACTOR_OK && st != FACTOR_E_NOTFOUND)
        return st;
    planned->nothing = !planned->query.key;
    return FACTOR_OK;
}

static const struct factor_records *
result_new(struct factor_reads *reads, const struct planned *planned,
           const struct record_list *list)
{
    struct factor_arena *arena = txn_arena(reads->txn);
    struct factor_records *result = arena_alloc(arena, sizeof(*result));
    uint32_t count = list ? list->count : 0, i;
    const struct factor_record **records =
        arena_alloc(arena, (count + 1) * sizeof(const void *));

    if (!result || !records)
        return NULL;
    for (i = 0; i < count; i++)
        records[i] = &list->records[i]->face;
    result->struct_size = sizeof(*result);
    result->count = count;
    result->records = records;
    if (planned->query.kind == FACTOR_QUERY_PAGE &&
        count == planned->query.limit)
        result->next = records[count - 1]->id;
    return result;
}

static factor_status
load_one(struct factor_reads *reads, struct planned *planned,
         const struct factor_records **ret_result)
{
    struct record_list *list = NULL;
    factor_status st = find_owner(reads, planned);

    if (st == FACTOR_OK && !planned->nothing)
        st = txn_read(reads->txn, &planned->query, &list);
    if (st != FACTOR_OK)
        return st;
    planned->found = *ret_result = result_new(reads, planned, list);
    return *ret_result ? FACTOR_OK : FACTOR_E_NOMEM;
}

factor_status
reads_load(struct factor_reads *reads,
           const struct factor_records *const **ret_results, size_t *ret_count)
{
    const struct factor_records **results = arena_alloc(
        txn_arena(reads->txn), (reads->count + 1) * sizeof(const void *));
    factor_status st = results ? FACTOR_OK : FACTOR_E_NOMEM;
    size_t i;

    for (i = 0; st == FACTOR_OK && i < reads->count; i++)
        st = load_one(reads, &reads->planned[i], &results[i]);
    if (st == FACTOR_OK) {
        *ret_results = results;
        *ret_count = reads->count;
    }
    return st;
}

/* --- What to wait for. --- */

struct keys {
    struct factor_reads *reads;
    const char **texts;
    size_t count, max;
};

/* As host/start.c names what has moved. */
static void
add_key(struct keys *keys, const char *collection, char mark, const char *id)
{
    struct factor_arena *arena = txn_arena(keys->reads->txn);
    const char *text =
        keys->count < keys->max
            ? arena_format(arena, "%s%c%s", collection, mark, id)
            : NULL;

    if (text)
        keys->texts[keys->count++] = text;
}

/* What is not there yet can be waited for by its id or its owner alone. */
static bool
add_known(struct keys *keys, const struct planned *planned)
{
    const struct factor_query *query = &planned->query;
    bool owned = query->kind == FACTOR_QUERY_OWNED;

    if (!owned && query->kind != FACTOR_QUERY_ID)
        return false;
    if (!planned->nothing)
        add_key(keys, query->collection, owned ? '@' : '/', query->key);
    return true;
}

static void
add_found(struct keys *keys, const struct planned *planned)
{
    uint32_t i;

    for (i = 0; i < planned->found->count; i++)
        add_key(keys, planned->query.collection, '/',
                planned->found->records[i]->id);
}

size_t
reads_keys(struct factor_reads *reads, const char **ret_keys, size_t max)
{
    const struct planned *found[READS_MAX];
    struct keys keys = {.reads = reads, .texts = ret_keys, .max = max};
    size_t found_count = 0, i;

    for (i = 0; i < reads->count; i++)
        if (!add_known(&keys, &reads->planned[i]))
            found[found_count++] = &reads->planned[i];
    for (i = 0; i < found_count; i++)
        add_found(&keys, found[i]);
    return keys.count;
}
