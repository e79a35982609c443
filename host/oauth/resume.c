/* SPDX-License-Identifier: MIT */
/* host/oauth/resume.c - back to the client (P5).
 *
 * It only reads: the code was issued in the commit that ended the flow, so a
 * repeat finds the same one, and there is never a second. */
#include "host/oauth/resume.h"

#include <string.h>
#include <strings.h>

#include "host/api/api.h"
#include "host/flow/flow.h"
#include "host/json.h"
#include "host/oauth/grant.h"
#include "host/oauth/reply.h"

struct resume {
    const char *flow, *cookie;
    const char *url;      /* to go to, in the job's arena; NULL: a page */
    const char *page_key; /* its text */
    unsigned status;
};

/* How browsers say that nobody has asked for the page yet. */
static const char *const prefetch_headers[] = {"Sec-Purpose", "Purpose",
                                               "X-Purpose", "X-Moz"};

static bool
is_prefetch(const struct http_request *request)
{
    const size_t count =
        sizeof(prefetch_headers) / sizeof(prefetch_headers[0]);
    const char *value;
    size_t i;

    for (i = 0; i < count; i++) {
        value = http_header(request, prefetch_headers[i]);
        if (value && (strcasestr(value, "prefetch") ||
                      strcasestr(value, "prerender") ||
                      strcasestr(value, "preview")))
            return true;
    }
    return false;
}

static void
show(struct resume *resume, unsigned status, const char *key)
{
    resume->url = NULL;
    resume->status = status;
    resume->page_key = key;
}

/* --- Where to. --- */

static void
go(struct job *job, const struct flow *flow, const char *name,
   const char *value)
{
    struct resume *resume = job->state;
    const json_t *request = json_object_get(flow->body, "request");
    const char *uri = json_text(request, "redirect_uri");
    const struct oauth_pair pairs[] = {
        {name, value},
        {"state", json_text(request, "state")},
        {"iss", job->host->base_url},
        {NULL, NULL},
    };

    if (uri)
        resume->url = oauth_url(job->arena, uri, pairs);
}

static factor_status
go_with_code(struct job *job, struct txn *txn, const struct flow *flow)
{
    const char *code = flow_code(flow);
    const struct record *grant;
    factor_status st =
        code ? grant_of_code(txn, code, &grant) : FACTOR_E_NOTFOUND;

    if (st == FACTOR_OK && grant_code_alive(grant, txn_now(txn)))
        go(job, flow, "code", code);
    return st == FACTOR_E_NOTFOUND ? FACTOR_OK : st;
}

/* S8: why is not the client's to know. */
static void
go_with_error(struct job *job, struct txn *txn, const struct flow *flow)
{
    int64_t ended = json_number(flow->body, "endedAt", 0);

    if (txn_now(txn) <
        ended + config_number(job->host->config, "/flow/finished_grace"))
        go(job, flow, "error", "access_denied");
}

static bool
is(const struct flow *flow, const char *member, const char *wanted)
{
    const char *text = json_text(flow->body, member);

    return text && strcmp(text, wanted) == 0;
}

static bool
is_ours(struct txn *txn, const struct flow *flow, const char *cookie)
{
    const char *session = json_text(flow->body, "session");

    return session && is(flow, "mode", "redirect") &&
           !is(flow, "status", "active") &&
           session_claim(txn, session, cookie) == SESSION_NEWEST;
}

static int
decide(struct job *job, struct txn *txn, struct factor_error *err)
{
    struct resume *resume = job->state;
    struct flow flow;
    factor_status st = flow_read(txn, resume->flow, &flow);

    (void)err;
    show(resume, 404, "factord.signon.unknown");
    if (st == FACTOR_E_NOTFOUND)
        return FACTOR_OK;
    if (st != FACTOR_OK || !is_ours(txn, &flow, resume->cookie))
        return st;
    show(resume, 200, "factord.signon.complete");
    if (is(&flow, "status", "completed"))
        return go_with_code(job, txn, &flow);
    go_with_error(job, txn, &flow);
    return FACTOR_OK;
}

/* --- The handler. --- */

static struct http_reply *
answer(struct job *job, int st)
{
    const struct resume *resume = job->state;

    if (st != FACTOR_OK)
        return NULL;
    if (resume->url)
        return oauth_redirect(resume->url);
    return oauth_page(job->host, job->request, resume->status,
                      resume->page_key);
}

static const struct job_kind kind = {"resume", decide, answer, false};

void
resume_handle(struct http_request *request)
{
    struct resume *resume;
    struct job *job;

    if (is_prefetch(request)) {
        http_reply(request,
                   oauth_error(400, "invalid_request",
                               "This address is not to be fetched ahead."));
        return;
    }
    job = job_new(&kind, request);
    resume = job ? arena_alloc(job->arena, sizeof(*resume)) : NULL;
    if (!resume) {
        http_reply(request, NULL);
        return;
    }
    job->state = resume;
    resume->flow = http_variable(request, "flow");
    resume->cookie = http_cookie(request, "PF");
    job_start(job, NULL);
}
