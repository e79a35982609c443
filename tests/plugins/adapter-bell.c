/* SPDX-License-Identifier: MIT */
/* tests/plugins/adapter-bell.c - resources for anyone: one waits for a bell,
 * another rings it and counts who does so wrongly.  In a flow it shows what
 * its inputs are.  For tests; never installed. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "factor/answer.h"
#include "factor/declare.h"
#include "factor/plugin.h"

#define BELLS "bell.bell"

struct factor_adapter {
    const struct factor_host *host;
};

static const struct factor_field *const wait_body[] = {
    FACTOR_FIELD(.name = "seen", .type = FACTOR_FIELD_INTEGER), NULL
};
static const struct factor_field *const ring_body[] = {
    FACTOR_FIELD(.name = "tone", .type = FACTOR_FIELD_STRING,
                 .flags = FACTOR_FIELD_REQUIRED, .max_len = 8),
    NULL
};

static const struct factor_description description = {
    FACTOR_SIZED(factor_description),
    .states = FACTOR_STATES(
        FACTOR_STATE(.name = "READY", .text = "Is there.",
                     .actions = FACTOR_NAMES("pass"),
                     .members = FACTOR_NAMES("inputs")),
        FACTOR_STATE(.name = "BROKEN", .text = "Has a part that fails.",
                     .actions = FACTOR_NAMES("finish"))),
    .actions = FACTOR_ACTIONS(FACTOR_ACTION(.name = "pass"),
                              FACTOR_ACTION(.name = "finish")),
    .page_parts = (const struct factor_page_part *const[]){
        &(const struct factor_page_part){
            FACTOR_SIZED(factor_page_part), .file = "bell-ready.mjs",
            .states = FACTOR_NAMES("READY") },
        &(const struct factor_page_part){
            FACTOR_SIZED(factor_page_part), .file = "bell-broken.mjs",
            .states = FACTOR_NAMES("BROKEN") },
        NULL },
    .codes = FACTOR_CODES(
        FACTOR_CODE("WRONG_TONE", "VALIDATION_ERROR", "Not this bell's tone.",
                    NULL),
        FACTOR_CODE("BELL_TIRED", "REQUEST_LIMITED", "Rung too often.",
                    NULL)),
    .resources = (const struct factor_resource *const[]){
        &(const struct factor_resource){
            FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ANYONE,
            .name = "bell.wait", .method = "POST",
            .path = "/{env}/bells/{bell}/wait", .body = wait_body,
            .flags = FACTOR_RESOURCE_WAITS },
        &(const struct factor_resource){
            FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_DEVICE,
            .name = "bell.ring", .method = "POST",
            .path = "/bells/{bell}", .body = ring_body },
        &(const struct factor_resource){
            FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ANYONE,
            .name = "bell.look", .method = "GET",
            .path = "/bells/{bell}" },
        &(const struct factor_resource){
            FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ANYONE,
            .name = "bell.break", .method = "DELETE",
            .path = "/bells/{bell}" },
        &(const struct factor_resource){
            FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,
            .name = "bell.list", .method = "GET",
            .path = "/v1/environments/{env}/bells" },
        &(const struct factor_resource){
            FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ANYONE,
            .name = "bell.any", .method = "POST", .path = "/{env}/{rest}" },
        NULL },
};

static const struct factor_description *
describe(const struct factor_adapter *self)
{
    (void)self;
    return &description;
}

static factor_status
init(const struct factor_host *host, const json_t *given,
     struct factor_adapter **ret_self, struct factor_error *err)
{
    struct factor_adapter *self = calloc(1, sizeof(*self));

    (void)given;
    (void)err;
    if (!self)
        return FACTOR_E_NOMEM;
    self->host = host;
    *ret_self = self;
    return FACTOR_OK;
}

static void
fini(struct factor_adapter *self)
{
    free(self);
}

static factor_status
plan_reads(const struct factor_adapter *self, const struct factor_step *step,
           struct factor_reads *reads)
{
    const char *bell = factor_string(step->path, "bell");

    return bell ? self->host->read_id(reads, BELLS, bell) : FACTOR_OK;
}

static factor_status
get_state_model(const struct factor_adapter *self,
                const struct factor_step *step,
                struct factor_model *ret_model, struct factor_error *err)
{
    static const char *const pass[] = { "pass", NULL };
    static const char *const finish[] = { "finish", NULL };
    int broken = strcmp(step->flow->state, "BROKEN") == 0;

    (void)self;
    (void)err;
    ret_model->state = broken ? "BROKEN" : "READY";
    ret_model->actions = broken ? finish : pass;
    if (!broken)
        ret_model->view =
            json_pack("{s:o}", "inputs", json_deep_copy(step->inputs));
    return FACTOR_OK;
}

static factor_status
handle_action(const struct factor_adapter *self,
              const struct factor_step *step,
              struct factor_outcome *ret_outcome, struct factor_error *err)
{
    (void)self;
    (void)err;
    if (step->action && strcmp(step->action, "finish") == 0)
        return factor_prove(ret_outcome, FACTOR_KIND_POSSESSION, NULL);
    return factor_stay(ret_outcome, step->action ? "BROKEN" : "READY");
}

/* --- Resources. --- */

/* A member of the bell's record, counted up by one. */
static factor_status
count(const struct factor_adapter *self, const struct factor_step *step,
      const char *member)
{
    const struct factor_record *bell = factor_read_one(step, 0);
    json_t *body = bell ? json_deep_copy(bell->body)
                        : json_pack("{s:i}", "v", 1);
    const struct factor_put put = {
        FACTOR_SIZED(factor_put), .collection = BELLS,
        .id = factor_string(step->path, "bell"),
        .version = bell ? bell->version : 0, .body = body
    };
    factor_status status;

    json_object_set_new(body, member,
                        json_integer(factor_integer(body, member) + 1));
    status = self->host->put(step->effects, &put);
    json_decref(body);
    return status;
}

static json_t *
seen(const struct factor_step *step)
{
    const struct factor_record *bell = factor_read_one(step, 0);

    return json_pack("{s:I, s:I}", "rung",
                     bell ? (json_int_t)factor_integer(bell->body, "rung") : 0,
                     "wrong",
                     bell ? (json_int_t)factor_integer(bell->body, "wrong")
                          : 0);
}

static factor_status
handle_wait(const struct factor_step *step, struct factor_outcome *outcome)
{
    outcome->body = seen(step);
    outcome->verdict = factor_integer(outcome->body, "rung") >
                               factor_integer(step->fields, "seen")
                           ? FACTOR_SUCCESS
                           : FACTOR_CONTINUE;
    return FACTOR_OK;
}

/* The third wrong one in a row and later ones are to wait. */
static factor_status
refuse(const struct factor_adapter *self, const struct factor_step *step,
       struct factor_outcome *outcome)
{
    const struct factor_record *bell = factor_read_one(step, 0);
    int64_t wrong = bell ? factor_integer(bell->body, "wrong") : 0;
    factor_status status = count(self, step, "wrong");

    if (status)
        return status;
    if (wrong >= 2) {
        outcome->status = 429;
        return factor_refuse(self->host, step, outcome,
                             FACTOR_DETAIL(.code = "BELL_TIRED",
                                           .attempts_remaining = -1,
                                           .retry_at_ms =
                                               step->now_ms + 2500));
    }
    return factor_refuse(self->host, step, outcome,
                         FACTOR_DETAIL(.code = "WRONG_TONE", .target = "tone",
                                       .attempts_remaining =
                                           (int32_t)(1 - wrong),
                                       .inner = step->fields));
}

static factor_status
handle_ring(const struct factor_adapter *self, const struct factor_step *step,
            struct factor_outcome *outcome)
{
    if (strcmp(factor_string(step->fields, "tone"), "ding") != 0)
        return refuse(self, step, outcome);
    outcome->verdict = FACTOR_SUCCESS;
    outcome->status = 201;
    outcome->body = json_pack("{s:s, s:s, s:s}", "issuer",
                              self->host->base_url, "environment",
                              self->host->environment, "thumbprint",
                              self->host->issuer_thumbprint);
    return count(self, step, "rung");
}

static factor_status
handle_look(const struct factor_step *step, struct factor_outcome *outcome)
{
    outcome->verdict = FACTOR_SUCCESS;
    outcome->body = factor_read_one(step, 0) ? seen(step) : NULL;
    return FACTOR_OK;
}

static factor_status
handle_resource(const struct factor_adapter *self,
                const struct factor_step *step,
                struct factor_outcome *ret_outcome, struct factor_error *err)
{
    const char *name = step->resource->name;

    (void)err;
    if (strcmp(name, "bell.wait") == 0)
        return handle_wait(step, ret_outcome);
    if (strcmp(name, "bell.ring") == 0)
        return handle_ring(self, step, ret_outcome);
    if (strcmp(name, "bell.break") == 0)
        return factor_fail(ret_outcome); /* a resource must not */
    return handle_look(step, ret_outcome);
}

static const struct factor_adapter_ops ops = {
    .struct_size = sizeof(ops),
    .init = init,
    .describe = describe,
    .plan_reads = plan_reads,
    .get_state_model = get_state_model,
    .handle_action = handle_action,
    .handle_resource = handle_resource,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "bell", "1.0",
                       "Has resources that anyone may call.", NULL, &ops)
