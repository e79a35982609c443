/* SPDX-License-Identifier: MIT */
/* testlib/records.c - the records of the fake host: a sorted JSON array. */
#include "testlib/fake.h"

#include <ctype.h>
#include <string.h>

/* Case folding as far as tests need it: ASCII. */
void
fake_fold(const char *text, char *ret_folded, size_t size)
{
    size_t i;

    for (i = 0; text[i] && i + 1 < size; i++)
        ret_folded[i] = (char)tolower((unsigned char)text[i]);
    ret_folded[i] = '\0';
}

static int
compare(const json_t *record, const char *collection, const char *id)
{
    int order = strcmp(fake_get(record, "collection"), collection);

    return order ? order : strcmp(fake_get(record, "id"), id);
}

/* Where the record is, or where it would be. */
static size_t
place_of(const json_t *records, const char *collection, const char *id,
         bool *ret_there)
{
    size_t i, count = json_array_size(records);
    int order = 1;

    for (i = 0; i < count; i++) {
        order = compare(json_array_get(records, i), collection, id);
        if (order >= 0)
            break;
    }
    *ret_there = i < count && order == 0;
    return i;
}

json_t *
fake_find(const json_t *records, const char *collection, const char *id)
{
    bool there;
    size_t place = place_of(records, collection, id, &there);

    return there ? json_array_get(records, place) : NULL;
}

void
fake_store(json_t *records, json_t *record)
{
    bool there;
    size_t place = place_of(records, fake_get(record, "collection"),
                            fake_get(record, "id"), &there);

    if (there ? json_array_set_new(records, place, record)
              : json_array_insert_new(records, place, record))
        fake_must(NULL);
}

static bool
same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* --- Reads --- */

static json_t *
named(const json_t *records, const char *collection, const char *name)
{
    json_t *record;
    size_t i;

    json_array_foreach(records, i, record)
        if (same(fake_get(record, "collection"), collection) &&
            same(fake_get(record, "name"), name))
            return record;
    return NULL;
}

static json_t *
with_id(const json_t *records, const char *collection, const char *id)
{
    json_t *record;
    size_t i;

    json_array_foreach(records, i, record)
        if (same(fake_get(record, "collection"), collection) &&
            same(fake_get(record, "id"), id))
            return record;
    return NULL;
}

/* Of whom the record that is named is: a user is his own. */
static const char *
owner_of(const json_t *records, const json_t *read)
{
    if (same(fake_get(read, "read"), "username_owned"))
        return fake_get(named(records, FACTOR_USERS,
                              fake_get(read, "username")), "id");
    if (same(fake_get(read, "read"), "id_owned"))
        return fake_get(with_id(records, fake_get(read, "of"),
                                fake_get(read, "id")), "owner");
    return fake_get(named(records, fake_get(read, "named"),
                          fake_get(read, "name")), "owner");
}

static bool
matches(const json_t *records, const json_t *read, const json_t *record)
{
    const char *kind = fake_get(read, "read"), *after;

    if (!same(fake_get(record, "collection"), fake_get(read, "collection")))
        return false;
    if (same(kind, "id"))
        return same(fake_get(record, "id"), fake_get(read, "id"));
    if (same(kind, "name"))
        return same(fake_get(record, "name"), fake_get(read, "name"));
    if (same(kind, "owned"))
        return same(fake_get(record, "owner"), fake_get(read, "owner"));
    if (same(kind, "page")) {
        after = fake_get(read, "after");
        return !after || strcmp(fake_get(record, "id"), after) > 0;
    }
    if (same(fake_get(read, "collection"), FACTOR_USERS))
        return same(fake_get(record, "id"), owner_of(records, read));
    return same(fake_get(record, "owner"), owner_of(records, read));
}

static json_t *
answer_one(const json_t *records, const json_t *read)
{
    size_t i, limit = (size_t)fake_int(read, "limit");
    json_t *found = fake_must(json_array()), *record;
    const char *next = NULL;

    json_array_foreach(records, i, record) {
        if (!matches(records, read, record))
            continue;
        if (json_array_size(found) == limit) {
            if (same(fake_get(read, "read"), "page"))
                next = fake_get(json_array_get(found, limit - 1), "id");
            break;
        }
        json_array_append_new(found, fake_must(json_deep_copy(record)));
    }
    return fake_must(
        json_pack("{s:o, s:o}", "records", found, "next", fake_text(next)));
}

json_t *
fake_read(const json_t *records, const json_t *plan)
{
    json_t *found = fake_must(json_array()), *read;
    size_t i;

    json_array_foreach(plan, i, read)
        json_array_append_new(found, answer_one(records, read));
    return found;
}

/* --- Commit --- */

static json_int_t
version_of(const json_t *records, const char *collection, const char *id)
{
    return fake_int(fake_find(records, collection, id), "version");
}

static bool
name_is_free(const json_t *records, const json_t *put)
{
    const char *name = fake_get(put, "name");
    json_t *record;
    size_t i;

    json_array_foreach(records, i, record)
        if (same(fake_get(record, "collection"), fake_get(put, "collection")) &&
            same(fake_get(record, "name"), name) &&
            !same(fake_get(record, "id"), fake_get(put, "id")))
            return false;
    return true;
}

static bool
fits(const json_t *records, const json_t *decision)
{
    json_t *change;
    size_t i;

    json_array_foreach(json_object_get(decision, "puts"), i, change)
        if (version_of(records, fake_get(change, "collection"),
                       fake_get(change, "id")) != fake_int(change, "version") ||
            !name_is_free(records, change))
            return false;
    json_array_foreach(json_object_get(decision, "removes"), i, change)
        if (version_of(records, fake_get(change, "collection"),
                       fake_get(change, "id")) != fake_int(change, "version"))
            return false;
    return true;
}

static void
apply_put(json_t *records, const json_t *put)
{
    json_t *record = fake_must(json_deep_copy(put)), *old;

    old = fake_find(records, fake_get(put, "collection"), fake_get(put, "id"));
    if (old && !fake_get(put, "name"))
        json_object_set(record, "name", json_object_get(old, "name"));
    fake_set(record, "version", json_integer(fake_int(put, "version") + 1));
    fake_store(records, record);
}

static void
apply_remove(json_t *records, const json_t *gone)
{
    bool there;
    size_t place = place_of(records, fake_get(gone, "collection"),
                            fake_get(gone, "id"), &there);

    if (there)
        json_array_remove(records, place);
}

bool
fake_commit(json_t *records, const json_t *decision)
{
    json_t *change;
    size_t i;

    if (!fits(records, decision))
        return false;
    json_array_foreach(json_object_get(decision, "puts"), i, change)
        apply_put(records, change);
    json_array_foreach(json_object_get(decision, "removes"), i, change)
        apply_remove(records, change);
    return true;
}
