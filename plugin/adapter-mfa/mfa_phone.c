/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_phone.c - what a paired phone calls: what waits, its
 * answers, and changes of itself (doc/phone-protocol.md, sections 4 to 6). */
#include "plugin/adapter-mfa/mfa_phone.h"

#include <stdio.h>
#include <string.h>

#include "factor/declare.h"
#include "plugin/adapter-mfa/mfa_agent.h"
#include "plugin/adapter-mfa/mfa_model.h"
#include "plugin/adapter-mfa/mfa_pair.h"
#include "plugin/adapter-mfa/mfa_statement.h"

/* A user's sign-ons of a quarter of an hour; phones are shown fewer, since
 * what they are answered is bounded, and so is each of its texts. */
enum { AUTHS_MAX = 100, SHOWN_MAX = 20, TEXT_MAX = 512 };

enum { STATEMENT_MAX = 8192, JWK_MEMBER_MAX = 64, METHOD_MAX = 16 };

/* The reads of a paired phone's call, behind the configuration; the last one
 * is the sign-ons, the one sign-on, or the devices, by call. */
enum { READ_CONFIG, READ_DEVICE, READ_USER, READ_ACCOUNT, READ_MORE };

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

/* As much of a text as phones take, whole characters: whoever signs on chooses
 * how long some of them are.  NULL is none. */
static size_t
shown_len(const char *text)
{
    size_t len = text ? strnlen(text, TEXT_MAX + 1) : 0;

    if (len <= TEXT_MAX)
        return len;
    for (len = TEXT_MAX; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
        len--;
    return len;
}

static json_t *
show_text(const char *text)
{
    return json_pack("s%", text ? text : "", shown_len(text));
}

static json_t *
show_or_omit(const char *text)
{
    return text ? show_text(text) : NULL;
}

static json_t *
show_request(const struct mfa_auth *auth)
{
    const struct mfa_push *push = &auth->push;
    char agent[MFA_AGENT_SIZE];

    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o*, s:o, s:o*, s:o*, s:I, s:I, s:o*, s:O*}",
        "id",
        auth->id, "kind", push->silent ? "silent" : "authentication",
        "challenge", push->challenge, "client", show_text(auth->client),
        "client_name", show_or_omit(auth->client_name), "host",
        show_text(auth->host), "address", show_or_omit(auth->address), "agent",
        show_or_omit(mfa_agent(auth->agent, agent)), "issued_at",
        (json_int_t)(push->sent_at_ms / 1000), "expires_at",
        (json_int_t)(push->expires_at_ms / 1000), "number",
        show_number(push), "context", auth->context);
}

/* The answer changes then, if nothing else does so before. */
static void
changes_at(struct mfa_call *call, int64_t at_ms)
{
    int64_t *first_ms = &call->out->changes_at_ms;

    if (at_ms > call->s.in->now_ms && (*first_ms == 0 || at_ms < *first_ms))
        *first_ms = at_ms;
}

static bool
waits(struct mfa_call *call, const struct mfa_auth *auth)
{
    const char *failure;
    int64_t changes_at_ms;

    if (call->device.blocked || auth->stage != MFA_STAGE_PUSH ||
        !auth->device || strcmp(auth->device, call->device.id) != 0 ||
        mfa_auth_seen(auth, &call->device, call->s.in->now_ms, &failure,
                      &changes_at_ms) != MFA_SEEN_WAITING)
        return false;
    changes_at(call, changes_at_ms);
    return true;
}

/* NULL: no memory. */
static json_t *
show_waiting(struct mfa_call *call)
{
    const struct factor_records *found = call->s.in->reads[READ_MORE];
    json_t *list = json_array();
    struct mfa_auth auth;
    uint32_t i;

    for (i = 0; i < found->count && json_array_size(list) < SHOWN_MAX; i++)
        if (mfa_auth_load(found->records[i], &auth) && waits(call, &auth) &&
            json_array_append_new(list, show_request(&auth))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* How the device stands. */
static const char *
show_status(struct mfa_call *call)
{
    const struct mfa_device *device = &call->device;
    int64_t until_ms;

    if (!device->active)
        return "ACTIVATION_REQUIRED";
    if (device->blocked)
        return "BLOCKED";
    if (!mfa_device_locked(device, &call->s.policy, call->s.in->now_ms,
                           &until_ms))
        return "ACTIVE";
    changes_at(call, until_ms);
    return "LOCKED";
}

/* What users call it, or what it called itself. */
static const char *
show_name(const struct mfa_device *device)
{
    const char *nickname = device->nickname;

    return nickname && *nickname ? nickname : device->model;
}

/* Each push by its challenge: one sign-on may send several. */
static bool
lists_all(const json_t *known, const json_t *requests)
{
    size_t count = json_array_size(requests), i;

    if (json_array_size(known) != count)
        return false;
    for (i = 0; i < count; i++)
        if (!one_of(known,
                    mfa_text(json_array_get(requests, i), "challenge")))
            return false;
    return true;
}

/* What the phone says that it knows is what it would be told. */
static bool
is_known(const json_t *known, const json_t *answer)
{
    static const char *const texts[] = { "status", "name" };
    const json_t *requests = json_object_get(answer, "requests");
    const char *said;
    size_t i;

    if (!known)
        return json_array_size(requests) == 0;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        said = mfa_text(known, texts[i]);
        if (said && !same_or_none(said, mfa_text(answer, texts[i])))
            return false;
    }
    return lists_all(json_object_get(known, "requests"), requests);
}

static factor_status
list_requests(struct mfa_call *call)
{
    const json_t *known = json_object_get(call->claims, "known");
    json_t *list, *answer = NULL;
    factor_status status;

    if (known && !json_is_object(known))
        return mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    list = show_waiting(call);
    if (list)
        answer = json_pack("{s:s, s:s*, s:o}", "status", show_status(call),
                           "name", show_name(&call->device), "requests",
                           list);
    status = mfa_call_answer(call, 200, answer);
    if (!status && is_known(known, answer))
        call->out->verdict = FACTOR_CONTINUE; /* it will soon be another */
    return status;
}

/* --- Answers --- */

static bool
is_word(const char *text)
{
    size_t len = text ? strlen(text) : 0;

    return len > 0 && len <= METHOD_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* Of the application's list, or of ours; and none that amr or acr give a
 * meaning of its own, which is for the host to say (P3). */
static const char *
allowed_method(const struct mfa_call *call)
{
    static const char *const ours[] = { "face", "fpt", "pin" };
    static const char *const reserved[] = {
        "mfa", "mca", "pwd", "otp", "sms", "tel", "email", "swk", "hwk",
        "user", "fido", "geo", "kba", "rba", "sc", "wia", "phr", "phrh"
    };
    const char *method = mfa_text(call->claims, "method");
    struct mfa_application application;
    size_t i;

    if (!is_word(method))
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

static factor_status
note_dropped(struct mfa_call *call)
{
    const json_t *said = json_object_get(call->claims, "method");
    const char *method = json_string_value(said);

    if (!said || call->s.auth.push.method)
        return FACTOR_OK;
    return mfa_audit_device(&call->s, "mfa.method_dropped", &call->device,
                            is_word(method) ? method : "malformed");
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
    const struct factor_record *record = factor_read_one(call->s.in, READ_MORE);

    call->s.has_auth = record && record->owner &&
                       strcmp(record->owner, call->s.user_id) == 0 &&
                       mfa_auth_load(record, &call->s.auth) &&
                       mfa_policy_find(call->s.config, call->s.auth.policy,
                                       &call->s.policy);
    return call->s.has_auth;
}

/* Nobody knows is nowhere. */
static bool
from_same_client(const struct mfa_call *call)
{
    const struct factor_request *request = call->s.in->request;

    return request->address &&
           same_or_none(request->address, call->s.auth.address) &&
           same_or_none(request->user_agent, call->s.auth.agent);
}

/* Why the policy takes no approval from where this one came (M12), or NULL.  An
 * app that vouches for its own sign-on is always there. */
static const char *
refused_place(const struct mfa_call *call)
{
    const struct mfa_mobile *mobile =
        mfa_policy_mobile(&call->s.policy, call->device.application);

    return mobile && mobile->other_client && !call->s.auth.push.silent &&
                   from_same_client(call)
               ? "SAME_CLIENT"
               : NULL;
}

/* It says all that an answer says, and is not too old. */
static bool
is_answer(const struct mfa_call *call)
{
    const json_t *claims = call->claims;
    const json_t *number = json_object_get(claims, "number");
    const char *decision = mfa_text(claims, "decision");
    const char *challenge = mfa_text(claims, "challenge");

    return mfa_text(claims, "request") && challenge && *challenge &&
           mfa_nonce_fits(mfa_text(claims, "nonce")) && decision &&
           (strcmp(decision, "approve") == 0 ||
            strcmp(decision, "deny") == 0) &&
           (!number || json_is_string(number)) &&
           mfa_integer(claims, "exp") >= call->s.in->now_ms / 1000;
}

/* What the phone repeats of a request is what it was shown. */
static bool
was_shown(const char *said, const char *meant)
{
    const char *shown = meant ? meant : "";

    return said && strlen(said) == shown_len(shown) &&
           strncmp(said, shown, strlen(said)) == 0;
}

static bool
of_this_client(const struct mfa_call *call)
{
    return was_shown(mfa_text(call->claims, "client"), call->s.auth.client) &&
           was_shown(mfa_text(call->claims, "host"), call->s.auth.host);
}

/* Changes nothing, and is known of. */
static factor_status
ignore_answer(struct mfa_call *call, const char *why)
{
    factor_status status =
        mfa_audit_device(&call->s, "mfa.push_ignored", &call->device, why);

    return status ? status : mfa_call_refuse(call, 409, MFA_CODE_GONE, 0);
}

static factor_status
ignore_client(struct mfa_call *call)
{
    factor_status status = mfa_audit_device(
        &call->s, "mfa.push_ignored", &call->device, "other_client");

    return status ? status : mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
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
report_answer(struct mfa_call *call, bool approved)
{
    const char *reason = call->s.auth.push.reason;
    factor_status status = mfa_audit_device(
        &call->s, approved ? "mfa.push_approved" : "mfa.push_denied",
        &call->device, reason);

    if (!status && approved)
        status = note_dropped(call);
    if (!status && reason && strcmp(reason, "REPORT_FRAUD") == 0)
        status = mfa_audit_device(&call->s, "mfa.fraud_reported",
                                  &call->device, NULL);
    return status;
}

static factor_status
write_answer(struct mfa_call *call, enum mfa_answered answered,
             bool had_failures)
{
    bool approved = answered == MFA_ANSWER_APPROVED;
    factor_status status = mfa_put_auth(&call->s);

    if (!status)
        status = mfa_put_device(&call->s, &call->device);
    if (!status && (had_failures || call->s.account.counter.failures > 0))
        status = mfa_put_account(&call->s);
    if (!status)
        status = report_answer(call, approved);
    return status ? status : tell_result(call);
}

/* Nothing changes: because the sign-on has gone on with this very answer, or
 * because the answer is none to what it asks now. */
static factor_status
answer_gone(struct mfa_call *call, const struct mfa_answer *answer)
{
    const struct mfa_auth *auth = &call->s.auth;

    if (!auth->device || strcmp(auth->device, call->device.id) != 0)
        return ignore_answer(call, "foreign");
    if (strcmp(auth->push.challenge, answer->challenge) != 0)
        return ignore_answer(call, "old");
    if (auth->push.decision == MFA_UNDECIDED)
        return ignore_answer(call, "expired");
    return same_or_none(auth->push.nonce, answer->nonce)
               ? tell_result(call)
               : ignore_answer(call, "repeated");
}

static factor_status
decide_push(struct mfa_call *call)
{
    const json_t *claims = call->claims;
    const struct mfa_answer answer = {
        .challenge = mfa_text(claims, "challenge"),
        .nonce = mfa_text(claims, "nonce"),
        .approve = strcmp(mfa_text(claims, "decision"), "approve") == 0,
        .number = mfa_text(claims, "number"),
        .method = allowed_method(call),
        .reason = known_reason(call),
        .same_client = from_same_client(call),
        .refused = refused_place(call),
    };
    bool had_failures = call->s.account.counter.failures > 0;
    enum mfa_answered answered =
        mfa_auth_answer(&call->s.auth, &call->device, &call->s.account,
                        &call->s.limits, &answer, call->s.in->now_ms);

    switch (answered) {
    case MFA_ANSWER_APPROVED:
    case MFA_ANSWER_DENIED:
        return write_answer(call, answered, had_failures);
    case MFA_ANSWER_AGAIN:
        return tell_result(call);
    case MFA_ANSWER_GONE:
    default:
        return answer_gone(call, &answer);
    }
}

static factor_status
take_answer(struct mfa_call *call)
{
    if (!is_answer(call))
        return mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    if (!load_auth(call))
        return ignore_answer(call, "foreign");
    if (call->device.blocked)
        return ignore_answer(call, "blocked");
    if (mfa_account_locked(&call->s))
        return ignore_answer(call, "account_locked");
    return of_this_client(call) ? decide_push(call) : ignore_client(call);
}

/* --- Changes --- */

/* Each is made after the one before: none can be played again.  Made at the
 * instant of iat, which is near our clock, none is far ahead of the next one.
 * *ret_in_order false: the outcome says what is wrong. */
static factor_status
in_order(struct mfa_call *call, bool *ret_in_order)
{
    int64_t at_ms = mfa_integer(call->claims, "iat_ms");

    *ret_in_order = false;
    if (at_ms / 1000 != mfa_integer(call->claims, "iat"))
        return mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    if (at_ms <= call->device.statement_at_ms)
        return mfa_call_refuse(call, 409, MFA_CODE_REPLAYED, 0);
    call->device.statement_at_ms = at_ms;
    *ret_in_order = true;
    return FACTOR_OK;
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
    bool next;
    factor_status status = in_order(call, &next);

    if (status || !next)
        return status;
    if (!push || !mfa_push_fits(push))
        return mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    call->device.push = json_string_value(push);
    call->device.push_at_ms = call->s.in->now_ms;
    return write_change(call, "mfa.push_address_changed");
}

/* The new key signs too, and now: nobody takes a key that is not his.  A
 * detail code, or NULL: it fits. */
static const char *
proof_fault(const struct mfa_call *call, const json_t *jwk)
{
    const char *proof = mfa_text(call->claims, "proof"), *fault;
    json_t *claims = NULL;

    if (!jwk || !proof ||
        call->s.host->jws_verify(jwk, MFA_STATEMENT_TYPE, proof, &claims) !=
            FACTOR_OK)
        return MFA_CODE_STATEMENT;
    fault = mfa_claims_fault(call, claims, "proof");
    json_decref(claims);
    return fault;
}

static factor_status
change_key(struct mfa_call *call)
{
    json_t *jwk;
    const char *fault;
    bool next;
    factor_status status = in_order(call, &next);

    if (status || !next)
        return status;
    jwk = mfa_plain_jwk(json_object_get(call->claims, "key"));
    fault = proof_fault(call, jwk);
    call->device.jwk = jwk;
    status = fault ? mfa_call_refuse(call, 400, fault, 0)
                   : write_change(call, "mfa.device_key_changed");
    json_decref(jwk);
    return status;
}

/* As any device is removed, but that it was the phone that did. */
static factor_status
unpair(struct mfa_call *call)
{
    struct mfa_step *s = &call->s;
    const struct mfa_device *device;
    bool next;
    factor_status status = in_order(call, &next);

    if (status || !next)
        return status;
    status = mfa_load_devices(s, s->in->reads[READ_MORE]);
    if (!status)
        status = mfa_audit_device(s, "mfa.unpaired", &call->device, "phone");
    if (status)
        return status;
    device = mfa_find(s, call->device.id);
    status = mfa_drop_device(s, device ? device : &call->device);
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

#define PHONE(operation, where, ...)                                           \
    &(const struct factor_resource)                                            \
    {                                                                          \
        FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_DEVICE,               \
        .name = (operation), .method = "POST",                                 \
        .path = "/{env}/mobile/devices/{device}/" where,                       \
        .body = statement_body, __VA_ARGS__                                    \
    }

const struct factor_resource *const mfa_resources[] = {
    &(const struct factor_resource){
        FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ANYONE,
        .name = "phone.discovery", .method = "GET",
        .path = "/.well-known/factor-phone" },
    &(const struct factor_resource){
        FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ANYONE,
        .name = "phone.pair", .method = "POST",
        .path = "/{env}/mobile/pairings", .body = claim_body,
        .flags = FACTOR_RESOURCE_GUESSABLE },
    PHONE("phone.requests", "requests", .flags = FACTOR_RESOURCE_WAITS),
    PHONE("phone.answers", "answers", .flags = 0),
    PHONE("phone.push", "push", .flags = 0),
    PHONE("phone.key", "key", .flags = 0),
    PHONE("phone.unpair", "unpair", .flags = 0),
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

/* What the call reads besides. */
static factor_status
plan_more(const struct factor_host *host, const struct factor_step *in,
          const json_t *claims, struct factor_reads *reads)
{
    const char *user = mfa_text(claims, "user");
    const char *request = mfa_text(claims, "request");
    const char *call = in->resource->name;

    if (strcmp(call, "phone.requests") == 0)
        return host->read_owned(reads, MFA_AUTHS, user, AUTHS_MAX);
    if (strcmp(call, "phone.unpair") == 0)
        return host->read_owned(reads, MFA_DEVICES, user, MFA_DEVICES_MAX);
    if (strcmp(call, "phone.answers") == 0 && request &&
        strlen(request) <= FACTOR_ID_MAX)
        return host->read_id(reads, MFA_AUTHS, request);
    return FACTOR_OK;
}

/* Whom the statement speaks of is believed only to know what to read. */
static factor_status
plan_device(const struct factor_host *host, const struct factor_step *in,
            const json_t *claims, struct factor_reads *reads)
{
    const char *user = mfa_text(claims, "user");
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
    return status ? status : plan_more(host, in, claims, reads);
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

/* A statement that nothing could be read for is none; that the device is not
 * there is said only when that was looked for, since the phone forgets it. */
static factor_status
run_device(struct mfa_call *call, const struct operation *operation)
{
    bool verified;
    factor_status status;

    if (call->s.in->read_count <= READ_ACCOUNT)
        return mfa_call_refuse(call, 400, MFA_CODE_STATEMENT, 0);
    if (!load_device(call))
        return mfa_call_refuse(call, 404, MFA_CODE_NOT_PAIRED, 0);
    status = mfa_call_verify(call, call->device.jwk, operation->purpose,
                             &verified);
    return status || !verified ? status : operation->run(call);
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
               .config = mfa_config_in_force(config ? config->body : NULL,
                                             self->settings.seed) },
        .out = ret_outcome,
    };
    factor_status status = call.s.config ? FACTOR_E_INPUT : FACTOR_E_NOMEM;

    mfa_limits_read(call.s.config, &call.s.limits);
    if (operation && mfa_policy_find(call.s.config, NULL, &call.s.policy))
        status = operation->purpose ? run_device(&call, operation)
                                    : operation->run(&call);
    json_decref(call.claims);
    mfa_step_drop(&call.s);
    if (status && err) {
        err->code = status;
        snprintf(err->text, sizeof(err->text), "the call cannot be answered");
    }
    return status;
}
