/* SPDX-License-Identifier: MIT */
/* host/host.h - the running host: its parts, made by main and constant while
 * requests are served. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdatomic.h>
#include <stdint.h>

#include "host/config/config.h"
#include "host/flow/policy.h"
#include "host/keys.h"
#include "host/plugin/adapter.h"
#include "host/record/database.h"
#include "host/text.h"

struct clients; /* host/oauth/client.h */
struct lanes;   /* host/step/lanes.h */
struct outbox;  /* host/outbox/outbox.h */
struct rest;    /* host/rest/rest.h */
struct pages;   /* host/pages/pages.h */
struct park;    /* host/http/park.h */
struct pool;    /* host/step/pool.h */
struct renderer;
struct sources; /* host/plugin/sources.h */
struct sweep;   /* host/sweep.h */

struct host {
    struct config *config;
    struct keys *keys;
    struct database *database;
    struct texts *texts;
    struct adapter *adapters; /* adapter_count of them */
    size_t adapter_count;
    struct policies *policies;
    struct clients *clients;
    struct sources *sources;
    struct backends *backends; /* host/outbox/backends.h */
    struct outbox *outbox;
    const struct renderer *renderer; /* host/outbox/render.h */
    struct sweep *sweep;
    struct pages *pages;
    struct rest *rest;
    struct lanes *lanes;
    struct lanes *crowds; /* by kind of job, without a limit */
    struct lanes *places; /* for steps under way, all together */
    struct pool *slow;
    struct buckets *buckets; /* host/step/buckets.h */
    struct strangers *strangers; /* or NULL: unknown names are not counted */
    struct park *park;
    struct rendered *rendered; /* host/flow/rendered.h */
    struct proven *proven;     /* host/oauth/proven.h */
    const char *listen;      /* where the public listener is, for the log */
    const char *base_url;    /* without a slash at its end */
    const char *base_origin; /* scheme, host and port of it */
    int64_t started_ms;
    atomic_llong *answer_floor_ms; /* least time of answers that are held back
                                    * (W1): raised by what was measured */
};

/* An adapter instance by name, or NULL.  Any thread. */
const struct adapter *host_adapter(const struct host *host, const char *name);

#endif
