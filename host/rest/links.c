/* SPDX-License-Identifier: MIT */
/* host/rest/links.c - what the host adds to the answers of resources. */
#include "host/rest/links.h"

#include <string.h>

#include "host/jose/jose.h"
#include "host/json.h"
#include "host/oauth/reply.h"

/* What all links of one answer are made from. */
struct links {
    struct factor_arena *arena;
    const char *base; /* "https://mfa.example.org:8443" */
    const char *environment;
    const char *user; /* whose it is, or NULL */
    const char *path; /* of the request, as it stands in a URL */
};

/* --- The path, written as a URL has it. --- */

/* unreserved and sub-delims (RFC 3986 3.3), and what divides a path. */
static bool
is_plain(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte && strchr("0123456789-._~!$&'()*+,;=:@/", byte));
}

static const char *
encoded(struct factor_arena *arena, const char *path)
{
    static const char hex[] = "0123456789ABCDEF";
    char *text = arena_alloc(arena, 3 * strlen(path) + 1), *to = text;

    for (; text && *path; path++) {
        if (is_plain(*path)) {
            *to++ = *path;
            continue;
        }
        *to++ = '%';
        *to++ = hex[(unsigned char)*path >> 4];
        *to++ = hex[*path & 15];
    }
    return text ? text : "";
}

/* --- One object. --- */

static json_t *
link_to(const struct links *links, const char *path)
{
    const char *base = path[0] == '/' ? links->base : "";

    return json_pack("{s:s+}", "href", base, path);
}

/* As its maker wrote it, but absolute; {} leads to self. */
static json_t *
completed(const struct links *links, const json_t *link, const char *self)
{
    const char *href = json_text(link, "href");
    json_t *copy;

    if (!json_is_object(link) || json_object_size(link) == 0)
        return link_to(links, self);
    copy = json_copy(json_unconst(link));
    if (href && href[0] == '/')
        json_object_update_new(copy, link_to(links, href));
    return copy;
}

static void
add_link(const struct links *links, json_t *all, const char *name,
         const char *path)
{
    if (!json_object_get(all, name))
        json_object_set_new(all, name, link_to(links, path));
}

static json_t *
links_of(const struct links *links, const json_t *given, const char *self)
{
    const char *environment = arena_format(
        links->arena, "/v1/environments/%s", links->environment);
    json_t *all = json_object();
    const json_t *link;
    const char *name;

    json_object_foreach (json_unconst(given), name, link)
        json_object_set_new(all, name, completed(links, link, self));
    add_link(links, all, "self", self);
    add_link(links, all, "environment", environment ? environment : "");
    if (links->user)
        add_link(links, all, "user",
                 arena_format(links->arena, "%s/users/%s",
                              environment ? environment : "", links->user));
    return all;
}

static void
add_reference(json_t *object, const char *name, const char *id)
{
    if (id && !json_object_get(object, name))
        json_object_set_new(object, name, json_pack("{s:s}", "id", id));
}

/* An object that a resource answers, found at this path.  A new reference. */
static json_t *
complete(const struct links *links, const json_t *given, const char *self)
{
    json_t *object = json_copy(json_unconst(given));

    if (!object)
        return NULL;
    json_object_set_new(
        object, "_links",
        links_of(links, json_object_get(given, "_links"), self));
    if (json_object_get(object, "id")) {
        add_reference(object, "environment", links->environment);
        add_reference(object, "user", links->user);
    }
    return object;
}

/* --- Lists. --- */

static const char *
path_below(const struct links *links, const json_t *entry)
{
    const char *id = json_text(entry, "id");

    return id ? arena_format(links->arena, "%s/%s", links->path, id)
              : links->path;
}

static json_t *
complete_entries(const struct links *links, const json_t *given)
{
    json_t *entries = json_array();
    const json_t *entry;
    size_t i;

    json_array_foreach (json_unconst(given), i, entry)
        json_array_append_new(entries, complete(links, entry,
                                                path_below(links, entry)));
    return entries;
}

/* The way to the next page: the same call with another cursor. */
static json_t *
link_next(const struct links *links, const struct rest_call *call)
{
    const json_t *limit = json_object_get(call->query, "limit");
    size_t size = JOSE_B64URL_SIZE(strlen(call->next));
    char *cursor = arena_alloc(links->arena, size);
    const char *path;

    if (!cursor || jose_b64url_encode(call->next, strlen(call->next), cursor,
                                      size) != FACTOR_OK)
        return NULL;
    path = arena_format(links->arena, "%s?limit=%lld&cursor=%s", links->path,
                        (long long)json_integer_value(limit), cursor);
    return path ? link_to(links, path) : NULL;
}

static json_t *
complete_list(const struct links *links, const struct rest_call *call)
{
    const char *name = call->resource->list;
    json_t *entries =
        complete_entries(links, json_object_get(call->answer, name));
    json_t *embedded = json_copy(json_unconst(call->answer));
    json_t *all = links_of(links, json_object_get(call->answer, "_links"),
                           links->path);
    json_int_t size = (json_int_t)json_array_size(entries);
    json_t *list;

    json_object_del(embedded, "_links");
    json_object_set_new(embedded, name, entries);
    if (call->next)
        json_object_set_new(all, "next", link_next(links, call));
    list = json_pack("{s:o, s:o, s:I}", "_links", all, "_embedded", embedded,
                     "size", size);
    /* Of a list in pages nobody has counted the rest. */
    if (!call->next && !json_object_get(call->query, "after"))
        json_object_set_new(list, "count", json_integer(size));
    return list;
}

/* Below a user, not the user himself. */
static const char *
user_above(const struct rest_call *call)
{
    return strstr(call->resource->path, "{user}/")
               ? json_text(call->path, "user")
               : NULL;
}

json_t *
links_complete(const struct host *host, struct http_request *request,
               const struct rest_call *call, struct factor_arena *arena)
{
    const struct links links = {
        .arena = arena,
        .base = rest_base(host),
        .environment = keys_environment(host->keys),
        .user = user_above(call),
        .path = encoded(arena, http_path(request)),
    };

    if (!json_is_object(call->answer))
        return json_share(call->answer);
    if (call->resource->list)
        return complete_list(&links, call);
    return complete(&links, call->answer,
                    call->status == 201 ? path_below(&links, call->answer)
                                        : links.path);
}

const char *
links_self(const json_t *answer)
{
    return json_text(
        json_object_get(json_object_get(answer, "_links"), "self"), "href");
}
