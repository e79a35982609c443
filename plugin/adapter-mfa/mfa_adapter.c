/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_adapter.c - MFA with push, passcodes and pairing: the
 * plugin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/declare.h"
#include "factor/plugin.h"
#include "factor/user.h"
#include "plugin/adapter-mfa/mfa_flow.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_pairing.h"
#include "plugin/adapter-mfa/mfa_phone.h"
#include "plugin/adapter-mfa/rest/face.h"

static factor_status
explain(struct factor_error *err, factor_status code, const char *why)
{
    if (err) {
        err->code = code;
        snprintf(err->text, sizeof(err->text), "%s", why);
    }
    return code;
}

/* --- The instance --- */

static void
fini(struct factor_adapter *self)
{
    if (!self)
        return;
    mfa_settings_drop(&self->settings);
    free(self->resources);
    free(self);
}

/* As the seed says until the record does (MFA service API, B.3). */
static void
declare_user_defaults(struct factor_adapter *self)
{
    static const char *const path[] = { "settings", "users", "mfaEnabled",
                                        NULL };
    struct mfa_limits limits;

    mfa_limits_read(self->settings.seed, &limits);
    self->new_users_mfa = (struct factor_user_default){
        FACTOR_SIZED(factor_user_default),
        .member = FACTOR_USER_MFA_ENABLED,
        .collection = MFA_CONFIG_COLLECTION,
        .id = MFA_CONFIG_ID,
        .path = path,
        .otherwise = limits.new_users_mfa,
    };
    self->user_defaults[0] = &self->new_users_mfa;
    self->description.user_defaults = self->user_defaults;
}

static factor_status
init(const struct factor_host *host, const json_t *settings,
     struct factor_adapter **ret_self, struct factor_error *err)
{
    struct factor_adapter *self = calloc(1, sizeof(*self));
    factor_status status;

    if (!self)
        return explain(err, FACTOR_E_NOMEM, "out of memory");
    self->host = host;
    self->description = mfa_description;
    self->resources = mfa_rest_resources();
    self->description.resources = self->resources;
    status = self->resources
                 ? mfa_settings_load(&self->settings, host, settings)
                 : FACTOR_E_NOMEM;
    if (status) {
        fini(self);
        return explain(err, status,
                       status == FACTOR_E_NOMEM ? "out of memory"
                                                : "the settings are wrong");
    }
    declare_user_defaults(self);
    *ret_self = self;
    return FACTOR_OK;
}

static const struct factor_description *
describe(const struct factor_adapter *self)
{
    return &self->description;
}

/* --- Steps --- */

static factor_status
plan_reads(const struct factor_adapter *self, const struct factor_step *step,
           struct factor_reads *reads)
{
    if (mfa_rest_is(step->resource))
        return mfa_rest_plan(self, step, reads);
    if (step->resource)
        return mfa_phone_plan(self, step, reads);
    return mfa_step_plan(self, step, reads);
}

static factor_status
get_state_model(const struct factor_adapter *self,
                const struct factor_step *step, struct factor_model *ret_model,
                struct factor_error *err)
{
    struct mfa_step s;
    factor_status status = mfa_step_load(&s, self, step);

    if (!status)
        status = mfa_show(&s, ret_model);
    mfa_step_drop(&s);
    return status ? explain(err, status, "no state of this adapter") : status;
}

/* The rooms of a flow. */
static const struct mfa_action *const rooms[] = { mfa_authn_actions,
                                                  mfa_pairing_actions,
                                                  mfa_manage_actions };

static mfa_transition *
find(const struct mfa_action *action, const char *name)
{
    for (; action->action; action++)
        if (strcmp(action->action, name) == 0)
            return action->run;
    return NULL;
}

static mfa_transition *
transition_of(const struct factor_step *step)
{
    mfa_transition *run = NULL;
    size_t i;

    if (!step->flow)
        return find(mfa_operator_actions, step->action ? step->action : "");
    if (!step->action)
        return mfa_enter;
    for (i = 0; !run && i < sizeof(rooms) / sizeof(rooms[0]); i++)
        run = find(rooms[i], step->action);
    return run;
}

static factor_status
handle_action(const struct factor_adapter *self,
              const struct factor_step *step,
              struct factor_outcome *ret_outcome, struct factor_error *err)
{
    mfa_transition *run = transition_of(step);
    struct mfa_step s;
    factor_status status;

    if (!run)
        return explain(err, FACTOR_E_INPUT, "no action of this adapter");
    status = mfa_step_load(&s, self, step);
    if (!status && step->flow && s.policy_unknown)
        run = mfa_unknown_policy;
    else if (!status && step->flow)
        status = mfa_settle(&s);
    if (!status)
        status = run(&s, ret_outcome);
    mfa_step_drop(&s);
    return status ? explain(err, status, "the action cannot be carried out")
                  : status;
}

static factor_status
handle_resource(const struct factor_adapter *self,
                const struct factor_step *step,
                struct factor_outcome *ret_outcome, struct factor_error *err)
{
    return mfa_rest_is(step->resource)
               ? mfa_rest_handle(self, step, ret_outcome, err)
               : mfa_phone_handle(self, step, ret_outcome, err);
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

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "mfa", "0.1.0",
                       "MFA by push to a phone, passcodes and authenticator "
                       "apps, with pairing and policies of its own.",
                       mfa_setting_table, &ops)
