/* SPDX-License-Identifier: MIT */
/* phone/request.c - what waits for the phone, and its answers. */
#include "phone/internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_LIFE_S = 60,
    CHALLENGE_MAX = 128,
    NUMBER_SIZE = FACTOR_PHONE_DIGITS_MAX + 1,
    METHOD_MAX = 32,
    CHOICES_MAX = 16
};

/* --- reading --- */

static const struct {
    const char *name;
    size_t at, max;
    bool optional;
} texts[] = {
    { "id", offsetof(struct factor_phone_request, id), PHONE_ID_MAX, false },
    { "challenge", offsetof(struct factor_phone_request, challenge),
      CHALLENGE_MAX, false },
    { "client", offsetof(struct factor_phone_request, client), PHONE_TEXT_MAX,
      false },
    { "client_name", offsetof(struct factor_phone_request, client_name),
      PHONE_TEXT_MAX, true },
    { "host", offsetof(struct factor_phone_request, host), PHONE_TEXT_MAX,
      false },
    { "address", offsetof(struct factor_phone_request, address),
      PHONE_TEXT_MAX, true },
    { "agent", offsetof(struct factor_phone_request, agent), PHONE_TEXT_MAX,
      true },
};

static bool
read_texts(const json_t *object, struct factor_phone_request *request)
{
    const char **text;
    size_t i;

    for (i = 0; i < COUNT(texts); i++) {
        text = (const char **)(void *)((char *)request + texts[i].at);
        if (!phone_text_or_null(object, texts[i].name, texts[i].max, text) ||
            (!*text && !texts[i].optional))
            return false;
    }
    return phone_id_ok(request->id);
}

static bool
is_number(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= FACTOR_PHONE_DIGITS_MAX &&
           strspn(text, "0123456789") == len;
}

static bool
read_choices(const json_t *list, struct factor_phone_request *request)
{
    size_t count = json_array_size(list), i;
    const char *choice;

    if (count < 2 || count > CHOICES_MAX)
        return false;
    request->choices = calloc(count, sizeof(*request->choices));
    for (i = 0; request->choices && i < count; i++) {
        choice = json_string_value(json_array_get(list, i));
        if (!choice || !is_number(choice))
            return false;
        request->choices[i] = choice;
    }
    request->choice_count = count;
    return request->choices != NULL;
}

static bool
read_number(const json_t *number, struct factor_phone_request *request)
{
    const char *type = phone_text(number, "type", 1, 32);
    int64_t digits;

    if (!number || json_is_null(number))
        return true;
    if (type && strcmp(type, "ENTER_MANUALLY") == 0) {
        request->number = FACTOR_PHONE_ENTER;
        if (!phone_number(number, "digits", 1, FACTOR_PHONE_DIGITS_MAX,
                          &digits))
            return false;
        request->digits = (unsigned)digits;
        return true;
    }
    request->number = FACTOR_PHONE_SELECT;
    return type && strcmp(type, "SELECT_NUMBER") == 0 &&
           read_choices(json_object_get(number, "choices"), request);
}

static bool
read_request(const json_t *object, struct factor_phone_request *request)
{
    const json_t *context = json_object_get(object, "context");

    if (context && !json_is_object(context) && !json_is_null(context))
        return false;
    request->context = json_is_object(context) ? context : NULL;
    return read_texts(object, request) &&
           phone_number(object, "issued_at", 0, INT64_MAX,
                        &request->issued_at_s) &&
           phone_number(object, "expires_at", 0, INT64_MAX,
                        &request->expires_at_s) &&
           read_number(json_object_get(object, "number"), request);
}

void
factor_phone_requests_free(struct factor_phone_requests *requests)
{
    size_t i;

    if (!requests)
        return;
    for (i = 0; requests->items && i < requests->count; i++)
        free(requests->items[i].choices);
    free(requests->items);
    json_decref(requests->source);
    free(requests);
}

/* --- answers --- */

/* The members that every answer has. */
static json_t *
answer_members(struct factor_phone *self,
               const struct factor_phone_request *request,
               const char *decision)
{
    char nonce[23];

    if (!phone_nonce(&self->io, nonce))
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "request", request->id,
                     "challenge", request->challenge, "client",
                     request->client, "host", request->host, "nonce", nonce,
                     "decision", decision);
}

static enum factor_phone_status
say_answer(struct factor_phone *self, struct phone_pairing *pairing,
           json_t *members, enum factor_phone_result *ret_result)
{
    struct phone_statement statement = { .purpose = "answer",
                                         .members = members,
                                         .life_s = ANSWER_LIFE_S };
    enum factor_phone_status status;
    json_t *answer = NULL;
    const char *result;

    status = phone_say(self, pairing, "answers", &statement, &answer);
    if (status)
        return status;
    result = phone_text(answer, "result", 1, 16);
    if (result && strcmp(result, "approved") == 0)
        *ret_result = FACTOR_PHONE_APPROVED;
    else if (result && strcmp(result, "denied") == 0)
        *ret_result = FACTOR_PHONE_DENIED;
    else
        status = phone_fail(self, FACTOR_PHONE_ANSWER,
                            "the host does not say what it made of it");
    json_decref(answer);
    return status;
}

/* One call: members is stolen; NULL: there was no memory for it. */
static enum factor_phone_status
answer(struct factor_phone *self, const char *device, json_t *members,
       enum factor_phone_result *ret_result)
{
    enum factor_phone_status status;
    struct phone_pairing *pairing;

    status = phone_open(self, device, &pairing);
    if (status == FACTOR_PHONE_OK)
        status = members ? say_answer(self, pairing, members, ret_result)
                         : phone_no_memory(self);
    json_decref(members);
    return phone_end(self, status);
}

/* What was typed, without spaces and dashes; false: too long. */
static bool
clean_number(const char *typed, char ret_number[NUMBER_SIZE])
{
    size_t len = 0;

    for (; *typed; typed++) {
        if (*typed == ' ' || *typed == '-')
            continue;
        if (len == NUMBER_SIZE - 1)
            return false;
        ret_number[len++] = *typed;
    }
    ret_number[len] = '\0';
    return true;
}

static bool
is_choice(const struct factor_phone_request *request, const char *number)
{
    size_t i;

    for (i = 0; i < request->choice_count; i++)
        if (strcmp(request->choices[i], number) == 0)
            return true;
    return false;
}

static const char *
check_number(const struct factor_phone_request *request, const char *typed,
             char ret_number[NUMBER_SIZE])
{
    ret_number[0] = '\0';
    if (request->number == FACTOR_PHONE_NO_NUMBER)
        return typed ? "the request has no number" : NULL;
    if (!typed)
        return "the request wants the number that the page shows";
    if (!clean_number(typed, ret_number) || !is_number(ret_number) ||
        (request->number == FACTOR_PHONE_ENTER &&
         strlen(ret_number) != request->digits))
        return "the number has not the right number of digits";
    if (request->number == FACTOR_PHONE_SELECT &&
        !is_choice(request, ret_number))
        return "the number is not one of the choices";
    return NULL;
}

enum factor_phone_status
factor_phone_approve(struct factor_phone *self, const char *device,
                     const struct factor_phone_request *request,
                     const char *number, const char *method,
                     enum factor_phone_result *ret_result)
{
    char clean[NUMBER_SIZE];
    const char *why;
    json_t *members;

    phone_forget_error(self);
    why = check_number(request, phone_or_null(number), clean);
    method = phone_or_null(method);
    if (!why && method && (strlen(method) > METHOD_MAX ||
                           !phone_id_ok(method)))
        why = "no such method";
    if (why)
        return phone_fail(self, FACTOR_PHONE_USAGE, "%s", why);
    members = answer_members(self, request, "approve");
    if (members &&
        (!phone_put_text(members, "number", phone_or_null(clean)) ||
         !phone_put_text(members, "method", method))) {
        json_decref(members);
        members = NULL;
    }
    phone_wipe(clean, sizeof(clean));
    return answer(self, device, members, ret_result);
}

enum factor_phone_status
factor_phone_deny(struct factor_phone *self, const char *device,
                  const struct factor_phone_request *request,
                  enum factor_phone_reason reason,
                  enum factor_phone_result *ret_result)
{
    static const char *const names[] = { "NONE", "REPORT_FRAUD",
                                         "BIOMETRICS_REJECTED" };
    json_t *members;

    phone_forget_error(self);
    if ((size_t)reason >= COUNT(names))
        return phone_fail(self, FACTOR_PHONE_USAGE, "no such reason");
    members = answer_members(self, request, "deny");
    if (members && !phone_put_text(members, "reason", names[reason])) {
        json_decref(members);
        members = NULL;
    }
    return answer(self, device, members, ret_result);
}

/* --- silent requests --- */

/* Has this phone just asked for it, by its own payload for this client? */
static bool
asked_for(struct factor_phone *self, const char *device,
          const struct factor_phone_request *request)
{
    const struct phone_pairing *one;
    int64_t age_ms;
    bool asked = false;

    if (phone_begin(self, false) == FACTOR_PHONE_OK &&
        (one = phone_find(self, device)) && one->payload_client) {
        age_ms = self->io.now_ms(self->io.context) - one->payload_ms;
        asked = age_ms >= 0 && age_ms <= FACTOR_PHONE_SILENT_S * 1000 &&
                strcmp(one->payload_client, request->client) == 0;
    }
    phone_end(self, FACTOR_PHONE_OK);
    return asked;
}

/* OK unless the device is gone: a silent request that could not be approved
 * now comes again. */
static enum factor_phone_status
answer_silent(struct factor_phone *self, const char *device,
              const struct factor_phone_request *request,
              struct factor_phone_requests *requests)
{
    enum factor_phone_status status;
    enum factor_phone_result result = FACTOR_PHONE_DENIED;

    if (!asked_for(self, device, request)) {
        requests->ignored++;
        return FACTOR_PHONE_OK;
    }
    status = factor_phone_approve(self, device, request, NULL, NULL, &result);
    if (status == FACTOR_PHONE_NOT_PAIRED)
        return status;
    if (status == FACTOR_PHONE_OK && result == FACTOR_PHONE_APPROVED)
        requests->silent++;
    else
        requests->ignored++;
    return FACTOR_PHONE_OK;
}

/* --- asking --- */

static enum factor_phone_status
bad_answer(struct factor_phone *self)
{
    return phone_fail(self, FACTOR_PHONE_ANSWER,
                      "the answer is not what a list of requests should be");
}

static enum factor_phone_status
take_one(struct factor_phone *self, const char *device, const json_t *object,
         struct factor_phone_requests *requests)
{
    struct factor_phone_request *next = &requests->items[requests->count];
    const char *kind = phone_text(object, "kind", 1, 32);
    enum factor_phone_status status = FACTOR_PHONE_OK;

    if (!kind)
        return bad_answer(self);
    if (strcmp(kind, "authentication") != 0 && strcmp(kind, "silent") != 0) {
        requests->ignored++;
        return FACTOR_PHONE_OK;
    }
    requests->count++; /* whatever it allocates is freed with the list */
    if (!read_request(object, next))
        return bad_answer(self);
    if (strcmp(kind, "silent") == 0) {
        status = answer_silent(self, device, next, requests);
        free(next->choices);
        memset(next, 0, sizeof(*next));
        requests->count--;
    }
    return status;
}

/* Steals the answer. */
static enum factor_phone_status
take_requests(struct factor_phone *self, const char *device, json_t *said,
              struct factor_phone_requests **ret_requests)
{
    struct factor_phone_requests *requests = calloc(1, sizeof(*requests));
    const json_t *list = json_object_get(said, "requests");
    enum factor_phone_status status = FACTOR_PHONE_OK;
    size_t i;

    if (requests)
        requests->items = calloc(json_array_size(list) + 1,
                                 sizeof(*requests->items));
    if (!requests || !requests->items) {
        free(requests);
        json_decref(said);
        return phone_no_memory(self);
    }
    requests->source = said;
    requests->time_s = self->heard_s;
    requests->status = phone_text(said, "status", 1, PHONE_ID_MAX);
    if (!requests->status || !json_is_array(list))
        status = bad_answer(self);
    for (i = 0; status == FACTOR_PHONE_OK && i < json_array_size(list); i++)
        status = take_one(self, device, json_array_get(list, i), requests);
    if (status)
        factor_phone_requests_free(requests);
    else
        *ret_requests = requests;
    return status;
}

/* What the answer changes in the state, which is loaded again: others may have
 * changed it meanwhile. */
static enum factor_phone_status
absorb(struct factor_phone *self, const char *device,
       enum factor_phone_status status, const json_t *said)
{
    const struct factor_phone_error kept = self->error;
    const char *text = phone_text(said, "status", 1, PHONE_ID_MAX);
    struct phone_pairing *one;

    if (phone_begin(self, true))
        return phone_end(self, self->error.status);
    one = phone_find(self, device);
    self->error = kept;
    if (!one)
        return phone_end(self, phone_fail(self, FACTOR_PHONE_NOT_FOUND,
                                          "it was unpaired meanwhile"));
    phone_learn_clock(self, one);
    if (text && strcmp(text, one->status) != 0) {
        if (!phone_set(&one->status, text))
            status = phone_no_memory(self);
        self->changed = true;
    }
    if (status == FACTOR_PHONE_NOT_PAIRED) {
        phone_state_drop(&self->state, one);
        self->changed = true;
    }
    return phone_end(self, status);
}

/* What an answer told, as a statement says it; NULL: no memory. */
static json_t *
known_members(const struct factor_phone_requests *known)
{
    const json_t *told = known->source;
    const json_t *requests = json_object_get(told, "requests");
    json_t *challenges = json_array();
    const char *text;
    size_t i;

    for (i = 0; challenges && i < json_array_size(requests); i++) {
        text = phone_text(json_array_get(requests, i), "challenge", 0,
                          CHALLENGE_MAX);
        if (text && json_array_append_new(challenges, json_string(text))) {
            json_decref(challenges);
            return NULL;
        }
    }
    return json_pack("{s:{s:O*, s:O*, s:o}}", "known", "status",
                     json_object_get(told, "status"), "name",
                     json_object_get(told, "name"), "requests", challenges);
}

/* One exchange, without a lock while it lasts. */
static enum factor_phone_status
ask_once(struct factor_phone *self, const char *device, unsigned wait_s,
         json_t *members, json_t **ret_said)
{
    struct phone_statement statement = { .purpose = "requests",
                                         .members = members };
    enum factor_phone_status status;
    struct phone_pairing *pairing;
    char *text = NULL, *url = NULL;

    status = phone_open(self, device, &pairing);
    if (status == FACTOR_PHONE_OK) {
        status = phone_sign(self, pairing, &statement, &text);
        url = phone_url(pairing, "requests");
        if (status == FACTOR_PHONE_OK && !url)
            status = phone_no_memory(self);
    }
    status = phone_end(self, status);
    if (status == FACTOR_PHONE_OK) {
        status = phone_post(self, url, text, NULL, wait_s, ret_said);
        status = absorb(self, device, status, *ret_said);
    }
    phone_wipe_text(text);
    free(url);
    return status;
}

enum factor_phone_status
factor_phone_ask(struct factor_phone *self, const char *device,
                 unsigned wait_s, struct factor_phone_requests **ret_requests)
{
    return factor_phone_ask_news(self, device, wait_s, NULL, ret_requests);
}

enum factor_phone_status
factor_phone_ask_news(struct factor_phone *self, const char *device,
                      unsigned wait_s,
                      const struct factor_phone_requests *known,
                      struct factor_phone_requests **ret_requests)
{
    json_t *members = known ? known_members(known) : NULL;
    enum factor_phone_status status;
    json_t *said = NULL;

    phone_forget_error(self);
    if (known && !members)
        return phone_no_memory(self);
    if (wait_s > FACTOR_PHONE_WAIT_MAX_S)
        wait_s = FACTOR_PHONE_WAIT_MAX_S;
    status = ask_once(self, device, wait_s, members, &said);
    if (status == FACTOR_PHONE_CLOCK)
        status = ask_once(self, device, wait_s, members, &said);
    json_decref(members);
    if (status) {
        json_decref(said);
        return status;
    }
    status = take_requests(self, device, said, ret_requests);
    if (status == FACTOR_PHONE_OK)
        phone_forget_error(self); /* of a silent one that was not approved */
    return status;
}
