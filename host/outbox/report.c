/* SPDX-License-Identifier: MIT */
/* host/outbox/report.c - what providers report of messages that they took. */
#include "host/outbox/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/clock.h"
#include "host/host.h"
#include "host/http/park.h"
#include "host/jose/jose.h"
#include "host/json.h"
#include "host/log.h"
#include "host/oauth/form.h"
#include "host/outbox/backends.h"
#include "host/outbox/row.h"
#include "host/step/job.h"

/* A provider may be quicker than the commit that says that it has the
 * message. */
enum { SETTLED_WITHIN_MS = 5000, BODY_MAX = 16384, PLACE_DIGITS = 3 };

/* --- The URL. --- */

static bool
make_token(const struct keys *keys, const char *message, const char *place,
           char ret_token[REPORT_TOKEN_SIZE])
{
    uint8_t hash[CRYPTO_MAC_LEN];
    char named[FACTOR_ID_MAX + PLACE_DIGITS + 2];
    int len = snprintf(named, sizeof(named), "%s/%s", message, place);

    return len > 0 && (size_t)len < sizeof(named) &&
           keys_hash(keys, "delivery-report", named, (size_t)len, hash) &&
           jose_b64url_encode(hash, sizeof(hash), ret_token,
                              REPORT_TOKEN_SIZE) == FACTOR_OK;
}

bool
report_url(const struct keys *keys, const char *base_url, const char *message,
           size_t place, char ret_url[REPORT_URL_SIZE])
{
    char token[REPORT_TOKEN_SIZE], digits[24];
    int len;

    snprintf(digits, sizeof(digits), "%zu", place);
    if (!make_token(keys, message, digits, token))
        return false;
    len = snprintf(ret_url, REPORT_URL_SIZE, "%s" REPORT_PATH "%s/%s/%s",
                   base_url, message, digits, token);
    return len > 0 && len < REPORT_URL_SIZE;
}

static bool
token_ok(const struct host *host, struct http_request *request)
{
    const char *given = http_variable(request, "token");
    char token[REPORT_TOKEN_SIZE];

    return make_token(database_keys(host->database),
                      http_variable(request, "message"),
                      http_variable(request, "place"), token) &&
           strlen(given) == strlen(token) &&
           crypto_same(given, token, strlen(token));
}

/* --- One attempt. --- */

struct report {
    const char *message;
    size_t place;
    const json_t *fields;
    unsigned status; /* of the answer */
};

/* Reports come without an order; the first that settles it counts. */
static factor_status
take_report(struct job *job, struct txn *txn, const struct record *record,
            struct factor_error *err)
{
    const struct report *report = job->state;
    const char *name = json_text(record->body, "channel");
    const struct channel *channel = backends_channel(job->host->backends, name);
    char said[FACTOR_REASON_SIZE], reason[BACKEND_REASON_SIZE];
    uint32_t result;

    if (!channel || !channel_takes_reports(channel, report->place))
        return FACTOR_OK;
    result = channel_report(channel, report->place, report->fields, said);
    if (result != FACTOR_REPORT_DELIVERED &&
        result != FACTOR_REPORT_UNDELIVERED)
        return FACTOR_OK;
    backend_reason(said, "", reason);
    if (result == FACTOR_REPORT_UNDELIVERED)
        log_event("outbox", FACTOR_LOG_WARNING,
                  "message %s, %s: reported as not delivered%s%s",
                  record->face.id, name, reason[0] ? ": " : "", reason);
    return row_report(txn, record,
                      result == FACTOR_REPORT_DELIVERED ? ROW_DELIVERED
                                                        : ROW_REFUSED,
                      reason[0] ? reason : NULL, err);
}

/* Until the row moves, for a while. */
static int
wait_for_row(struct job *job, struct txn *txn)
{
    struct report *report = job->state;
    int64_t until = http_steady_ms(job->request) + SETTLED_WITHIN_MS;

    report->status = 503;
    if (!job_may_park_again(job->request) || clock_steady_ms() >= until)
        return FACTOR_OK;
    job->parking.until_steady_ms = until;
    job->parking.key_count = txn_keys(txn, job->parking.keys, JOB_KEYS);
    return JOB_PARK;
}

static int
decide(struct job *job, struct txn *txn, struct factor_error *err)
{
    struct report *report = job->state;
    const struct record *record;
    factor_status st;

    job->parking.stamp = park_stamp(job->host->park);
    st = txn_read_id(txn, OUTBOX_COLLECTION, report->message, &record);
    report->status = st == FACTOR_E_NOTFOUND ? 404 : 200;
    if (st == FACTOR_E_NOTFOUND)
        return FACTOR_OK;
    if (st != FACTOR_OK)
        return st;
    if (row_open(record))
        return wait_for_row(job, txn);
    return row_sent(record) ? take_report(job, txn, record, err) : FACTOR_OK;
}

static struct http_reply *
short_reply(unsigned status)
{
    struct http_reply *reply = http_reply_static(status, NULL, "", 0);

    if (reply && status >= 429)
        http_reply_header(reply, "Retry-After", "5");
    return reply;
}

static struct http_reply *
answer(struct job *job, int st)
{
    const struct report *report = job->state;

    return short_reply(st == FACTOR_OK  ? report->status
                       : st == JOB_BUSY ? 429
                                        : 503);
}

static const struct job_kind kind = {"report", decide, answer, false};

/* --- The handler. --- */

/* First values first; NULL: no memory. */
static json_t *
read_fields(struct http_request *request, struct factor_arena *arena)
{
    const char *type = http_header(request, "Content-Type");
    json_t *fields = arena_keep_json(arena, json_object()), *object;
    struct form form;
    size_t len, i;
    const char *body = http_body(request, &len);

    form_start(&form, arena);
    form_add_query(&form, request);
    if (form_type_is(type, "application/x-www-form-urlencoded"))
        form_add_text(&form, body, len);
    for (i = 0; i < form.count; i++)
        if (!json_object_get(fields, form.names[i]))
            json_object_set_new(fields, form.names[i],
                                json_string(form.values[i]));
    if (form_type_is(type, "application/json")) {
        object = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
        json_object_update_missing(fields, object);
        json_decref(object);
    }
    return fields;
}

static void
take(struct http_request *request)
{
    struct job *job;
    struct report *report;

    if (!token_ok(http_context(request), request)) {
        http_reply(request, short_reply(404));
        return;
    }
    job = job_new(&kind, request);
    report = job ? arena_alloc(job->arena, sizeof(*report)) : NULL;
    if (!report) {
        http_reply(request, NULL);
        return;
    }
    job->state = report;
    report->message = http_variable(request, "message");
    report->place = strtoul(http_variable(request, "place"), NULL, 10);
    report->fields = read_fields(request, job->arena);
    job_start(job, NULL);
}

const struct http_route report_routes[] = {
    {REPORT_PATH "{message}/{place}/{token}", "delivery-reports",
     HTTP_GET | HTTP_POST, 0, BODY_MAX, take},
    {0},
};
