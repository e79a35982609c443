/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/rest.c - the MFA service REST API: how a call is
 * planned, loaded and answered. */
#include "plugin/adapter-mfa/rest/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/rest/face.h"

static const struct mfa_operation *const rooms[] = {
    mfa_rest_users, mfa_rest_devices, mfa_rest_pairing_keys, mfa_rest_auths,
    mfa_rest_settings, mfa_rest_policies, mfa_rest_applications,
    mfa_rest_push_keys,
};

enum { ROOMS = sizeof(rooms) / sizeof(rooms[0]) };

/* --- Roles --- */

#define IDENTITY_ADMIN "Identity Data Admin"
#define ENVIRONMENT_ADMIN "Environment Admin"

const char *const mfa_rest_identity_admins[] = { IDENTITY_ADMIN, NULL };
const char *const mfa_rest_identity_readers[] = { IDENTITY_ADMIN,
                                                  "Identity Data Read Only",
                                                  "Help Desk Admin", NULL };
const char *const mfa_rest_help_desk[] = { IDENTITY_ADMIN, "Help Desk Admin",
                                           NULL };
const char *const mfa_rest_environment_admins[] = { ENVIRONMENT_ADMIN, NULL };
const char *const mfa_rest_environment_readers[] = {
    ENVIRONMENT_ADMIN, IDENTITY_ADMIN, "Configuration Read Only", NULL
};
const char *const mfa_rest_application_admins[] = {
    ENVIRONMENT_ADMIN, "Client Application Developer", NULL
};
const char *const mfa_rest_application_readers[] = {
    ENVIRONMENT_ADMIN, "Client Application Developer", IDENTITY_ADMIN,
    "Configuration Read Only", NULL
};

/* --- Operations --- */

static const struct mfa_operation *
operation_of(const struct factor_resource *resource)
{
    const struct mfa_operation *at;
    size_t i;

    for (i = 0; i < ROOMS; i++)
        for (at = rooms[i]; at->resource.name; at++)
            if (&at->resource == resource)
                return at;
    return NULL;
}

bool
mfa_rest_is(const struct factor_resource *resource)
{
    return resource && operation_of(resource);
}

const struct factor_resource **
mfa_rest_resources(void)
{
    const struct factor_resource *const *phone, **list;
    const struct mfa_operation *at;
    size_t count = 0, i;

    for (phone = mfa_resources; *phone; phone++)
        count++;
    for (i = 0; i < ROOMS; i++)
        for (at = rooms[i]; at->resource.name; at++)
            count++;
    list = calloc(count + 1, sizeof(*list));
    if (!list)
        return NULL;
    count = 0;
    for (phone = mfa_resources; *phone; phone++)
        list[count++] = *phone;
    for (i = 0; i < ROOMS; i++)
        for (at = rooms[i]; at->resource.name; at++)
            list[count++] = &at->resource;
    return list;
}

/* --- The plan --- */

/* What stands in a path may be anything. */
static const char *
path_id(const struct factor_step *in, const char *variable)
{
    const char *id = mfa_text(in->path, variable);

    return id && strlen(id) <= FACTOR_ID_MAX ? id : "";
}

factor_status
mfa_rest_plan_user(const struct factor_adapter *self,
                   const struct factor_step *in, struct factor_reads *reads)
{
    return mfa_step_plan_user(self, path_id(in, "user"), reads);
}

factor_status
mfa_rest_plan_record(const struct factor_adapter *self,
                     const struct factor_step *in, struct factor_reads *reads,
                     const char *collection, const char *variable)
{
    factor_status status = mfa_rest_plan_user(self, in, reads);

    return status ? status
                  : self->host->read_id(reads, collection,
                                        path_id(in, variable));
}

factor_status
mfa_rest_plan(const struct factor_adapter *self, const struct factor_step *step,
              struct factor_reads *reads)
{
    const struct mfa_operation *operation = operation_of(step->resource);
    factor_status status = mfa_step_plan_config(self, reads);

    return status || !operation->plan ? status
                                      : operation->plan(self, step, reads);
}

/* --- The call --- */

static factor_status
run(struct mfa_rest *call, const struct mfa_operation *operation)
{
    const struct factor_step *in = call->s.in;
    const struct factor_record *user = factor_read_one(in, MFA_READ_USER);
    factor_status status = FACTOR_OK;

    if (!user && mfa_text(in->path, "user"))
        return mfa_rest_not_found(call);
    if (user)
        status = mfa_step_load_user(&call->s, user->id);
    return status ? status : operation->run(call);
}

factor_status
mfa_rest_handle(const struct factor_adapter *self,
                const struct factor_step *step,
                struct factor_outcome *ret_outcome, struct factor_error *err)
{
    struct mfa_rest call = { .out = ret_outcome };
    factor_status status = mfa_step_begin(&call.s, self, step);

    if (!status && !mfa_policy_find(call.s.config, NULL, &call.s.policy))
        status = FACTOR_E_INTERNAL;
    if (!status)
        status = run(&call, operation_of(step->resource));
    mfa_step_drop(&call.s);
    if (status && err) {
        err->code = status;
        snprintf(err->text, sizeof(err->text), "the call cannot be answered");
    }
    return status;
}

/* --- Answers --- */

factor_status
mfa_rest_answer(struct mfa_rest *call, json_t *body)
{
    call->out->verdict = FACTOR_SUCCESS;
    call->out->body = body;
    return body ? FACTOR_OK : FACTOR_E_NOMEM;
}

factor_status
mfa_rest_done(struct mfa_rest *call)
{
    call->out->verdict = FACTOR_SUCCESS;
    call->out->status = 204;
    return FACTOR_OK;
}

factor_status
mfa_rest_not_found(struct mfa_rest *call)
{
    call->out->verdict = FACTOR_SUCCESS;
    call->out->status = 404;
    return FACTOR_OK;
}

static factor_status
refuse(struct mfa_rest *call, uint32_t http_status, const char *code,
       const char *target, const char *message, const json_t *inner)
{
    const struct factor_host *host = call->s.host;
    struct factor_detail *detail =
        host->alloc(call->s.in->arena, sizeof(*detail));
    const struct factor_detail **list =
        host->alloc(call->s.in->arena, 2 * sizeof(*list));

    if (!detail || !list)
        return FACTOR_E_NOMEM;
    *detail = (struct factor_detail){ .struct_size = sizeof(*detail),
                                      .attempts_remaining = -1,
                                      .code = code,
                                      .target = target,
                                      .inner = inner,
                                      .message = message };
    list[0] = detail;
    call->out->details = list;
    call->out->verdict = FACTOR_SUCCESS;
    call->out->status = http_status;
    return FACTOR_OK;
}

factor_status
mfa_rest_refuse(struct mfa_rest *call, const char *code, const char *target,
                json_t *inner)
{
    return mfa_rest_refuse_saying(call, code, target, NULL, inner);
}

factor_status
mfa_rest_refuse_saying(struct mfa_rest *call, const char *code,
                       const char *target, const char *message, json_t *inner)
{
    /* Lent to the outcome, whose body takes it over: a refusal has no other.
     */
    call->out->body = inner;
    return refuse(call, 400, code, target, message, inner);
}

factor_status
mfa_rest_forbid(struct mfa_rest *call)
{
    return refuse(call, 403, MFA_REST_FORBIDDEN, NULL, NULL, NULL);
}

/* --- Who calls --- */

bool
mfa_rest_by_user(const struct mfa_rest *call)
{
    return call->s.in->subject != NULL;
}

bool
mfa_rest_trusted(const struct mfa_rest *call)
{
    const json_t *amr = json_object_get(call->s.in->inputs, "amr");
    const char *method;
    size_t i;

    if (!mfa_rest_by_user(call))
        return true;
    for (i = 0; i < json_array_size(amr); i++) {
        method = json_string_value(json_array_get(amr, i));
        if (method && strcmp(method, "mfa") == 0)
            return true;
    }
    return false;
}

/* --- Bodies --- */

json_t *
mfa_rest_instant(int64_t at_ms)
{
    char text[FACTOR_INSTANT_SIZE];

    factor_instant_text(at_ms, text);
    return json_string(text);
}
