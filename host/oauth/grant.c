/* SPDX-License-Identifier: MIT */
/* host/oauth/grant.c - what a completed flow gave. */
#include "host/oauth/grant.h"

#include <string.h>

#include "factor/step.h"
#include "factor/user.h"
#include "host/clock.h"
#include "host/json.h"

enum { GRANT_ID = 22, ADAPTER_NAME_MAX = 64 };

/* --- amr. --- */

/* What kind of factor a value of RFC 8176 tells of: for a client's hint,
 * which names no kinds. */
static const struct {
    const char *value;
    unsigned kind;
} kinds[] = {
    {"pwd", FACTOR_KIND_KNOWLEDGE},   {"pin", FACTOR_KIND_KNOWLEDGE},
    {"kba", FACTOR_KIND_KNOWLEDGE},   {"otp", FACTOR_KIND_POSSESSION},
    {"sms", FACTOR_KIND_POSSESSION},  {"tel", FACTOR_KIND_POSSESSION},
    {"email", FACTOR_KIND_POSSESSION}, {"mca", FACTOR_KIND_POSSESSION},
    {"hwk", FACTOR_KIND_POSSESSION},  {"swk", FACTOR_KIND_POSSESSION},
    {"pop", FACTOR_KIND_POSSESSION},  {"sc", FACTOR_KIND_POSSESSION},
    {"face", FACTOR_KIND_INHERENCE},  {"fpt", FACTOR_KIND_INHERENCE},
    {"iris", FACTOR_KIND_INHERENCE},  {"retina", FACTOR_KIND_INHERENCE},
    {"vbm", FACTOR_KIND_INHERENCE},
};

static unsigned
kinds_of_values(const json_t *values)
{
    unsigned found = 0;
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (json_lists(values, kinds[i].value))
            found |= kinds[i].kind;
    return found;
}

/* An adapter says what it proved.  A hint is believed for what its amr
 * names, and for nothing where it names nothing. */
static unsigned
kinds_of(const json_t *entry)
{
    const char *adapter = json_text(entry, "adapter");

    if (adapter && strcmp(adapter, POLICY_HINT) == 0)
        return kinds_of_values(json_object_get(entry, "amr"));
    return (unsigned)json_number(entry, "kinds", 0);
}

static bool
two_kinds(unsigned proven)
{
    const unsigned all = FACTOR_KIND_KNOWLEDGE | FACTOR_KIND_POSSESSION |
                         FACTOR_KIND_INHERENCE;

    proven &= all;
    return (proven & (proven - 1)) != 0;
}

json_t *
grant_amr(const json_t *passed)
{
    json_t *amr = json_array(), *entry, *values;
    unsigned proven = 0;
    const char *value;
    size_t i, j;

    json_array_foreach(passed, i, entry) {
        proven |= kinds_of(entry);
        values = json_object_get(entry, "amr");
        for (j = 0; j < json_array_size(values); j++) {
            value = json_string_value(json_array_get(values, j));
            if (value && strcmp(value, "mfa") != 0 && !json_lists(amr, value))
                json_array_append_new(amr, json_string(value));
        }
    }
    if (two_kinds(proven))
        json_array_append_new(amr, json_string("mfa"));
    return amr;
}

/* --- Claims. --- */

json_t *
grant_claims(const struct client *client, const struct flow *flow)
{
    json_t *claims = json_object(), *value;
    const char *claim, *attribute, *source;
    char adapter[ADAPTER_NAME_MAX];
    size_t len;

    if (!client)
        return claims;
    json_object_foreach(json_unconst(client->claims), claim, value) {
        source = json_string_value(value);
        len = client_claim_source(source, &attribute);
        if (len == 0 || len >= sizeof(adapter))
            continue;
        memcpy(adapter, source, len);
        adapter[len] = '\0';
        json_object_set(claims, claim,
                        json_object_get(flow_passed(flow, adapter),
                                        attribute));
    }
    return claims;
}

/* --- Issuing. --- */

static json_t *
new_body(const struct host *host, const struct txn *txn,
         const struct flow *flow, const struct policy *policy)
{
    const json_t *body = flow->body;
    const json_t *request = json_object_get(body, "request");
    const char *client = json_text(body, "client");
    int64_t lifetime = config_number(host->config, "/tokens/code_lifetime");

    return json_pack(
        "{s:i, s:s, s:s, s:s, s:s*, s:s, s:s*, s:o, s:I, s:s*, s:s*, s:s*, "
        "s:O*, s:s*, s:o, s:I}",
        "v", 1, "state", "issued", "client", client, "flow", flow->id,
        "session", json_text(body, "session"), "policy", policy->name, "acr",
        policy->acr, "amr", grant_amr(json_object_get(body, "passed")),
        "authTime", (json_int_t)json_number(body, "authTime", 0), "scope",
        json_text(request, "scope"), "nonce", json_text(request, "nonce"),
        "redirectUri", json_text(request, "redirect_uri"), "redirectDefault",
        json_object_get(request, "redirect_default"), "challenge",
        json_text(request, "code_challenge"), "claims",
        grant_claims(clients_find(host->clients, client), flow),
        "codeExpiresAt", (json_int_t)(txn_now(txn) + lifetime));
}

/* As long as the last token that a code can give, which is used up to its
 * last second: written once, moved never. */
static int64_t
expiry(const struct host *host, const struct txn *txn)
{
    return txn_now(txn) +
           config_number(host->config, "/tokens/code_lifetime") +
           config_number(host->config, "/tokens/access_token_lifetime") +
           config_number(host->config, "/tokens/clock_skew");
}

factor_status
grant_issue(const struct host *host, struct txn *txn, const struct flow *flow,
            const struct policy *policy, char *ret_code)
{
    char id[GRANT_ID + 1];
    struct txn_put put = {
        .collection = GRANT_COLLECTION,
        .id = id,
        .owner = json_text(flow->body, "subject"),
        .expires_at_ms = expiry(host, txn),
    };

    clock_random_id(id, GRANT_ID);
    clock_random_id(ret_code, GRANT_CODE);
    put.name = txn_keyed(txn, "oauth.code", ret_code, GRANT_CODE);
    if (!put.name || !put.owner)
        return FACTOR_E_NOMEM;
    put.body = new_body(host, txn, flow, policy);
    return put.body ? txn_put(txn, &put, NULL) : FACTOR_E_NOMEM;
}

/* --- Redeeming. --- */

factor_status
grant_of_code(struct txn *txn, const char *code,
              const struct record **ret_grant)
{
    const char *name;

    if (strlen(code) != GRANT_CODE)
        return FACTOR_E_NOTFOUND;
    name = txn_keyed(txn, "oauth.code", code, GRANT_CODE);
    return name ? txn_read_name(txn, GRANT_COLLECTION, name, ret_grant)
                : FACTOR_E_NOMEM;
}

bool
grant_is(const struct record *grant, const char *state)
{
    const char *now = json_text(grant->body, "state");

    return now && strcmp(now, state) == 0;
}

bool
grant_code_alive(const struct record *grant, int64_t now_ms)
{
    return grant_is(grant, "issued") &&
           now_ms < json_number(grant->body, "codeExpiresAt", 0);
}

factor_status
grant_move(struct txn *txn, const struct record *grant, const char *state,
           const char *event, struct factor_error *err)
{
    const struct txn_put put = {
        .collection = GRANT_COLLECTION,
        .id = grant->face.id,
        .owner = grant->face.owner,
        .name = grant->face.name,
        .version = grant->face.version,
        .expires_at_ms = grant->face.expires_at_ms,
        .body = json_copy(grant->body),
    };

    if (!put.body || !json_set_text(put.body, "state", state)) {
        json_decref(put.body);
        return FACTOR_E_NOMEM;
    }
    txn_event(txn, event,
              json_pack("{s:s}", "grant", grant->face.id));
    txn_context(txn, "client", json_text(grant->body, "client"));
    txn_context(txn, "flow", json_text(grant->body, "flow"));
    txn_context(txn, "user", grant->face.owner);
    return txn_put(txn, &put, err);
}

bool
grant_stands(const struct record *grant, const char *client, const char *user)
{
    const char *given_to = json_text(grant->body, "client");

    return grant_is(grant, "redeemed") && given_to && grant->face.owner &&
           strcmp(given_to, client) == 0 &&
           strcmp(grant->face.owner, user) == 0;
}

factor_status
grant_user(struct txn *txn, const struct record *grant,
           const struct record **ret_user)
{
    factor_status st =
        txn_read_id(txn, FACTOR_USERS, grant->face.owner, ret_user);

    if (st == FACTOR_OK && !json_flag((*ret_user)->body, FACTOR_USER_ENABLED))
        return FACTOR_E_NOTFOUND;
    return st;
}
