/* SPDX-License-Identifier: MIT */
/* phone/pair.c - pairing and payloads. */
#include "phone/internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    PENDING_MS = 3600 * 1000, /* what was begun is forgotten after that */
    NAME_CHARACTERS_MAX = 64,
    SECRET_MIN = 16, /* base32 characters: 80 bits */
    SECRET_MAX = 128,
    CLIENT_MAX = 256
};

/* --- what a phone says of itself --- */

const char *
phone_or_null(const char *text)
{
    return text && text[0] ? text : NULL;
}

static size_t
characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += (*text & 0xc0) != 0x80;
    return count;
}

static bool
is_utf8(const char *text)
{
    json_t *value = json_string(text);

    json_decref(value);
    return value != NULL;
}

static bool
platform_ok(const char *platform)
{
    static const char *const known[] = { "android", "ios", "web", "other" };
    size_t i;

    for (i = 0; platform && i < COUNT(known); i++)
        if (strcmp(platform, known[i]) == 0)
            return true;
    return !platform;
}

enum factor_phone_status
phone_about_ok(struct factor_phone *self,
               const struct factor_phone_about *about)
{
    const char *push = phone_or_null(about->push);

    if (!phone_or_null(about->name) || !is_utf8(about->name) ||
        characters(about->name) > NAME_CHARACTERS_MAX)
        return phone_fail(self, FACTOR_PHONE_USAGE,
                          "a phone's name has 1 to 64 characters of UTF-8");
    if (!platform_ok(phone_or_null(about->platform)))
        return phone_fail(self, FACTOR_PHONE_USAGE, "no such platform");
    if (push && (!is_utf8(push) || strlen(push) > PHONE_PUSH_MAX))
        return phone_fail(self, FACTOR_PHONE_USAGE,
                          "no address for push messages");
    return FACTOR_PHONE_OK;
}

bool
phone_put_about(json_t *members, const struct factor_phone_about *about)
{
    const char *platform = phone_or_null(about->platform);

    return phone_put_text(members, "name", about->name) &&
           phone_put_text(members, "platform",
                          platform ? platform : "other") &&
           phone_put_text(members, "push", phone_or_null(about->push));
}

/* --- what was begun and not paired yet --- */

/* Forgets what is too old, by our clock. */
static void
drop_old(struct factor_phone *self)
{
    int64_t now_ms = self->io.now_ms(self->io.context);
    struct phone_pairing *one;
    size_t i = 0;

    while (i < self->state.count) {
        one = self->state.items[i];
        if (!one->device && (one->made_ms > now_ms ||
                             one->made_ms < now_ms - PENDING_MS)) {
            phone_state_drop(&self->state, one);
            self->changed = true;
        } else {
            i++;
        }
    }
}

/* What was begun with an issuer: the claim of a pairing key, or, without one,
 * what signed a payload. */
static struct phone_pairing *
find_begun(struct factor_phone *self, const char *issuer, const char *key)
{
    struct phone_pairing *one;
    size_t i;

    for (i = 0; i < self->state.count; i++) {
        one = self->state.items[i];
        if (one->device || strcmp(one->issuer, issuer) != 0)
            continue;
        if (key ? one->pairing_key && strcmp(one->pairing_key, key) == 0
                : !one->pairing_key)
            return one;
    }
    return NULL;
}

/* What is known before anything is begun. */
struct plan {
    const struct factor_phone_discovery *discovery;
    const struct factor_phone_about *about;
    const char *application; /* id */
};

/* named: the application that a link names, or NULL. */
static enum factor_phone_status
make_plan(struct factor_phone *self, const char *issuer, const char *named,
          const struct factor_phone_about *about,
          struct factor_phone_discovery **discovery, struct plan *ret_plan)
{
    const char *wanted = phone_or_null(about->application);
    enum factor_phone_status status;

    status = phone_discover(self, issuer, discovery);
    if (status)
        return status;
    ret_plan->discovery = *discovery;
    ret_plan->about = about;
    return phone_choose_application(self, *discovery,
                                    wanted ? wanted : phone_or_null(named),
                                    &ret_plan->application);
}

/* Begins one with this key, or a new one. */
static struct phone_pairing *
begin_one(struct factor_phone *self, const char *issuer,
          const struct phone_key *key)
{
    struct phone_pairing *one = phone_state_add(&self->state);

    if (!one)
        return NULL;
    one->made_ms = self->io.now_ms(self->io.context);
    if (key)
        one->key = *key;
    if ((key || phone_key_make(&self->io, &one->key)) &&
        phone_set(&one->issuer, issuer))
        return one;
    phone_state_drop(&self->state, one);
    return NULL;
}

/* Brings it up to date and saves it: the key must not be lost once the host
 * has seen it. */
static enum factor_phone_status
keep(struct factor_phone *self, struct phone_pairing *one,
     const struct plan *plan, const char *pairing_key)
{
    if (!phone_set(&one->endpoint, plan->discovery->endpoint) ||
        !phone_set(&one->application, plan->application) ||
        !phone_set(&one->name, plan->about->name) ||
        !phone_set(&one->pairing_key, pairing_key)) {
        phone_state_drop(&self->state, one); /* it is not whole */
        return phone_no_memory(self);
    }
    self->heard_s = plan->discovery->time_s;
    phone_learn_clock(self, one);
    return phone_save(self);
}

/* --- the answer --- */

static bool
take_passcode(const json_t *answer, struct phone_pairing *one)
{
    const json_t *passcode = json_object_get(answer, "passcode");
    const char *secret = phone_text(passcode, "secret", SECRET_MIN,
                                    SECRET_MAX);
    int64_t digits, period_s;

    if (!passcode || json_is_null(passcode))
        return true;
    if (!secret || !phone_number(passcode, "digits", 6, 8, &digits) ||
        !phone_number(passcode, "period", 1, 3600, &period_s) ||
        !phone_set(&one->secret, secret))
        return false;
    one->digits = digits;
    one->period_s = period_s;
    return true;
}

/* The device's id is last: with it the pairing is one. */
static bool
take_answer(const json_t *answer, struct phone_pairing *one)
{
    const json_t *user = json_object_get(answer, "user");
    const char *device = phone_text(answer, "device", 1, PHONE_ID_MAX);
    const char *user_id = phone_text(user, "id", 1, PHONE_TEXT_MAX);
    const char *user_name = phone_text(user, "name", 0, PHONE_TEXT_MAX);
    const char *status = phone_text(answer, "status", 1, PHONE_ID_MAX);

    return device && phone_id_ok(device) && user_id && user_name && status &&
           take_passcode(answer, one) && phone_set(&one->user_id, user_id) &&
           phone_set(&one->user_name, user_name) &&
           phone_set(&one->status, status) && phone_set(&one->device, device);
}

/* The host has paired: the very key that is ours, as the issuer that we
 * know? */
static enum factor_phone_status
check_answer(struct factor_phone *self, const json_t *answer,
             const struct phone_pairing *one)
{
    const char *issuer = phone_text(answer, "issuer", 1, PHONE_TEXT_MAX);
    const char *said = phone_text(answer, "check", 1, PHONE_ID_MAX);
    char check[FACTOR_PHONE_CHECK_SIZE];

    if (!issuer || !said)
        return phone_fail(self, FACTOR_PHONE_ANSWER,
                          "the answer has no issuer or no check value");
    if (!phone_check(&one->key, check))
        return phone_no_memory(self);
    if (strcmp(issuer, one->issuer) != 0 || strcmp(said, check) != 0)
        return phone_fail(self, FACTOR_PHONE_UNTRUSTED,
                          "the host has paired another key, or as another "
                          "issuer");
    return FACTOR_PHONE_OK;
}

/* A device told a second time takes the place of the first; but not from
 * another issuer. */
static enum factor_phone_status
drop_same_device(struct factor_phone *self, const struct phone_pairing *one,
                 const char *device)
{
    struct phone_pairing *other = phone_find(self, device);

    phone_forget_error(self);
    if (!other || other == one)
        return FACTOR_PHONE_OK;
    if (strcmp(other->issuer, one->issuer) != 0)
        return phone_fail(self, FACTOR_PHONE_UNTRUSTED,
                          "the host claims the device of another one");
    phone_state_drop(&self->state, other);
    return FACTOR_PHONE_OK;
}

static enum factor_phone_status
finish(struct factor_phone *self, const json_t *answer,
       struct phone_pairing *one)
{
    enum factor_phone_status status = check_answer(self, answer, one);
    const char *device = phone_text(answer, "device", 1, PHONE_ID_MAX);

    if (status == FACTOR_PHONE_OK && device)
        status = drop_same_device(self, one, device);
    if (status)
        return status;
    if (!take_answer(answer, one))
        return phone_fail(self, FACTOR_PHONE_ANSWER,
                          "the answer is not what a pairing's should be");
    phone_set(&one->pairing_key, NULL);
    self->changed = true;
    return FACTOR_PHONE_OK;
}

/* --- pairing --- */

static enum factor_phone_status
claim(struct factor_phone *self, struct phone_pairing *one,
      const struct factor_phone_about *about)
{
    struct phone_statement statement = { .purpose = "pair",
                                         .with_key = true };
    enum factor_phone_status status;
    json_t *answer = NULL;

    statement.members = json_pack("{s:s, s:s}", "key", one->pairing_key,
                                  "application", one->application);
    if (statement.members && phone_put_about(statement.members, about))
        status = phone_say(self, one, "pairings", &statement, &answer);
    else
        status = phone_no_memory(self);
    json_decref(statement.members);
    if (status == FACTOR_PHONE_OK)
        status = finish(self, answer, one);
    json_decref(answer);
    /* Whatever else may have happened, the host can be asked again. */
    if (status == FACTOR_PHONE_REFUSED || status == FACTOR_PHONE_UNTRUSTED) {
        phone_state_drop(&self->state, one);
        self->changed = true;
    }
    return status;
}

/* The pairing with an issuer that made the last payload, if it was lately. */
static const struct phone_pairing *
find_payer(const struct factor_phone *self, const char *issuer)
{
    int64_t now_ms = self->io.now_ms(self->io.context);
    const struct phone_pairing *one, *last = NULL;
    size_t i;

    for (i = 0; i < self->state.count; i++) {
        one = self->state.items[i];
        if (one->device && one->payload_client &&
            strcmp(one->issuer, issuer) == 0 &&
            now_ms - one->payload_ms < PENDING_MS &&
            (!last || last->payload_ms < one->payload_ms))
            last = one;
    }
    return last;
}

/* What to claim a link's key with; NULL: phone_fail was called. */
static struct phone_pairing *
begin_claim(struct factor_phone *self, const struct factor_phone_link *link,
            bool by_payload)
{
    struct phone_pairing *one = find_begun(self, link->issuer, link->key);
    const struct phone_pairing *payer = NULL;

    if (!one && by_payload) {
        one = find_begun(self, link->issuer, NULL);
        payer = one ? NULL : find_payer(self, link->issuer);
        if (!one && !payer) {
            phone_fail(self, FACTOR_PHONE_NOT_FOUND,
                       "no payload was made for this issuer");
            return NULL;
        }
    }
    if (!one)
        one = begin_one(self, link->issuer, payer ? &payer->key : NULL);
    if (!one)
        phone_no_memory(self);
    return one;
}

static enum factor_phone_status
pair_with(struct factor_phone *self, const struct factor_phone_link *link,
          const struct plan *plan, bool by_payload,
          struct factor_phone_pairings **ret_list)
{
    enum factor_phone_status status;
    struct phone_pairing *one;

    status = phone_check_fingerprint(self, link);
    if (status)
        return status;
    drop_old(self);
    one = begin_claim(self, link, by_payload);
    if (!one)
        return self->error.status;
    status = keep(self, one, plan, link->key);
    if (status == FACTOR_PHONE_OK)
        status = claim(self, one, plan->about);
    if (status == FACTOR_PHONE_OK) {
        *ret_list = phone_list(&self->state, one);
        if (!*ret_list) {
            self->changed = false; /* to be claimed again */
            status = phone_no_memory(self);
        }
    }
    return status;
}

static enum factor_phone_status
pair(struct factor_phone *self, const struct factor_phone_link *link,
     const struct factor_phone_about *about, bool by_payload,
     struct factor_phone_pairings **ret_pairings)
{
    struct factor_phone_discovery *discovery = NULL;
    struct factor_phone_pairings *list = NULL;
    enum factor_phone_status status;
    struct plan plan = { 0 };

    status = phone_begin(self, true);
    if (status == FACTOR_PHONE_OK)
        status = phone_about_ok(self, about);
    if (status == FACTOR_PHONE_OK)
        status = make_plan(self, link->issuer, link->application, about,
                           &discovery, &plan);
    if (status == FACTOR_PHONE_OK)
        status = pair_with(self, link, &plan, by_payload, &list);
    status = phone_end(self, status);
    factor_phone_discovery_free(discovery);
    if (status == FACTOR_PHONE_OK)
        *ret_pairings = list;
    else
        factor_phone_pairings_free(list);
    return status;
}

enum factor_phone_status
factor_phone_pair(struct factor_phone *self,
                  const struct factor_phone_link *link,
                  const struct factor_phone_about *about,
                  struct factor_phone_pairings **ret_pairings)
{
    return pair(self, link, about, false, ret_pairings);
}

enum factor_phone_status
factor_phone_claim(struct factor_phone *self, const char *server_payload,
                   const struct factor_phone_about *about,
                   struct factor_phone_pairings **ret_pairings)
{
    struct factor_phone_link link;
    enum factor_phone_status status;

    phone_forget_error(self);
    status = factor_phone_link_parse(server_payload, &link);
    if (status)
        phone_fail(self, status, "this is no pairing link");
    else
        status = pair(self, &link, about, true, ret_pairings);
    phone_wipe(&link, sizeof(link));
    return status;
}

/* --- payloads --- */

/* The pairing that a payload is for; NULL: none, or an error is set. */
static struct phone_pairing *
find_paired(struct factor_phone *self,
            const struct factor_phone_payload *payload)
{
    const char *device = phone_or_null(payload->device);
    struct phone_pairing *found = NULL, *one;
    size_t i;

    for (i = 0; i < self->state.count; i++) {
        one = self->state.items[i];
        if (!one->device || strcmp(one->issuer, payload->issuer) != 0 ||
            (device && strcmp(one->device, device) != 0))
            continue;
        if (found) {
            phone_fail(self, FACTOR_PHONE_USAGE,
                       "there are several pairings with this issuer");
            return NULL;
        }
        found = one;
    }
    if (!found && device)
        phone_fail(self, FACTOR_PHONE_NOT_FOUND, "there is no such pairing");
    return found;
}

/* Signs, and remembers it. */
static enum factor_phone_status
sign_payload(struct factor_phone *self, struct phone_pairing *one,
             const struct factor_phone_payload *payload,
             const struct factor_phone_about *about, char **ret_text)
{
    struct phone_statement statement = { .purpose = "payload" };
    enum factor_phone_status status;
    char jti[23];

    if (!phone_nonce(&self->io, jti) ||
        !phone_set(&one->payload_client, payload->client))
        return phone_no_memory(self);
    statement.members = json_pack("{s:o, s:s, s:s, s:s}", "key",
                                  phone_key_jwk(&one->key, false), "client",
                                  payload->client, "application",
                                  one->application, "jti", jti);
    one->payload_ms = self->io.now_ms(self->io.context);
    self->changed = true;
    if (statement.members && phone_put_about(statement.members, about))
        status = phone_sign(self, one, &statement, ret_text);
    else
        status = phone_no_memory(self);
    json_decref(statement.members);
    return status;
}

/* Not paired: the key that made the last payload, or a new one. */
static enum factor_phone_status
begin_payload(struct factor_phone *self, const char *issuer,
              const struct factor_phone_about *about,
              struct phone_pairing **ret_one)
{
    struct factor_phone_discovery *discovery = NULL;
    enum factor_phone_status status;
    struct phone_pairing *one;
    struct plan plan = { 0 };

    drop_old(self);
    status = make_plan(self, issuer, NULL, about, &discovery, &plan);
    if (status == FACTOR_PHONE_OK) {
        one = find_begun(self, issuer, NULL);
        if (!one)
            one = begin_one(self, issuer, NULL);
        status = one ? keep(self, one, &plan, NULL) : phone_no_memory(self);
        *ret_one = one;
    }
    factor_phone_discovery_free(discovery);
    return status;
}

static enum factor_phone_status
make_payload(struct factor_phone *self,
             const struct factor_phone_payload *payload,
             const struct factor_phone_about *about, char **ret_text)
{
    enum factor_phone_status status = phone_about_ok(self, about);
    struct phone_pairing *one;

    if (status == FACTOR_PHONE_OK &&
        (!phone_or_null(payload->client) || !is_utf8(payload->client) ||
         strlen(payload->client) > CLIENT_MAX))
        status = phone_fail(self, FACTOR_PHONE_USAGE, "no client id");
    if (status)
        return status;
    one = find_paired(self, payload);
    if (self->error.status)
        return self->error.status;
    if (one)
        status = phone_settle(self, one);
    else
        status = begin_payload(self, payload->issuer, about, &one);
    return status ? status
                  : sign_payload(self, one, payload, about, ret_text);
}

enum factor_phone_status
factor_phone_payload(struct factor_phone *self,
                     const struct factor_phone_payload *payload,
                     const struct factor_phone_about *about, char **ret_text)
{
    enum factor_phone_status status;
    char *text = NULL;

    status = phone_begin(self, true);
    if (status == FACTOR_PHONE_OK)
        status = make_payload(self, payload, about, &text);
    status = phone_end(self, status);
    if (status == FACTOR_PHONE_OK)
        *ret_text = text;
    else
        free(text);
    return status;
}
