/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_phone.c - what a paired phone calls: what waits, its
 * answers, and changes of itself (doc/phone-protocol.md, sections 4 to 6). */
#include "plugin/adapter-mfa/mfa_phone.h"

#include <stdio.h>
#include <string.h>

#include "factor/declare.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_statement.h"

enum { STATEMENT_MAX = 8192, JWK_MEMBER_MAX = 64, AUTHS_MAX = 20,
       NONCE_MAX = 64, METHOD_MAX = 16, PUSH_MAX_LEN = 2048 };

/* The reads of a paired phone's call, behind the configuration. */
enum { READ_CONFIG, READ_DEVICE, READ_USER, READ_ACCOUNT, READ_AUTHS };

/* --- What waits --- */

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In their own order: the right one is in no place of its own. */
static json_t *
show_number(const struct mfa_push *push)
{
    const char *choices[3] = { push->number, push->choices[0],
                               push->choices[1] };

    if (push->number[0] == '\0')
        return NULL;
    if (!push->select_number)
        return json_pack("{s:s, s:i}", "type", "ENTER_MANUALLY", "digits",
                         (int)strlen(push->number));
    qsort(choices, 3, sizeof(choices[0]), compare_texts);
    return json_pack("{s:s, s:[s, s, s]}", "type", "SELECT_NUMBER", "choices",
                     choices[0], choices[1], choices[2]);
}

static json_t *
show_request(const struct mfa_auth *auth)
{
    const struct mfa_push *push = &auth->push;

    return json_pack(
        "{s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:I, s:I, s:o*}", "id",
        auth->id, "kind", push->silent ? "silent" : "authentication",
        "challenge", push->challenge, "client", auth->client, "client_name",
        auth->client_name, "host", auth->host, "address", auth->address,
        "agent", auth->agent, "issued_at",
        (json_int_t)(push->sent_at_ms / 1000), "expires_at",
        (json_int_t)(push->expires_at_ms / 1000), "number",
        show_number(push));
}

static bool
waits(const struct mfa_call *call, const struct mfa_auth *auth)
{
    const char *failure;
    int64_t changes_at_ms;

    return auth->stage == MFA_STAGE_PUSH && auth->device &&
           strcmp(auth->device, call->device.id) == 0 &&
           mfa_auth_seen(auth, &call->device, call->s.in->now_ms, &failure,
                         &changes_at_ms) == MFA_SEEN_WAITING;
}

static factor_status
list_requests(struct mfa_call *call)
{
    const struct factor_records *found = call->s.in->reads[READ_AUTHS];
    json_t *list = json_array();
    struct mfa_auth auth;
    factor_status status;
    uint32_t i;

    for (i = 0; list && i < found->count; i++)
        if (mfa_auth_load(found->records[i], &auth) && waits(call, &auth) &&
            json_array_append_new(list, show_request(&auth))) {
            json_decref(list);
            list = NULL;
        }
    i = (uint32_t)json_array_size(list);
    status = mfa_call_answer(
        call, 200,
        list ? json_pack("{s:s, s:o}", "status",
                         call->device.active ? "ACTIVE"
                                             : "ACTIVATION_REQUIRED",
                         "requests", list)
             : NULL);
    if (!status && i == 0)
        call->out->verdict = FACTOR_CONTINUE; /* there may soon be one */
    return status;
}

/* --- Answers --- */

static bool
same_or_none(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
one_of(const json_t *list, const char *word)
{
    size_t i;

    for (i = 0; i < json_array_size(list); i++)
        if (same_or_none(json_string_value(json_array_get(list, i)), word))
            return true;
    return false;
}

/* Of the application's list, or of ours; and none that amr gives a meaning
 * of its own (P3). */
static const char *
allowed_method(const struct mfa_call *call)
{
    static const char *const ours[] = { "face", "fpt", "pin" };
    static const char *const reserved[] = { "mfa", "mca", "pwd", "otp", "sms",
                                            "tel", "email", "swk", "hwk",
                                            "user", "fido" };
    const char *method = mfa_text(call->claims, "method");
    struct mfa_application application;
    size_t i, len = method ? strlen(method) : 0;

    if (len == 0 || len > METHOD_MAX ||
        strspn(method, "abcdefghijklmnopqrstuvwxyz0123456789_") != len)
        return NULL;
    for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(reserved[i], method) == 0)
            return NULL;
    if (mfa_application_find(call->s.config, call->device.application,
                             &application) &&
        application.methods)
        return one_of(application.methods, method) ? method : NULL;
    for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (strcmp(ours[i], method) == 0)
            return method;
    return NULL;
}

/* What a person says with a denial; anything else is not repeated. */
static const char *
known_reason(const struct mfa_call *call)
{
    static const char *const reasons[] = { "NONE", "REPORT_FRAUD",
                                           "BIOMETRICS_REJECTED" };
    const char *reason = mfa_text(call->claims, "reason");
    size_t i;

    for (i = 0; reason && i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (strcmp(reasons[i], reason) == 0)
            return reasons[i];
    return reasons[0];
}

static bool
load_auth(struct mfa_call *call)
{
    const struct factor_record *record =
        factor_read_one(call->s.in, READ_AUTHS);

    call->s.has_auth = record && record->owner &&
                       strcmp(record->owner, call->s.user_id) == 0 &&
                       mfa_auth_load(record, &call->s.auth);
    return call->s.has_auth;
}

static bool
from_same_client(const struct mfa_call *call)
{
    const struct factor_request *request = call->s.in->request;

    return same_or_none(request->address, call->s.auth.address) &&
           same_or_none(request->user_agent, call->s.auth.agent);
}

/* It says what the request said, and is not too old. */
static bool
answer_fits(const struct mfa_call *call, const char *decision)
{
    const json_t *claims = call->claims;
    const char *nonce = mfa_text(claims, "nonce");

    return nonce && *nonce && strlen(nonce) <= NONCE_MAX && decision &&
           (strcmp(decision, "approve") == 0 ||
            strcmp(decision, "deny") == 0) &&
           same_or_none(mfa_text(claims, "client"), call->s.auth.client) &&
           same_or_none(mfa_text(claims, "host"), call->s.auth.host) &&
           mfa_integer(claims, "exp") >= call->s.in->now_ms / 1000;
}

static factor_status
ignore_answer(struct mfa_call *call)
{
    factor_status status = mfa_audit_device(
        &call->s, "mfa.answer_ignored", &call->device, NULL);

    return status ? status : mfa_call_refuse(call, 409, MFA_CODE_GONE, 0);
}

static factor_status
tell_result(struct mfa_call *call)
{
    bool approved = call->s.auth.push.decision == MFA_APPROVED;

    return mfa_call_answer(
        call, 200,
        json_pack("{s:s}", "result", approved ? "approved" : "denied"));
}

static factor_status
write_answer(struct mfa_call *call, enum mfa_answered answered)
{
    const struct mfa_push *push = &call->s.auth.push;
    bool approved = answered == MFA_ANSWER_APPROVED;
    factor_status status = mfa_put_auth(&call->s);

    if (!status)
        status = mfa_put_device(&call->s, &call->device);
    if (!status && !approved && !push->silent)
        status = mfa_put_account(&call->s);
    if (!status)
        status = mfa_audit_device(&call->s,
                                  approved ? "mfa.push_approved"
                                           : "mfa.push_denied",
                                  &call->device, push->reason);
    if (!status && push->reason && strcmp(push->reason, "REPORT_FRAUD") == 0)
        status = mfa_audit_device(&call->s, "mfa.fraud_reported",
                                  &call->device, NULL);
    return status ? status : tell_result(call);
}

static factor_status
take_answer(struct mfa_call *call)
{
    const char *decision = mfa_text(call->claims, "decision");
    struct mfa_answer answer;
    enum mfa_answered answered;

    if (!load_auth(call))
        return ignore_answer(call);
    if (!answer_fits(call, decision))
        return mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    answer = (struct mfa_answer){
        .challenge = mfa_text(call->claims, "challenge"),
        .nonce = mfa_text(call->claims, "nonce"),
        .approve = strcmp(decision, "approve") == 0,
        .number = mfa_text(call->claims, "number"),
        .method = allowed_method(call),
        .reason = known_reason(call),
        .same_client = from_same_client(call),
    };
    answered = mfa_auth_answer(&call->s.auth, &call->device, &call->s.account,
                               &call->s.limits, &answer, call->s.in->now_ms);
    switch (answered) {
    case MFA_ANSWER_APPROVED:
    case MFA_ANSWER_DENIED:
        return write_answer(call, answered);
    case MFA_ANSWER_AGAIN:
        return tell_result(call);
    case MFA_ANSWER_GONE:
    default:
        return ignore_answer(call);
    }
}

/* --- Changes --- */

/* Each is made after the one before: none can be played again. */
static bool
in_order(struct mfa_call *call)
{
    int64_t at_ms = mfa_integer(call->claims, "iat_ms");

    if (at_ms <= call->device.statement_at_ms ||
        at_ms > call->s.in->now_ms + 120000) {
        mfa_call_refuse(call, 409, MFA_CODE_REPLAYED, 0);
        return false;
    }
    call->device.statement_at_ms = at_ms;
    return true;
}

static factor_status
write_change(struct mfa_call *call, const char *event)
{
    factor_status status = mfa_put_device(&call->s, &call->device);

    if (!status)
        status = mfa_audit_device(&call->s, event, &call->device, NULL);
    return status ? status : mfa_call_answer(call, 200, json_object());
}

static factor_status
change_push(struct mfa_call *call)
{
    const json_t *push = json_object_get(call->claims, "push");
    const char *address = json_string_value(push);

    if (!json_is_null(push) &&
        (!address || strlen(address) > PUSH_MAX_LEN || !strchr(address, ':')))
        return mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    if (!in_order(call))
        return FACTOR_OK;
    call->device.push = address;
    call->device.push_at_ms = call->s.in->now_ms;
    return write_change(call, "mfa.push_address_changed");
}

/* The new key signs too: nobody takes a key that is not his. */
static bool
proof_fits(struct mfa_call *call, const json_t *jwk)
{
    const char *proof = mfa_text(call->claims, "proof");
    json_t *claims = NULL;
    bool fits;

    if (!proof || call->s.host->jws_verify(jwk, MFA_STATEMENT_TYPE, proof,
                                           &claims) != FACTOR_OK)
        return false;
    fits = same_or_none(mfa_text(claims, "purpose"), "proof") &&
           same_or_none(mfa_text(claims, "device"), call->device.id) &&
           same_or_none(mfa_text(claims, "user"), call->s.user_id) &&
           same_or_none(mfa_text(claims, "aud"), call->s.host->base_url);
    json_decref(claims);
    return fits;
}

static factor_status
change_key(struct mfa_call *call)
{
    json_t *jwk = mfa_plain_jwk(json_object_get(call->claims, "key"));
    factor_status status = FACTOR_OK;

    if (!jwk || !proof_fits(call, jwk)) {
        json_decref(jwk);
        return mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    }
    if (in_order(call)) {
        call->device.jwk = jwk;
        status = write_change(call, "mfa.device_key_changed");
    }
    json_decref(jwk);
    return status;
}

/* The one after it becomes the default (MFA service API, device order). */
static void
leave_account(struct mfa_call *call)
{
    struct mfa_account *account = &call->s.account;

    if (same_or_none(account->default_device, call->device.id))
        account->default_device = NULL;
}

static factor_status
unpair(struct mfa_call *call)
{
    factor_status status;

    if (!in_order(call))
        return FACTOR_OK;
    leave_account(call);
    status = mfa_remove(&call->s, call->device.record);
    if (!status)
        status = mfa_put_account(&call->s);
    if (!status)
        status = mfa_audit_device(&call->s, "mfa.device_removed",
                                  &call->device, "phone");
    if (!status)
        status = mfa_send_notice(&call->s, "mfa.device_removed",
                                 &call->device);
    return status ? status : mfa_call_answer(call, 200, json_object());
}

/* --- Resources --- */

static const struct factor_field *const statement_body[] = {
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = "statement",
                 .flags = FACTOR_FIELD_REQUIRED, .max_len = STATEMENT_MAX),
    NULL
};
#define JWK_MEMBER(member)                                                     \
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = (member),                \
                 .flags = FACTOR_FIELD_REQUIRED, .max_len = JWK_MEMBER_MAX)
static const struct factor_field *const claim_body[] = {
    FACTOR_FIELD(.type = FACTOR_FIELD_STRING, .name = "statement",
                 .flags = FACTOR_FIELD_REQUIRED, .max_len = STATEMENT_MAX),
    FACTOR_FIELD(.type = FACTOR_FIELD_OBJECT, .name = "key",
                 .flags = FACTOR_FIELD_REQUIRED,
                 .fields = FACTOR_FIELDS(JWK_MEMBER("kty"), JWK_MEMBER("crv"),
                                         JWK_MEMBER("x"), JWK_MEMBER("y"))),
    NULL
};

#define PHONE(operation, where)                                                \
    &(const struct factor_resource)                                            \
    {                                                                          \
        FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_DEVICE,               \
        .name = (operation), .method = "POST",                                 \
        .path = "/{env}/mobile/devices/{device}/" where,                       \
        .body = statement_body                                                 \
    }

const struct factor_resource *const mfa_resources[] = {
    &(const struct factor_resource){
        FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ANYONE,
        .name = "phone.discovery", .method = "GET",
        .path = "/.well-known/factor-phone" },
    &(const struct factor_resource){
        FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ANYONE,
        .name = "phone.pair", .method = "POST",
        .path = "/{env}/mobile/pairings", .body = claim_body },
    PHONE("phone.requests", "requests"),
    PHONE("phone.answers", "answers"),
    PHONE("phone.push", "push"),
    PHONE("phone.key", "key"),
    PHONE("phone.unpair", "unpair"),
    NULL,
};

/* What each does; purpose NULL: it is not a paired device's. */
static const struct operation {
    const char *name;
    const char *purpose;
    mfa_call_handler *run;
} operations[] = {
    { "phone.discovery", NULL, mfa_discover },
    { "phone.pair", NULL, mfa_claim },
    { "phone.requests", "requests", list_requests },
    { "phone.answers", "answer", take_answer },
    { "phone.push", "push", change_push },
    { "phone.key", "key", change_key },
    { "phone.unpair", "unpair", unpair },
};

static const struct operation *
operation_of(const struct factor_step *in)
{
    size_t i;

    for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (strcmp(operations[i].name, in->resource->name) == 0)
            return &operations[i];
    return NULL;
}

/* --- The plan --- */

/* Whom the statement speaks of is believed only to know what to read. */
static factor_status
plan_device(const struct factor_host *host, const struct factor_step *in,
            const json_t *claims, struct factor_reads *reads)
{
    const char *user = mfa_text(claims, "user");
    const char *request = mfa_text(claims, "request");
    const char *device = mfa_text(in->path, "device");
    factor_status status;

    if (!user || !device || strlen(user) > FACTOR_ID_MAX ||
        strlen(device) > FACTOR_ID_MAX)
        return FACTOR_OK;
    status = host->read_id(reads, MFA_DEVICES, device);
    if (!status)
        status = host->read_user(reads, user);
    if (!status)
        status = host->read_id(reads, MFA_ACCOUNTS, user);
    if (!status && strcmp(in->resource->name, "phone.requests") == 0)
        status = host->read_owned(reads, MFA_AUTHS, user, AUTHS_MAX);
    if (!status && strcmp(in->resource->name, "phone.answers") == 0 &&
        request && strlen(request) <= FACTOR_ID_MAX)
        status = host->read_id(reads, MFA_AUTHS, request);
    return status;
}

factor_status
mfa_phone_plan(const struct factor_adapter *self,
               const struct factor_step *step, struct factor_reads *reads)
{
    const struct factor_host *host = self->host;
    const struct operation *operation = operation_of(step);
    const char *statement = mfa_text(step->fields, "statement");
    json_t *claims = NULL;
    factor_status status;

    status = host->read_id(reads, MFA_CONFIG_COLLECTION, MFA_CONFIG_ID);
    if (status || !statement ||
        host->jws_peek(statement, &claims) != FACTOR_OK)
        return status;
    status = operation && operation->purpose
                 ? plan_device(host, step, claims, reads)
                 : mfa_claim_plan(host, step, claims, reads);
    json_decref(claims);
    return status;
}

/* --- The call --- */

static bool
load_device(struct mfa_call *call)
{
    const struct factor_step *in = call->s.in;
    const struct factor_record *record = factor_read_one(in, READ_DEVICE);

    if (!record || !record->owner || !mfa_device_load(record, &call->device) ||
        call->device.type != MFA_MOBILE || !call->device.jwk)
        return false;
    call->s.user_id = record->owner;
    call->s.user = factor_read_one(in, READ_USER);
    /* Another's record was read if the statement lies; it will be refused. */
    if (call->s.user && strcmp(call->s.user->id, record->owner) != 0)
        return false;
    mfa_account_load(factor_read_one(in, READ_ACCOUNT), &call->s.account);
    return true;
}

static factor_status
run_device(struct mfa_call *call, const struct operation *operation)
{
    if (!load_device(call))
        return mfa_call_refuse(call, 404, MFA_CODE_NOT_PAIRED, 0);
    if (!mfa_call_verify(call, call->device.jwk, operation->purpose))
        return FACTOR_OK;
    return operation->run(call);
}

factor_status
mfa_phone_handle(const struct factor_adapter *self,
                 const struct factor_step *step,
                 struct factor_outcome *ret_outcome, struct factor_error *err)
{
    const struct operation *operation = operation_of(step);
    const struct factor_record *config = factor_read_one(step, READ_CONFIG);
    struct mfa_call call = {
        .s = { .self = self,
               .settings = &self->settings,
               .host = self->host,
               .in = step,
               .username = "",
               .config_record = config,
               .config = config ? config->body : self->settings.seed },
        .out = ret_outcome,
    };
    factor_status status = FACTOR_E_INPUT;

    mfa_limits_read(call.s.config, &call.s.limits);
    if (operation && mfa_policy_find(call.s.config, NULL, &call.s.policy))
        status = operation->purpose ? run_device(&call, operation)
                                    : operation->run(&call);
    json_decref(call.claims);
    if (status && err) {
        err->code = status;
        snprintf(err->text, sizeof(err->text), "the call cannot be answered");
    }
    return status;
}
