/* SPDX-License-Identifier: MIT */
/* host/flow/finish.c - what a flow ends with: the authorization response. */
#include "host/flow/finish.h"

#include <string.h>

#include "host/json.h"
#include "host/oauth/grant.h"

factor_status
finish_flow(const struct host *host, struct txn *txn, struct flow *flow,
            const struct policy *policy)
{
    char code[GRANT_CODE + 1];
    factor_status st = grant_issue(host, txn, flow, policy, code);

    if (st == FACTOR_OK)
        flow_set_code(flow, code);
    explicit_bzero(code, sizeof(code));
    return st;
}

/* Where the browser goes on (P5): the flow's session guards it, so the flow's
 * own id will do.  A failed flow goes there too, to fetch its error (S8). */
static json_t *
resume_view(const struct host *host, const struct flow *flow)
{
    return json_pack("{s:s+++}", "resumeUrl", host->base_url, "/as/", flow->id,
                     "/resume/as/authorization.ping");
}

static json_t *
response_view(const struct flow *flow)
{
    const json_t *request = json_object_get(flow->body, "request");

    return json_pack("{s:{s:s, s:s*}}", "authorizeResponse", "code",
                     flow_code(flow), "state", json_text(request, "state"));
}

json_t *
finish_view(const struct host *host, struct txn *txn, struct flow *flow)
{
    const char *mode = json_text(flow->body, "mode");
    json_t *view = NULL;

    if (mode && strcmp(mode, "redirect") == 0)
        view = resume_view(host, flow);
    else if (flow_code(flow))
        view = response_view(flow);
    return view ? arena_keep_json(txn_arena(txn), view) : NULL;
}
