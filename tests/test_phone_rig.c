/* SPDX-License-Identifier: MIT */
/* tests/test_phone_rig.c - a phone on fake callbacks, and a fake host. */
#include "tests/test_phone_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/jose/jose.h"
#include "phone/internal.h"
#include "tests/tap.h"

struct rig rig;

const struct factor_phone_about rig_about = { .name = "Ann's phone",
                                              .platform = "android" };

const char *
rig_text(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static void
set(char **text, const char *value)
{
    char *copy = value ? strdup(value) : NULL;

    free(*text);
    *text = copy;
}

/* --- storage --- */

static int
do_load(void *context, char **ret_blob, size_t *ret_len)
{
    (void)context;
    if (rig.load_fails)
        return -1;
    if (rig.blob) {
        *ret_blob = malloc(rig.blob_len);
        memcpy(*ret_blob, rig.blob, rig.blob_len);
        *ret_len = rig.blob_len;
    }
    return 0;
}

static int
do_save(void *context, const char *blob, size_t len)
{
    (void)context;
    CU_ASSERT(rig.locked);
    if (rig.saves_left == 0 || rig.saves_fail > 0) {
        rig.saves_fail--;
        return -1;
    }
    rig.saves_left -= rig.saves_left > 0;
    rig.saves++;
    if (rig.blob)
        explicit_bzero(rig.blob, rig.blob_len);
    free(rig.blob);
    rig.blob = malloc(len);
    memcpy(rig.blob, blob, len);
    rig.blob_len = len;
    return 0;
}

static int
lock(void *context)
{
    (void)context;
    CU_ASSERT_FALSE(rig.locked);
    if (rig.lock_fails)
        return -1;
    rig.locked = true;
    return 0;
}

static void
unlock(void *context)
{
    (void)context;
    CU_ASSERT(rig.locked);
    rig.locked = false;
}

json_t *
rig_state(void)
{
    return json_loadb(rig.blob ? rig.blob : "{}", rig.blob ? rig.blob_len : 2,
                      0, NULL);
}

/* --- clock and randomness --- */

static int64_t
now_ms(void *context)
{
    (void)context;
    return rig.now_ms;
}

static int
random_bytes(void *context, void *bytes, size_t len)
{
    unsigned char *next = bytes;
    size_t i;

    (void)context;
    if (rig.random_fails)
        return -1;
    if (rig.key_bytes && len == 32) {
        memcpy(bytes, rig.key_bytes, len);
        rig.key_bytes = NULL;
        return 0;
    }
    for (i = 0; i < len; i++)
        next[i] = (unsigned char)(i + (len == 32 ? rig.random : 0));
    rig.random += len == 32; /* a new key is another one */
    return 0;
}

/* --- the host's answers --- */

static int64_t
host_time_s(void)
{
    return (rig.now_ms + rig.host.ahead_ms) / 1000;
}

static json_t *
refusal(long http, const char *code, long *ret_http)
{
    *ret_http = http;
    return json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}], s:I}", "id", "x",
                     "code", "INVALID_DATA", "message", "refused", "details",
                     "code", code, "message", code, "time",
                     (json_int_t)host_time_s());
}

/* The claims of a statement by this key; NULL: it is none. */
static json_t *
verified(const char *text, const json_t *jwk, const char *typ)
{
    struct jose_expect expect = { .aud = { rig.host.issuer },
                                  .typ = typ,
                                  .now_s = host_time_s(),
                                  .leeway_s = INT32_MAX };
    struct jose_jwks keys = { 0 };
    struct jose_key *key = NULL;
    json_t *claims = NULL;

    if (!text || !jwk || jose_key_import(jwk, &key, NULL))
        return NULL;
    jose_jwks_add(&keys, key, NULL);
    jose_key_free(key);
    if (jose_verify(text, strlen(text), &keys, &expect, &claims, NULL))
        claims = NULL;
    jose_jwks_clear(&keys);
    return claims;
}

/* What every statement says; or the code of the refusal. */
static const char *
check_claims(const json_t *claims, const char *purpose, bool paired)
{
    json_int_t iat = json_integer_value(json_object_get(claims, "iat"));

    if (json_integer_value(json_object_get(claims, "v")) != 1 ||
        !rig_text(claims, "purpose") ||
        strcmp(rig_text(claims, "purpose"), purpose) != 0)
        return "INVALID_STATEMENT";
    if (llabs(iat - host_time_s()) > rig.host.slack_s)
        return "CLOCK_NOT_SYNCHRONIZED";
    if (paired && (!rig_text(claims, "device") || !rig_text(claims, "user") ||
                   strcmp(rig_text(claims, "device"), rig.host.device) != 0 ||
                   strcmp(rig_text(claims, "user"), rig.host.user) != 0))
        return "INVALID_STATEMENT";
    return NULL;
}

/* Reads a statement into host.claims; the code of a refusal, or NULL. */
static const char *
take_statement(const char *text, const json_t *jwk, const char *purpose,
               bool paired)
{
    json_t *claims = verified(text, jwk, "factor-phone+jwt");
    const char *code = claims ? check_claims(claims, purpose, paired)
                              : "INVALID_STATEMENT";

    if (code) {
        json_decref(claims);
        return code;
    }
    json_decref(rig.host.claims);
    rig.host.claims = claims;
    return NULL;
}

static json_t *
paired_answer(const char *thumbprint)
{
    struct rig_host *host = &rig.host;
    struct phone_key key = { .d = { 0 } };
    char check[FACTOR_PHONE_CHECK_SIZE] = "";
    json_t *answer;

    CU_ASSERT(phone_unb64(rig_text(host->key, "x"), key.x, 32));
    CU_ASSERT(phone_unb64(rig_text(host->key, "y"), key.y, 32));
    CU_ASSERT(phone_check(&key, check));
    set(&host->claimed_by, thumbprint);
    answer = json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:I}", "device",
                       host->device, "user", "id", host->user, "name",
                       host->user_name, "issuer",
                       host->pair_issuer ? host->pair_issuer : host->issuer,
                       "status", "ACTIVATION_REQUIRED", "check",
                       host->check ? host->check : check, "time",
                       (json_int_t)host_time_s());
    if (!host->no_passcode)
        json_object_set_new(answer, "passcode",
                            json_pack("{s:s, s:i, s:i}", "secret", RIG_SECRET,
                                      "digits", 6, "period", 30));
    return answer;
}

static json_t *
answer_pair(const struct rig_call *call, long *ret_http)
{
    const json_t *jwk = json_object_get(call->body, "key");
    char thumbprint[FACTOR_PHONE_THUMB_SIZE];
    const char *code = take_statement(call->statement, jwk, "pair", false);

    if (code)
        return refusal(400, code, ret_http);
    if (strcmp(rig_text(rig.host.claims, "key"), RIG_KEY) != 0)
        return refusal(400, "PAIRING_KEY_INVALID", ret_http);
    CU_ASSERT(phone_thumbprint(jwk, thumbprint));
    if (rig.host.claimed_by &&
        strcmp(rig.host.claimed_by, thumbprint) != 0)
        return refusal(400, "PAIRING_KEY_INVALID", ret_http);
    *ret_http = rig.host.claimed_by ? 200 : 201;
    json_decref(rig.host.key);
    rig.host.key = json_deep_copy(jwk);
    return paired_answer(thumbprint);
}

static json_t *
answer_requests(const struct rig_call *call, long *ret_http)
{
    const char *code = take_statement(call->statement, rig.host.key,
                                      "requests", true);

    if (code)
        return refusal(400, code, ret_http);
    *ret_http = 200;
    return json_pack("{s:s, s:s, s:O, s:I}", "status", "ACTIVE", "name",
                     "Ann's phone", "requests",
                     rig.host.requests, "time", (json_int_t)host_time_s());
}

/* What an answer makes of the request that it names; NULL: it is gone. */
static const char *
judge(const json_t *claims)
{
    const char *id = rig_text(claims, "request");
    const char *number = rig_text(claims, "number");
    const json_t *request;
    const char *wanted = rig.host.number;
    size_t i;

    for (i = 0; i < json_array_size(rig.host.requests); i++) {
        request = json_array_get(rig.host.requests, i);
        if (!id || strcmp(id, rig_text(request, "id")) != 0)
            continue;
        CU_ASSERT_STRING_EQUAL(rig_text(claims, "challenge"),
                               rig_text(request, "challenge"));
        CU_ASSERT_STRING_EQUAL(rig_text(claims, "client"),
                               rig_text(request, "client"));
        CU_ASSERT_STRING_EQUAL(rig_text(claims, "host"),
                               rig_text(request, "host"));
        CU_ASSERT_EQUAL(strlen(rig_text(claims, "nonce")), 22);
        json_array_remove(rig.host.requests, i);
        if (strcmp(rig_text(claims, "decision"), "approve") != 0)
            return "denied";
        return wanted && (!number || strcmp(number, wanted) != 0)
                   ? "denied"
                   : "approved";
    }
    return NULL;
}

static json_t *
answer_answers(const struct rig_call *call, long *ret_http)
{
    struct rig_host *host = &rig.host;
    const char *code = take_statement(call->statement, host->key, "answer",
                                      true);
    json_int_t exp = json_integer_value(
        json_object_get(host->claims, "exp"));

    if (code)
        return refusal(400, code, ret_http);
    if (exp <= host_time_s())
        return refusal(400, "INVALID_STATEMENT", ret_http);
    if (!host->answered || strcmp(host->answered, call->statement) != 0) {
        host->result = judge(host->claims);
        if (!host->result)
            return refusal(409, "REQUEST_GONE", ret_http);
        set(&host->answered, call->statement);
    }
    *ret_http = 200;
    return json_pack("{s:s, s:I}", "result",
                     host->no_result ? host->no_result : host->result, "time",
                     (json_int_t)host_time_s());
}

/* The new key has signed the proof. */
static bool
take_key(const json_t *claims)
{
    const json_t *key = json_object_get(claims, "key");
    json_t *proof = verified(rig_text(claims, "proof"), key,
                             "factor-phone+jwt");
    bool ok = proof && !check_claims(proof, "proof", true);

    json_decref(proof);
    if (ok) {
        json_decref(rig.host.key);
        rig.host.key = json_deep_copy(key);
    }
    return ok;
}

static void
act_on(const char *purpose, const json_t *claims)
{
    if (strcmp(purpose, "push") == 0)
        set(&rig.host.push, rig_text(claims, "push"));
    if (strcmp(purpose, "key") == 0)
        CU_ASSERT(take_key(claims));
    if (strcmp(purpose, "unpair") == 0) {
        json_decref(rig.host.key);
        rig.host.key = NULL;
    }
}

static json_t *
answer_change(const struct rig_call *call, const char *purpose,
              long *ret_http)
{
    const char *code = take_statement(call->statement, rig.host.key, purpose,
                                      true);
    json_int_t at_ms;

    if (code)
        return refusal(400, code, ret_http);
    at_ms = json_integer_value(json_object_get(rig.host.claims, "iat_ms"));
    CU_ASSERT_EQUAL(at_ms / 1000, json_integer_value(json_object_get(
                                      rig.host.claims, "iat")));
    if (at_ms <= rig.host.last_ms)
        return refusal(409, "STATEMENT_REPLAYED", ret_http);
    rig.host.last_ms = at_ms;
    act_on(purpose, rig.host.claims);
    *ret_http = 200;
    return json_pack("{s:I}", "time", (json_int_t)host_time_s());
}

static json_t *
answer_discovery(long *ret_http)
{
    *ret_http = 200;
    return json_pack("{s:s, s:s, s:s, s:o, s:I}", "issuer", rig.host.issuer,
                     "environment", "env-1", "endpoint", rig.host.endpoint,
                     "applications",
                     json_loads(rig.host.applications, 0, NULL), "time",
                     (json_int_t)host_time_s());
}

/* What follows a prefix in a text; or NULL. */
static const char *
after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static json_t *
answer_device(const struct rig_call *call, const char *path, long *ret_http)
{
    static const char *const changes[] = { "push", "key", "unpair" };
    const char *rest = after(path, rig.host.device);
    size_t i;

    if (!rest || rest[0] != '/' || !rig.host.key)
        return refusal(404, "NOT_PAIRED", ret_http);
    rest++;
    if (strcmp(rest, "requests") == 0)
        return answer_requests(call, ret_http);
    if (strcmp(rest, "answers") == 0)
        return answer_answers(call, ret_http);
    for (i = 0; i < 3; i++)
        if (strcmp(rest, changes[i]) == 0)
            return answer_change(call, changes[i], ret_http);
    return refusal(404, "NOT_FOUND", ret_http);
}

static json_t *
host_answer(const struct rig_call *call, long *ret_http)
{
    const char *path = after(call->url, rig.host.endpoint), *rest;

    if (path && (rest = after(path, "/devices/")))
        return answer_device(call, rest, ret_http);
    if (path && strcmp(path, "/pairings") == 0)
        return answer_pair(call, ret_http);
    path = after(call->url, rig.host.issuer);
    if (path && strcmp(path, "/.well-known/factor-phone") == 0)
        return answer_discovery(ret_http);
    *ret_http = 200;
    if (path && strcmp(path, "/pf/JWKS") == 0)
        return json_deep_copy(rig.host.jwks);
    return refusal(404, "NOT_FOUND", ret_http);
}

/* --- transport --- */

static struct rig_call *
record(const struct factor_phone_call *call)
{
    struct rig_call *made = &rig.calls[rig.call_count++];

    CU_ASSERT_FATAL(rig.call_count < RIG_CALLS);
    snprintf(made->url, sizeof(made->url), "%s", call->url);
    made->wait_s = call->wait_s;
    made->locked = rig.locked;
    if (call->body) {
        made->body = json_loadb(call->body, call->body_len, 0, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(made->body);
        set(&made->statement, rig_text(made->body, "statement"));
    }
    return made;
}

static void
give(struct factor_phone_reply *reply, long http, const char *body, size_t len)
{
    reply->http = http;
    reply->retry_after_s = http == 429 ? 7 : 0;
    reply->body = malloc(len + 1);
    memcpy(reply->body, body, len);
    reply->body_len = len;
}

static int
do_send(void *context, const struct factor_phone_call *call,
        struct factor_phone_reply *ret_reply, char *why, size_t why_size)
{
    static const struct rig_turn pass;
    const struct rig_turn *turn = rig.turn < rig.turn_count
                                      ? &rig.turns[rig.turn++]
                                      : &pass;
    const struct rig_call *made = record(call);
    void (*meanwhile)(void) = rig.meanwhile;
    json_t *answer;
    char *text;
    long http = 0;

    (void)context;
    rig.meanwhile = NULL;
    if (meanwhile)
        meanwhile();
    if (turn->fate == RIG_REPLY) {
        give(ret_reply, turn->http, turn->body,
             turn->len ? turn->len : strlen(turn->body));
        return 0;
    }
    answer = turn->fate == RIG_LOST_BEFORE ? NULL : host_answer(made, &http);
    if (turn->fate != RIG_PASS) {
        json_decref(answer);
        snprintf(why, why_size, "lost");
        return -1;
    }
    text = json_dumps(answer, 0);
    give(ret_reply, http, text, strlen(text));
    explicit_bzero(text, strlen(text)); /* the phone's secret is in it */
    free(text);
    json_decref(answer);
    return 0;
}

/* --- the callbacks, told from the phone's own doings --- */

static int
load(void *context, char **ret_blob, size_t *ret_len)
{
    int status;

    rig.called_back = true;
    status = do_load(context, ret_blob, ret_len);
    rig.called_back = false;
    return status;
}

static int
save(void *context, const char *blob, size_t len)
{
    int status;

    rig.called_back = true;
    status = do_save(context, blob, len);
    rig.called_back = false;
    return status;
}

static int
send_call(void *context, const struct factor_phone_call *call,
          struct factor_phone_reply *ret_reply, char *why, size_t why_size)
{
    int status;

    rig.called_back = true;
    status = do_send(context, call, ret_reply, why, why_size);
    rig.called_back = false;
    return status;
}

/* --- the rig --- */

struct factor_phone_io
rig_io(void)
{
    const struct factor_phone_io io = {
        .load = load, .save = save, .lock = lock, .unlock = unlock,
        .send = send_call, .now_ms = now_ms, .random = random_bytes,
    };

    return io;
}

void
rig_restart(void)
{
    const struct factor_phone_io io = rig_io();

    factor_phone_free(rig.phone);
    rig.phone = factor_phone_new(&io);
}

void
rig_open(void)
{
    /* The public key of RFC 7515 A.3. */
    static const char jwks[] =
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
        "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":"
        "\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
    static const struct rig fresh;

    rig = fresh;
    rig.now_ms = RIG_NOW_MS;
    rig.saves_left = -1;
    rig.random = 1;
    rig.host.issuer = RIG_ISSUER;
    rig.host.endpoint = RIG_ENDPOINT;
    rig.host.applications =
        "[{\"id\":\"" RIG_APPLICATION "\",\"name\":\"Authenticator\"}]";
    rig.host.jwks = json_loads(jwks, 0, NULL);
    rig.host.requests = json_array();
    rig.host.slack_s = 60;
    rig.host.device = "device-1";
    rig.host.user = "user-1";
    rig.host.user_name = "ann";
    rig_restart();
}

void
rig_close(void)
{
    static const struct rig nothing;
    size_t i;

    factor_phone_free(rig.phone);
    for (i = 0; i < rig.call_count; i++) {
        json_decref(rig.calls[i].body);
        free(rig.calls[i].statement);
    }
    json_decref(rig.host.jwks);
    json_decref(rig.host.key);
    json_decref(rig.host.requests);
    json_decref(rig.host.claims);
    free(rig.host.claimed_by);
    free(rig.host.answered);
    free(rig.host.push);
    if (rig.blob)
        explicit_bzero(rig.blob, rig.blob_len);
    free(rig.blob);
    rig = nothing; /* a pointer left here would hide a leak */
}

void
rig_lose(enum rig_fate fate)
{
    rig.turns[rig.turn_count++].fate = fate;
}

void
rig_reply(long http, const char *body)
{
    struct rig_turn *turn = &rig.turns[rig.turn_count++];

    turn->fate = RIG_REPLY;
    turn->http = http;
    turn->body = body;
}

static bool
ends(const char *text, const char *ending)
{
    size_t len = strlen(text), end = strlen(ending);

    return len >= end && strcmp(text + len - end, ending) == 0;
}

size_t
rig_count(const char *ending)
{
    size_t i, count = 0;

    for (i = 0; i < rig.call_count; i++)
        count += ends(rig.calls[i].url, ending);
    return count;
}

const struct rig_call *
rig_last(const char *ending)
{
    const struct rig_call *found = NULL;
    size_t i;

    for (i = 0; i < rig.call_count; i++)
        if (ends(rig.calls[i].url, ending))
            found = &rig.calls[i];
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    return found;
}

json_t *
rig_claims(const struct rig_call *call)
{
    const char *first = strchr(call->statement, '.') + 1;
    const char *end = strchr(first, '.');
    char *text = malloc((size_t)(end - first) + 1);
    json_t *claims;
    size_t len = 0;

    CU_ASSERT_EQUAL(jose_b64url_decode(first, (size_t)(end - first), text,
                                       (size_t)(end - first), &len), 0);
    claims = json_loadb(text, len, 0, NULL);
    free(text);
    return claims;
}

struct factor_phone_link
rig_link(void)
{
    struct factor_phone_link link = { .issuer = RIG_ISSUER, .key = RIG_KEY };

    CU_ASSERT(phone_thumbprint(
        json_array_get(json_object_get(rig.host.jwks, "keys"), 0),
        link.fingerprint));
    return link;
}

void
rig_pair(void)
{
    const struct factor_phone_link link = rig_link();
    struct factor_phone_pairings *list = NULL;
    enum factor_phone_status status;

    status = factor_phone_pair(rig.phone, &link, &rig_about, &list);
    CU_ASSERT_EQUAL_FATAL(status, FACTOR_PHONE_OK);
    factor_phone_pairings_free(list);
}

json_t *
rig_add_request(const char *id, const char *kind)
{
    json_t *request = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "id", id,
        "kind", kind, "challenge", "w3p8mX1tQvC0bYh2nKd7Zg", "client", "demo",
        "client_name", "Demo app", "host", "app.example.org", "address",
        "203.0.113.7", "agent", "Firefox on Linux", "issued_at",
        (json_int_t)host_time_s(), "expires_at",
        (json_int_t)host_time_s() + 40);

    json_array_append_new(rig.host.requests, request);
    return request;
}
