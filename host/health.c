/* SPDX-License-Identifier: MIT */
/* host/health.c - /healthz and /readyz. */
#include "host/health.h"

#include "factor/user.h"
#include "host/host.h"

static void
healthz(struct http_request *request)
{
    http_reply(request, http_reply_static(200, "text/plain", "ok\n", 3));
}

/* A read that never comes from the cache. */
static bool
store_answers(const struct host *host)
{
    const struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = FACTOR_QUERY_PAGE,
        .collection = FACTOR_USERS,
        .limit = 1,
    };
    struct record_list *list;

    if (database_read(host->database, &query, &list, NULL) != FACTOR_OK)
        return false;
    record_list_unref(list);
    return true;
}

static void
readyz(struct http_request *request)
{
    if (store_answers(http_context(request)))
        http_reply(request, http_reply_static(200, "text/plain", "ready\n", 6));
    else
        http_reply(request, http_reply_static(
                                503, "text/plain",
                                "the store cannot be read\n", 25));
}

const struct http_route health_routes[] = {
    {"/healthz", "healthz", HTTP_GET, 0, 0, healthz},
    {"/readyz", "readyz", HTTP_GET, 0, 0, readyz},
    {0},
};
