/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_outcome.c - how steps end: stay, refuse, dead end,
 * success. */
#include <string.h>

#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_flow.h"
#include "plugin/adapter-mfa/mfa_model.h"

#define STATUS_PREFIX "com.pingidentity.pingone."

/* --- Stay --- */

factor_status
mfa_go_on(struct mfa_step *s, struct factor_outcome *out, const char *state)
{
    out->verdict = FACTOR_CONTINUE;
    out->state = state;
    out->data = mfa_flow_save(s);
    return out->data ? FACTOR_OK : FACTOR_E_NOMEM;
}

factor_status
mfa_refuse(struct mfa_step *s, struct factor_outcome *out,
           const struct factor_detail *detail)
{
    struct factor_detail *copy;
    const struct factor_detail **list;

    copy = s->host->alloc(s->in->arena, sizeof(*copy));
    list = s->host->alloc(s->in->arena, 2 * sizeof(*list));
    if (!copy || !list)
        return FACTOR_E_NOMEM;
    *copy = *detail;
    copy->struct_size = sizeof(*copy);
    list[0] = copy;
    out->details = list;
    out->verdict = FACTOR_CONTINUE;
    out->state = s->in->flow ? s->in->flow->state : NULL;
    return FACTOR_OK;
}

factor_status
mfa_refuse_for(struct mfa_step *s, struct factor_outcome *out,
               const char *code, const char *target, int64_t retry_at_ms)
{
    const struct factor_detail detail = { .attempts_remaining = -1,
                                          .code = code,
                                          .target = target,
                                          .retry_at_ms = retry_at_ms };

    return mfa_refuse(s, out, &detail);
}

factor_status
mfa_refuse_locked(struct mfa_step *s, struct factor_outcome *out,
                  const struct mfa_device *device)
{
    int64_t until_ms;

    mfa_device_locked(device, &s->policy, s->in->now_ms, &until_ms);
    return mfa_refuse_for(s, out, MFA_CODE_LOCKED, NULL, until_ms);
}

/* --- Dead ends --- */

factor_status
mfa_dead_end(struct mfa_step *s, struct factor_outcome *out,
             const char *failure)
{
    factor_status status = mfa_audit(
        s, "mfa.dead_end",
        json_pack("{s:s, s:s}", "user", s->user_id, "reason", failure));

    s->flow.failure = failure;
    return status ? status : mfa_go_on(s, out, MFA_STATE_FAILED);
}

/* --- Success --- */

static const char *const amr_email[] = { "otp", "email", NULL };
static const char *const amr_sms[] = { "otp", "sms", NULL };
static const char *const amr_voice[] = { "otp", "tel", NULL };
static const char *const amr_code[] = { "otp", NULL };
static const char *const amr_push[] = { "mca", "user", "swk", NULL };
static const char *const amr_silent[] = { "mca", "swk", NULL };
static const char *const amr_device[] = { "swk", NULL };

/* What a proof is called, by how it was given (RFC 8176; DECISIONS P3). */
static const struct proof {
    const char *name;
    const char *const *amr;
    const char *status; /* the end of "web_login_", or a whole status */
    bool whole;
} proofs[] = {
    { "email", amr_email, "email", false },
    { "sms", amr_sms, "sms", false },
    { "voice", amr_voice, "voice", false },
    { "totp", amr_code, "otp", false },
    { "mobile-code", amr_code, "mobile", false },
    { "push", amr_push, "mobile", false },
    { "silent", amr_silent, "device_authorized", true },
    { "device", amr_device, "device_authorized", true },
    { "test", NULL, "test_device", true }, /* M11 */
    { "paired", NULL, "device_paired", true }, /* behind a password alone (M3):
                                                * no second factor */
};

static const struct proof *
proof_of(const struct mfa_step *s)
{
    size_t i;

    for (i = 0; s->flow.proven && s->flow.proof &&
                i < sizeof(proofs) / sizeof(proofs[0]);
         i++)
        if (strcmp(proofs[i].name, s->flow.proof) == 0)
            return &proofs[i];
    return NULL;
}

/* The phone may add how it knew its user: of its application's list alone,
 * which the step that took its answer has checked. */
static factor_status
set_amr(struct mfa_step *s, const struct proof *proof,
        struct factor_outcome *out)
{
    const char *method = s->has_auth ? s->auth.push.method : NULL;
    const char **amr;
    size_t count = 0;

    if (!proof->amr)
        return FACTOR_OK;
    out->amr = proof->amr;
    out->kinds = FACTOR_KIND_POSSESSION;
    if (proof->amr != amr_push || !method)
        return FACTOR_OK;
    amr = s->host->alloc(s->in->arena, 5 * sizeof(*amr));
    if (!amr)
        return FACTOR_E_NOMEM;
    for (; proof->amr[count]; count++)
        amr[count] = proof->amr[count];
    amr[count] = method;
    out->amr = amr;
    return FACTOR_OK;
}

/* From an app whose phone is not paired it is a sign-on by mobile. */
static json_t *
full_status(const struct mfa_step *s, const struct proof *proof,
            const char *status)
{
    if (status)
        return json_sprintf(STATUS_PREFIX "%s", status);
    if (!proof)
        return NULL;
    if (proof->whole)
        return json_sprintf(STATUS_PREFIX "%s", proof->status);
    return json_sprintf(STATUS_PREFIX "%s_login_%s",
                        s->flow.app ? "mobile" : "web", proof->status);
}

/* That proved the user, else that was added. */
static const char *
device_of(const struct mfa_step *s)
{
    if (s->flow.proven && s->has_auth)
        return s->auth.device;
    return s->flow.proven || s->flow.enrolled ? s->flow.device : NULL;
}

/* Both spellings of the seeds in the flow of an additional device (M6). */
static json_t *
attributes(const struct mfa_step *s, json_t *status)
{
    json_t *all = json_pack("{s:o, s:s, s:s, s:s, s:s*}", "pingone.mfa.status",
                            status, "pingone.mfa.status.reason", "",
                            "username", s->username, "pingone.mfa.enrollment",
                            s->flow.enrolled ? "true" : "false",
                            "pingone.mfa.device.id", device_of(s));

    if (all && s->flow.app && s->flow.proven &&
        json_object_set(all, "com.pingidentity.pingone.status",
                        json_object_get(all, "pingone.mfa.status"))) {
        json_decref(all);
        return NULL;
    }
    return all;
}

factor_status
mfa_succeed(struct mfa_step *s, struct factor_outcome *out, const char *status)
{
    const struct proof *proof = proof_of(s);
    json_t *value = full_status(s, proof, status);

    if (!value)
        return FACTOR_E_INTERNAL; /* nothing proven, and no word for it */
    out->attributes = attributes(s, value);
    if (!out->attributes)
        return FACTOR_E_NOMEM;
    out->verdict = FACTOR_SUCCESS;
    return proof ? set_amr(s, proof, out) : FACTOR_OK;
}

/* --- After the factor --- */

factor_status
mfa_after_proof(struct mfa_step *s, struct factor_outcome *out)
{
    if (s->flow.pair)
        return mfa_pairing_begin(s, out);
    if (s->flow.manage)
        return mfa_go_on(s, out, MFA_STATE_MANAGEMENT);
    if (s->flow.payload)
        return mfa_go_on(s, out, MFA_STATE_MOBILE_PAIRING);
    return mfa_go_on(s, out, MFA_STATE_COMPLETED);
}
