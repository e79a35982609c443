/* SPDX-License-Identifier: MIT */
/* plugin/adapter-otp/otp_adapter.c - one-time passcodes by e-mail, SMS, voice
 * call and authenticator app: the plugin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/plugin.h"
#include "plugin/adapter-otp/otp_flow.h"
#include "plugin/adapter-otp/otp_model.h"
#include "plugin/adapter-otp/otp_operator.h"

static factor_status
explain(struct factor_error *err, factor_status code, const char *why)
{
    if (err) {
        err->code = code;
        snprintf(err->text, sizeof(err->text), "%s", why);
    }
    return code;
}

static void
fini(struct factor_adapter *self)
{
    if (!self)
        return;
    otp_settings_drop(&self->settings);
    free(self);
}

static factor_status
init(const struct factor_host *host, const struct json_t *settings,
     struct factor_adapter **ret_self, struct factor_error *err)
{
    struct factor_adapter *self = calloc(1, sizeof(*self));
    const char *why;

    if (!self)
        return explain(err, FACTOR_E_NOMEM, "out of memory");
    self->host = host;
    if (!otp_settings_load(&self->settings, settings, &why)) {
        free(self);
        return explain(err, FACTOR_E_CONFIG, why);
    }
    *ret_self = self;
    return FACTOR_OK;
}

static const struct factor_description *
describe(const struct factor_adapter *self)
{
    (void)self;
    return &otp_description;
}

static factor_status
plan_reads(const struct factor_adapter *self, const struct factor_step *step,
           struct factor_reads *reads)
{
    const struct factor_host *host = self->host;
    const char *id = otp_user_id(step);
    factor_status status;

    if (!id)
        return FACTOR_OK;
    status = host->read_user(reads, id);
    if (!status)
        status = host->read_owned(reads, OTP_AUTHENTICATORS, id,
                                  OTP_AUTHENTICATORS_MAX);
    if (!status)
        status = host->read_id(reads, OTP_ACCOUNTS, id);
    return status;
}

static factor_status
get_state_model(const struct factor_adapter *self,
                const struct factor_step *step, struct factor_model *ret_model,
                struct factor_error *err)
{
    struct otp_step s;
    factor_status status;

    if (!step->flow)
        return explain(err, FACTOR_E_INPUT, "there is no flow to show");
    status = otp_step_load(&s, self, step);
    if (!status)
        status = otp_flow_show(&s, ret_model);
    explicit_bzero(&s.flow.key, sizeof(s.flow.key));
    return status ? explain(err, status, "the flow cannot be shown") : status;
}

static factor_status
decide(const struct factor_adapter *self, const struct factor_step *step,
       struct factor_outcome *out)
{
    struct otp_step s;
    factor_status status;

    if (!step->flow)
        return otp_operate(self, step, out);
    status = otp_step_load(&s, self, step);
    if (!status)
        status = otp_flow_decide(&s, out);
    explicit_bzero(&s.flow.key, sizeof(s.flow.key));
    return status;
}

static factor_status
handle_action(const struct factor_adapter *self,
              const struct factor_step *step,
              struct factor_outcome *ret_outcome, struct factor_error *err)
{
    struct factor_outcome out = { .struct_size = ret_outcome->struct_size };
    factor_status status = decide(self, step, &out);

    if (status) {
        json_decref(out.data);
        json_decref(out.attributes);
        json_decref(out.body);
        return explain(err, status, "the action cannot be carried out");
    }
    *ret_outcome = out;
    return FACTOR_OK;
}

static const struct factor_adapter_ops ops = {
    .struct_size = sizeof(ops),
    .init = init,
    .describe = describe,
    .plan_reads = plan_reads,
    .get_state_model = get_state_model,
    .handle_action = handle_action,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "otp", "0.1.0",
                       "One-time passcodes by e-mail, SMS, voice call or "
                       "authenticator app.",
                       otp_setting_table, &ops)
