/* SPDX-License-Identifier: MIT */
/* host/record/record.c - one immutable version of a record, shared by count.
 */
#include "host/record/record.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/json.h"

static size_t
text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *
text_move(char **next, const char *text)
{
    char *copy = *next;

    if (!text)
        return NULL;
    memcpy(copy, text, text_size(text));
    *next += text_size(text);
    return copy;
}

/* What a JSON value takes in memory, about: enough for a bound. */
static size_t
json_cost(const json_t *json)
{
    const char *key;
    json_t *value;
    size_t cost = 48, i;

    if (json_is_string(json))
        return cost + json_string_length(json);
    if (json_is_array(json))
        json_array_foreach(json, i, value)
            cost += 8 + json_cost(value);
    if (json_is_object(json)) {
        cost += 160;
        json_object_foreach(json_unconst(json), key, value)
            cost += 64 + strlen(key) + json_cost(value);
    }
    return cost;
}

struct record *
record_new(const struct factor_record *face, json_t *body, int64_t due_at_ms)
{
    size_t texts = text_size(face->collection) + text_size(face->id) +
                   text_size(face->owner) + text_size(face->name);
    struct record *record = malloc(sizeof(*record) + texts);
    char *next;

    if (!record || !body) {
        json_decref(body);
        free(record);
        return NULL;
    }
    next = record->texts;
    record->face = *face;
    record->face.struct_size = sizeof(record->face);
    record->face.collection = text_move(&next, face->collection);
    record->face.id = text_move(&next, face->id);
    record->face.owner = text_move(&next, face->owner);
    record->face.name = text_move(&next, face->name);
    record->face.body = record->body = body;
    record->due_at_ms = due_at_ms;
    record->cost = sizeof(*record) + texts + json_cost(body);
    record->key_version = 0;
    atomic_init(&record->references, 1);
    return record;
}

struct record *
record_ref(struct record *record)
{
    atomic_fetch_add(&record->references, 1);
    return record;
}

void
record_unref(struct record *record)
{
    if (!record || atomic_fetch_sub(&record->references, 1) != 1)
        return;
    json_decref(record->body);
    free(record);
}

struct record_list *
record_list_new(size_t count)
{
    struct record_list *list =
        calloc(1, sizeof(*list) + count * sizeof(list->records[0]));

    if (!list)
        return NULL;
    atomic_init(&list->references, 1);
    list->count = (uint32_t)count;
    return list;
}

struct record_list *
record_list_ref(struct record_list *list)
{
    atomic_fetch_add(&list->references, 1);
    return list;
}

void
record_list_unref(struct record_list *list)
{
    uint32_t i;

    if (!list || atomic_fetch_sub(&list->references, 1) != 1)
        return;
    for (i = 0; i < list->count; i++)
        record_unref(list->records[i]);
    free(list);
}

struct record_list *
record_list_with(const struct record_list *list, const char *id,
                 struct record *record)
{
    struct record_list *changed = record_list_new(list->count + 1);
    uint32_t from, to = 0;
    bool placed = record == NULL;
    int order;

    if (!changed)
        return NULL;
    for (from = 0; from < list->count; from++) {
        order = strcmp(list->records[from]->face.id, id);
        if (!placed && order >= 0) {
            changed->records[to++] = record_ref(record);
            placed = true;
        }
        if (order != 0)
            changed->records[to++] = record_ref(list->records[from]);
    }
    if (!placed)
        changed->records[to++] = record_ref(record);
    changed->count = to;
    return changed;
}
