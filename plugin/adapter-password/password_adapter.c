/* SPDX-License-Identifier: MIT */
/* plugin/adapter-password/password_adapter.c - username and password: the
 * plugin.
 *
 * Whatever is wrong - no such user, a disabled one, the password, or the time
 * to wait - the answer is the same, and a hash was computed for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "factor/plugin.h"
#include "plugin/adapter-password/password_core.h"
#include "plugin/adapter-password/password_hash.h"
#include "plugin/adapter-password/password_model.h"

/* One record each of a user, with the user's id. */
#define CREDENTIALS "password.credential"
#define ATTEMPTS "password.attempts"

/* The reads of a check and of an operator's action. */
enum { READ_USER, READ_CREDENTIAL, READ_ATTEMPTS };
/* The read of a measurement, and what it looks for. */
enum { READ_PAGE, MEASURE_PAGE = 1000, MEASURE_COSTS = 32 };

struct factor_adapter {
    const struct factor_host *host;
    struct password_tables tables;
    struct password_rule rule;
    unsigned cost;
    char decoy[PASSWORD_HASH_SIZE];
};

/* --- The instance --- */

static factor_status
explain(struct factor_error *err, factor_status code, const char *why)
{
    if (err) {
        err->code = code;
        snprintf(err->text, sizeof(err->text), "%s", why);
    }
    return code;
}

static int64_t
integer_of(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static const char *
text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static void
fini(struct factor_adapter *self)
{
    free(self);
}

static void
load_settings(struct factor_adapter *self, const json_t *settings)
{
    self->cost = (unsigned)integer_of(settings, "yescrypt_cost");
    self->rule = (struct password_rule){
        .after = (uint32_t)integer_of(settings, "wait_after"),
        .first_ms = integer_of(settings, "wait_first"),
        .longest_ms = integer_of(settings, "wait_max"),
        .forget_ms = integer_of(settings, "forget_after"),
    };
    password_tables_fill(&self->tables, integer_of(settings, "answer_after"));
}

static factor_status
init(const struct factor_host *host, const struct json_t *settings,
     struct factor_adapter **ret_self, struct factor_error *err)
{
    struct factor_adapter *self = calloc(1, sizeof(*self));
    const char *why = NULL;

    if (!self)
        return explain(err, FACTOR_E_NOMEM, "out of memory");
    self->host = host;
    load_settings(self, settings);
    if (self->rule.longest_ms < self->rule.first_ms)
        why = "wait_max: less than wait_first";
    else if (!password_decoy(self->cost, self->decoy))
        why = "yescrypt_cost: libxcrypt does not take it";
    if (why) {
        fini(self);
        return explain(err, FACTOR_E_CONFIG, why);
    }
    *ret_self = self;
    return FACTOR_OK;
}

static const struct factor_description *
describe(const struct factor_adapter *self)
{
    return &self->tables.description;
}

/* --- Reading --- */

static bool
is_action(const struct factor_step *step, const char *name)
{
    return step->action && strcmp(step->action, name) == 0;
}

static bool
is_measurement(const struct factor_step *step)
{
    return !step->flow && is_action(step, PASSWORD_ACTION_MEASURE);
}

/* A username that the host cannot fold is nobody's.  Without one, the host
 * asks only whether the action applies now. */
static factor_status
plan_check(const struct factor_host *host, const char *username,
           struct factor_reads *reads)
{
    factor_status status;

    if (!username)
        return FACTOR_OK;
    status = host->read_username(reads, username);
    if (status)
        return status == FACTOR_E_INPUT ? FACTOR_OK : status;
    status = host->read_username_owned(reads, username, CREDENTIALS, 1);
    if (!status)
        status = host->read_username_owned(reads, username, ATTEMPTS, 1);
    return status;
}

static factor_status
plan_operator(const struct factor_host *host, const char *id,
              struct factor_reads *reads)
{
    factor_status status;

    if (!id)
        return FACTOR_OK;
    status = host->read_user(reads, id);
    if (!status)
        status = host->read_id(reads, CREDENTIALS, id);
    if (!status)
        status = host->read_id(reads, ATTEMPTS, id);
    return status;
}

static factor_status
plan_reads(const struct factor_adapter *self, const struct factor_step *step,
           struct factor_reads *reads)
{
    if (is_measurement(step))
        return self->host->read_page(reads, CREDENTIALS, NULL, MEASURE_PAGE);
    if (!step->flow)
        return plan_operator(self->host, step->subject, reads);
    if (is_action(step, PASSWORD_ACTION_CHECK))
        return plan_check(self->host, text_of(step->fields, "username"),
                          reads);
    return FACTOR_OK;
}

/* --- The attempts record --- */

static void
load_source(struct password_attempts *attempts, const json_t *json)
{
    struct password_source *source = &attempts->sources[attempts->count];
    const char *key = text_of(json, "key");
    int64_t failures = integer_of(json, "failures");

    if (!key || strlen(key) >= sizeof(source->key) || failures < 0)
        return;
    *source = (struct password_source){
        .failures = failures < UINT32_MAX ? (uint32_t)failures : UINT32_MAX,
        .wait_until_ms = integer_of(json, "wait_until_ms"),
        .at_ms = integer_of(json, "at_ms"),
    };
    memcpy(source->key, key, strlen(key));
    attempts->count++;
}

static void
load_attempts(struct password_attempts *attempts, const json_t *body)
{
    const json_t *secret = json_object_get(body, "secret");
    const json_t *list = json_object_get(secret, "sources");
    size_t i;

    *attempts = (struct password_attempts){ .count = 0 };
    for (i = 0; i < json_array_size(list); i++)
        if (attempts->count < PASSWORD_SOURCES_MAX)
            load_source(attempts, json_array_get(list, i));
}

static json_t *
save_sources(const struct password_attempts *attempts)
{
    json_t *list = json_array();
    const struct password_source *source;
    size_t i;

    for (i = 0; list && i < attempts->count; i++) {
        source = &attempts->sources[i];
        if (json_array_append_new(
                list, json_pack("{s:s, s:I, s:I, s:I}", "key", source->key,
                                "failures", (json_int_t)source->failures,
                                "wait_until_ms",
                                (json_int_t)source->wait_until_ms, "at_ms",
                                (json_int_t)source->at_ms))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Write one of the user's records anew, with this member "secret", which is
 * stolen; everything else in it stays. */
static factor_status
put_secret(const struct factor_adapter *self, const struct factor_step *step,
           const char *user_id, const char *collection,
           const struct factor_record *old, json_t *secret)
{
    json_t *body = old ? json_deep_copy(old->body) : json_pack("{s:i}", "v", 1);
    const struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = collection,
        .id = user_id,
        .owner = user_id,
        .version = old ? old->version : 0,
        .expires_at_ms = old ? old->expires_at_ms : 0,
        .body = body,
    };
    factor_status status = FACTOR_E_NOMEM;

    if (!body || !secret)
        json_decref(secret);
    else if (!json_object_set_new(body, "secret", secret))
        status = self->host->put(step->effects, &put);
    json_decref(body);
    return status;
}

static factor_status
put_attempts(const struct factor_adapter *self, const struct factor_step *step,
             const char *user_id, const struct password_attempts *attempts)
{
    return put_secret(self, step, user_id, ATTEMPTS,
                      factor_read_one(step, READ_ATTEMPTS),
                      json_pack("{s:o}", "sources", save_sources(attempts)));
}

/* fields is stolen. */
static factor_status
audit(const struct factor_adapter *self, const struct factor_step *step,
      const char *event, json_t *fields)
{
    factor_status status = FACTOR_E_NOMEM;

    if (fields)
        status = self->host->audit(step->effects, event, fields);
    json_decref(fields);
    return status;
}

/* --- Outcomes --- */

static factor_status
tell(const struct factor_adapter *self, const struct factor_step *step,
     struct factor_outcome *out, const char *code)
{
    struct factor_detail *detail;
    const struct factor_detail **details;

    detail = self->host->alloc(step->arena, sizeof(*detail));
    details = self->host->alloc(step->arena, 2 * sizeof(*details));
    if (!detail || !details)
        return FACTOR_E_NOMEM;
    *detail = (struct factor_detail){ .struct_size = sizeof(*detail),
                                      .attempts_remaining = -1,
                                      .code = code };
    details[0] = detail;
    out->details = details;
    return FACTOR_OK;
}

/* The one answer to everything that is wrong. */
static factor_status
refuse(const struct factor_adapter *self, const struct factor_step *step,
       struct factor_outcome *out)
{
    out->verdict = FACTOR_CONTINUE;
    out->state = PASSWORD_STATE;
    return tell(self, step, out, PASSWORD_CODE_FAILED);
}

/* --- checkUsernamePassword --- */

/* What is known of the user who was named. */
struct claim {
    const struct factor_record *user; /* or NULL */
    const char *hash;                 /* the user's, or NULL */
    bool enabled;
    char source[PASSWORD_SOURCE_SIZE];
    struct password_attempts attempts;
};

/* The user's own browser has a budget that no stranger can use up.  Another
 * user's gives none. */
static bool
is_own_browser(const struct claim *claim, const struct factor_step *step)
{
    const char *known_user = step->request->known_user;

    return known_user && strcmp(known_user, claim->user->id) == 0;
}

static void
load_claim(struct claim *claim, const struct factor_adapter *self,
           const struct factor_step *step)
{
    const struct factor_record *record;
    const json_t *secret;

    *claim = (struct claim){ .user = factor_read_one(step, READ_USER) };
    if (!claim->user)
        return;
    password_source_key(step->request->address, is_own_browser(claim, step),
                        claim->source);
    claim->enabled = json_is_true(
        json_object_get(claim->user->body, FACTOR_USER_ENABLED));
    record = factor_read_one(step, READ_CREDENTIAL);
    secret = record ? json_object_get(record->body, "secret") : NULL;
    claim->hash = text_of(secret, "hash");
    record = factor_read_one(step, READ_ATTEMPTS);
    load_attempts(&claim->attempts, record ? record->body : NULL);
    password_forget(&claim->attempts, &self->rule, step->now_ms);
}

/* Written at every success too: of checks that run at once, one alone can
 * then be committed on what it saw. */
static factor_status
accept(const struct factor_adapter *self, const struct factor_step *step,
       struct claim *claim, struct factor_outcome *out)
{
    static const char *const amr[] = { "pwd", NULL };
    const char *id = claim->user->id;
    const char *name = text_of(claim->user->body, FACTOR_USER_USERNAME);
    factor_status status;

    password_clear(&claim->attempts, claim->source);
    status = put_attempts(self, step, id, &claim->attempts);
    if (!status)
        status = audit(self, step, "password.verified",
                       json_pack("{s:s}", "user", id));
    if (status)
        return status;
    out->attributes = json_pack("{s:s, s:s}", "userId", id, "username",
                                name ? name : "");
    if (!out->attributes)
        return FACTOR_E_NOMEM;
    out->verdict = FACTOR_SUCCESS;
    out->subject = id;
    out->amr = amr;
    out->kinds = FACTOR_KIND_KNOWLEDGE;
    return FACTOR_OK;
}

static factor_status
count_failure(const struct factor_adapter *self,
              const struct factor_step *step, struct claim *claim,
              struct factor_outcome *out)
{
    const char *id = claim->user->id;
    factor_status status;

    password_count_failure(&claim->attempts, claim->source, &self->rule,
                           step->now_ms);
    status = put_attempts(self, step, id, &claim->attempts);
    if (!status)
        status = audit(self, step, "password.failed",
                       json_pack("{s:s, s:s}", "user", id, "reason",
                                 claim->enabled ? "wrong" : "disabled"));
    return status ? status : refuse(self, step, out);
}

/* Nobody, or nothing to guess: there is no record to count in. */
static factor_status
refuse_stranger(const struct factor_adapter *self,
                const struct factor_step *step, struct factor_outcome *out)
{
    const char *username = text_of(step->fields, "username");
    factor_status status =
        self->host->count_unknown(step->effects, username ? username : "");

    return status ? status : refuse(self, step, out);
}

static factor_status
check(const struct factor_adapter *self, const struct factor_step *step,
      struct factor_outcome *out)
{
    const char *password = text_of(step->fields, "password");
    void *memory = self->host->alloc(step->arena, PASSWORD_MEMORY);
    struct claim claim;
    bool matches;

    if (!memory)
        return FACTOR_E_NOMEM;
    if (!password)
        return FACTOR_E_INPUT;
    load_claim(&claim, self, step);
    matches = password_matches(memory, password,
                               claim.hash ? claim.hash : self->decoy);
    if (!claim.user || !claim.hash)
        return refuse_stranger(self, step, out);
    if (password_waits(&claim.attempts, claim.source, step->now_ms))
        return refuse(self, step, out);
    if (matches && claim.enabled)
        return accept(self, step, &claim, out);
    return count_failure(self, step, &claim, out);
}

/* --- The flow --- */

static factor_status
enter(const struct factor_adapter *self, const struct factor_step *step,
      struct factor_outcome *out)
{
    (void)self;
    (void)step;
    out->verdict = FACTOR_CONTINUE;
    out->state = PASSWORD_STATE;
    return FACTOR_OK;
}

static factor_status
cancel(const struct factor_adapter *self, const struct factor_step *step,
       struct factor_outcome *out)
{
    (void)self;
    (void)step;
    out->verdict = FACTOR_FAILURE;
    return FACTOR_OK;
}

/* The name to begin with: the one that the client hints at. */
static int
set_username(json_t *view, const struct factor_step *step)
{
    const char *hint = text_of(step->request->parameters, "login_hint");

    if (!hint)
        return 0;
    return json_object_set_new(view, "username", json_string(hint));
}

static factor_status
get_state_model(const struct factor_adapter *self,
                const struct factor_step *step, struct factor_model *ret_model,
                struct factor_error *err)
{
    static const char *const actions[] = { PASSWORD_ACTION_CHECK,
                                           PASSWORD_ACTION_CANCEL, NULL };
    json_t *view;

    (void)self;
    if (!step->flow || !step->flow->state ||
        strcmp(step->flow->state, PASSWORD_STATE) != 0)
        return explain(err, FACTOR_E_INPUT, "no state of this adapter");
    view = json_pack("{s:b, s:b, s:b, s:b, s:b}", "showRememberMyUsername", 0,
                     "rememberMyUsernameSelected", 0, "showThisIsMyDevice", 0,
                     "thisIsMyDeviceSelected", 0, "showCaptcha", 0);
    if (!view || set_username(view, step)) {
        json_decref(view);
        return explain(err, FACTOR_E_NOMEM, "out of memory");
    }
    ret_model->state = PASSWORD_STATE;
    ret_model->view = view;
    ret_model->actions = actions;
    return FACTOR_OK;
}

/* --- Operators --- */

/* body is stolen. */
static factor_status
answer(struct factor_outcome *out, json_t *body)
{
    out->verdict = FACTOR_SUCCESS;
    out->body = body;
    return body ? FACTOR_OK : FACTOR_E_NOMEM;
}

static factor_status
refuse_operator(const struct factor_adapter *self,
                const struct factor_step *step, struct factor_outcome *out,
                const char *code)
{
    out->verdict = FACTOR_FAILURE;
    return tell(self, step, out, code);
}

/* The hash to keep; false: there is none. */
static bool
imported_hash(const struct factor_adapter *self,
              const struct factor_step *step, void *memory,
              char ret_hash[PASSWORD_HASH_SIZE])
{
    const char *password = text_of(step->fields, "password");
    const char *hash = text_of(step->fields, "passwordHash");

    if (!password == !hash)
        return false;
    if (password)
        return *password && password_hash(memory, password, self->cost,
                                          step->entropy, ret_hash);
    if (!password_hash_usable(memory, hash))
        return false;
    snprintf(ret_hash, PASSWORD_HASH_SIZE, "%s", hash);
    return true;
}

/* Sets the password alone: what was counted against the user stays. */
static factor_status
import_user(const struct factor_adapter *self, const struct factor_step *step,
            struct factor_outcome *out)
{
    const struct factor_record *old = factor_read_one(step, READ_CREDENTIAL);
    void *memory = self->host->alloc(step->arena, PASSWORD_MEMORY);
    char *hash = self->host->alloc(step->arena, PASSWORD_HASH_SIZE);
    factor_status status;

    if (!memory || !hash)
        return FACTOR_E_NOMEM;
    if (!imported_hash(self, step, memory, hash))
        return refuse_operator(self, step, out, PASSWORD_CODE_BAD_IMPORT);
    status = put_secret(self, step, step->subject, CREDENTIALS, old,
                        json_pack("{s:s}", "hash", hash));
    if (!status)
        status = audit(self, step, "password.imported",
                       json_pack("{s:s}", "user", step->subject));
    return status ? status : answer(out, json_object());
}

static factor_status
unlock(const struct factor_adapter *self, const struct factor_step *step,
       struct factor_outcome *out)
{
    const struct password_attempts nothing = { .count = 0 };
    factor_status status = FACTOR_OK;

    if (factor_read_one(step, READ_ATTEMPTS)) {
        status = put_attempts(self, step, step->subject, &nothing);
        if (!status)
            status = audit(self, step, "password.unlocked",
                           json_pack("{s:s}", "user", step->subject));
    }
    return status ? status : answer(out, json_object());
}

/* --- The measurement --- */

/* Hashes that differ in what they cost: the decoy, and what is stored, as far
 * as a page tells.  Returns how many; 0: nothing is stored. */
static size_t
costs_of(const struct factor_adapter *self, const struct factor_step *step,
         const char *ret_hashes[MEASURE_COSTS])
{
    const struct factor_records *page = step->reads[READ_PAGE];
    size_t count = 1, i, known;
    const char *hash;

    ret_hashes[0] = self->decoy;
    for (i = 0; i < page->count && count < MEASURE_COSTS; i++) {
        hash = text_of(json_object_get(page->records[i]->body, "secret"),
                       "hash");
        for (known = 0; hash && known < count; known++)
            if (password_same_cost(hash, ret_hashes[known]))
                hash = NULL;
        if (hash)
            ret_hashes[count++] = hash;
    }
    return page->count > 0 ? count : 0;
}

/* One cost a round: the host has the clock.  Some schemes take longer over a
 * longer password. */
static factor_status
measure(const struct factor_adapter *self, const struct factor_step *step,
        struct factor_outcome *out)
{
    void *memory = self->host->alloc(step->arena, PASSWORD_MEMORY);
    int64_t round = integer_of(step->fields, "round");
    const char *hashes[MEASURE_COSTS];
    char password[PASSWORD_MAX + 1];
    size_t count = costs_of(self, step, hashes);

    if (!memory)
        return FACTOR_E_NOMEM;
    out->verdict = FACTOR_SUCCESS;
    if (round < 0 || (uint64_t)round >= count)
        return FACTOR_OK;
    memset(password, 'x', PASSWORD_MAX);
    password[PASSWORD_MAX] = '\0';
    password_matches(memory, password, hashes[round]);
    if ((uint64_t)round + 1 == count)
        return FACTOR_OK;
    return answer(out, json_pack("{s:I}", "round", (json_int_t)round + 1));
}

/* --- The table --- */

static const struct transition {
    bool operator;
    const char *action; /* NULL: the flow enters */
    factor_status (*run)(const struct factor_adapter *self,
                         const struct factor_step *step,
                         struct factor_outcome *out);
} transitions[] = {
    { false, NULL, enter },
    { false, PASSWORD_ACTION_CHECK, check },
    { false, PASSWORD_ACTION_CANCEL, cancel },
    { true, PASSWORD_ACTION_IMPORT, import_user },
    { true, PASSWORD_ACTION_UNLOCK, unlock },
};

static factor_status
decide(const struct factor_adapter *self, const struct factor_step *step,
       struct factor_outcome *out)
{
    const struct transition *transition;
    size_t i;

    if (is_measurement(step))
        return measure(self, step, out);
    if (!step->flow && !factor_read_one(step, READ_USER))
        return refuse_operator(self, step, out, PASSWORD_CODE_NO_USER);
    for (i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
        transition = &transitions[i];
        if (transition->operator != !step->flow)
            continue;
        if (transition->action ? is_action(step, transition->action)
                               : !step->action)
            return transition->run(self, step, out);
    }
    return FACTOR_E_INPUT;
}

static factor_status
handle_action(const struct factor_adapter *self,
              const struct factor_step *step,
              struct factor_outcome *ret_outcome, struct factor_error *err)
{
    struct factor_outcome out = { .struct_size = ret_outcome->struct_size };
    factor_status status = decide(self, step, &out);

    if (status) {
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

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_ADAPTER, "password", "0.1.0",
                       "Username and password, the first factor.",
                       password_setting_table, &ops)
