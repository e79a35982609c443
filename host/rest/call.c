/* SPDX-License-Identifier: MIT */
/* host/rest/call.c - what a call asks for. */
#include "host/rest/call.h"

#include <string.h>
#include <strings.h>

#include "factor/declare.h"
#include "host/jose/jose.h"
#include "host/json.h"
#include "host/plugin/fields.h"
#include "host/rest/error.h"
#include "host/rest/filter.h"
#include "host/rest/tables.h"

enum { PAGE_MAX = 1000, PAGE_DEFAULT = 100 };

#define PLAIN "application/json"

/* --- Which operation. --- */

static bool
same_type(const char *given, size_t len, const char *type)
{
    return len == strlen(type) && strncasecmp(given, type, len) == 0;
}

/* One with a body is told by its type; one without does not mind, but for the
 * actions, whose type is all that they are. */
static bool
means(const struct factor_resource *resource, const char *given, size_t len)
{
    if (resource->media_type)
        return same_type(given, len, resource->media_type);
    return same_type(given, len, PLAIN) || (!resource->body && len == 0);
}

bool
call_operation(struct http_request *request, struct rest_call *call)
{
    const char *given = http_header(request, "Content-Type");
    size_t len = given ? strcspn(given, "; \t") : 0, count, i;
    const struct rest_operation *all = rest_operations(request, &count);

    call->operation = all;
    call->resource = all->resource;
    for (i = 0; i < count; i++)
        if (means(all[i].resource, given ? given : "", len)) {
            call->operation = &all[i];
            call->resource = all[i].resource;
            return true;
        }
    return count == 1 && !all->resource->body && !all->resource->media_type;
}

/* --- Path and query. --- */

static json_t *
path_variables(struct job *job, const struct factor_resource *resource)
{
    json_t *path = arena_keep_json(job->arena, json_object());
    const char *at = resource->path;
    char *name;
    size_t len;

    while ((at = strchr(at, '{'))) {
        len = strcspn(++at, "}");
        name = arena_copy_len(job->arena, at, len);
        if (name)
            json_set_text(path, name, http_variable(job->request, name));
    }
    return path;
}

static bool
add_query(void *context, const char *name, const char *value)
{
    json_set_text(context, name, value);
    return true;
}

static void
refuse_query(struct rest_faults *faults, const char *code, const char *name,
             const char *message, json_t *inner)
{
    if (!faults->error)
        faults->error = rest_error(faults->id, "INVALID_REQUEST", NULL);
    rest_error_add(faults->error, code, name, message, inner);
}

static void
read_filter(const struct factor_resource *resource, const json_t *given,
            json_t *query, struct rest_faults *faults)
{
    const char *filter = json_text(given, "filter");
    json_t *read;

    if (!resource->filters || !filter)
        return;
    read = filter_read(filter, resource->filters);
    if (read)
        json_object_set_new(query, "filter", read);
    else
        refuse_query(faults, "INVALID_FILTER", "filter",
                     "The filter is not supported.",
                     filter_offer(resource->filters));
}

/* Opaque to callers; what the page before ended with. */
static void
read_cursor(struct job *job, const json_t *given, json_t *query,
            struct rest_faults *faults)
{
    const char *cursor = json_text(given, "cursor");
    char *after = cursor ? arena_alloc(job->arena, strlen(cursor) + 1) : NULL;
    size_t len;

    if (!cursor)
        return;
    if (!after ||
        jose_b64url_decode(cursor, strlen(cursor), after, strlen(cursor),
                           &len) != FACTOR_OK ||
        strlen(after) != len ||
        json_object_set_new(query, "after", json_string(after)))
        refuse_query(faults, "INVALID_PARAMETER", "cursor",
                     "The cursor is none that was given out.", NULL);
}

static const struct factor_field *const page_query[] = {
    FACTOR_FIELD(.type = FACTOR_FIELD_INTEGER, .name = "limit", .min = 1,
                 .max = PAGE_MAX),
    NULL};

static void
read_page(struct job *job, const struct factor_resource *resource,
          const json_t *given, json_t *query, struct rest_faults *faults)
{
    json_t *page;

    if (!(resource->flags & FACTOR_RESOURCE_PAGED))
        return;
    page = fields_check(page_query, given, rest_error_parameter, faults);
    json_object_set_new(query, "limit", json_integer(PAGE_DEFAULT));
    json_object_update(query, page);
    json_decref(page);
    read_cursor(job, given, query, faults);
}

static json_t *
read_query(struct job *job, const struct factor_resource *resource,
           struct rest_faults *faults)
{
    json_t *given = arena_keep_json(job->arena, json_object()), *query;

    http_each_query(job->request, add_query, given);
    query = arena_keep_json(
        job->arena,
        fields_check(resource->query, given, rest_error_parameter, faults));
    read_filter(resource, given, query, faults);
    read_page(job, resource, given, query, faults);
    return query;
}

/* --- The body. --- */

static json_t *
read_body(struct job *job, const struct factor_resource *resource,
          struct rest_faults *faults)
{
    size_t len;
    const char *text = http_body(job->request, &len);
    json_t *given;

    if (!resource->body)
        return NULL;
    given = arena_keep_json(
        job->arena, json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL));
    if (!json_is_object(given)) {
        faults->error = rest_error(faults->id, "INVALID_REQUEST",
                                   "The body is no JSON object.");
        return NULL;
    }
    return arena_keep_json(
        job->arena,
        fields_check(resource->body, given, rest_error_field, faults));
}

json_t *
call_read(struct job *job, struct rest_call *call)
{
    struct rest_faults faults = {call->id, NULL};

    call->path = path_variables(job, call->resource);
    call->query = read_query(job, call->resource, &faults);
    if (!faults.error)
        call->body = read_body(job, call->resource, &faults);
    return faults.error;
}
