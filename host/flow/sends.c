/* SPDX-License-Identifier: MIT */
/* host/flow/sends.c - the limits on messages over all flows (O8). */
#include "host/flow/sends.h"

#include <inttypes.h>
#include <string.h>

#include "host/json.h"
#include "host/log.h"

#define SENDS_COLLECTION "sends"

enum {
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    TIMES_MAX = 64,
    NOTICES_DAY = 20 /* of an address */
};

/* Whose messages are counted, and how many are too many. */
struct budget {
    const char *purpose; /* of the keyed id */
    const char *key;     /* what is counted: an address, an account */
    int64_t short_ms, short_max, day_max; /* 0: no such limit */
};

/* Times of the last day, oldest first; enough for every limit that can be set.
 */
static size_t
read_times(const json_t *body, int64_t now_ms, int64_t times[TIMES_MAX])
{
    const json_t *list = json_object_get(body, "times");
    size_t count = 0, i;
    int64_t at;

    for (i = 0; i < json_array_size(list) && count < TIMES_MAX; i++) {
        at = json_integer_value(json_array_get(list, i));
        if (at > now_ms - DAY_MS)
            times[count++] = at;
    }
    return count;
}

static bool
spent(const struct budget *budget, const int64_t *times, size_t count,
      int64_t now_ms)
{
    size_t recent = 0, i;

    for (i = 0; i < count; i++)
        recent += times[i] > now_ms - budget->short_ms;
    return (budget->short_max && recent >= (size_t)budget->short_max) ||
           (budget->day_max && count >= (size_t)budget->day_max);
}

static factor_status
count_one(struct txn *txn, const struct budget *budget)
{
    const char *id =
        txn_keyed(txn, budget->purpose, budget->key, strlen(budget->key));
    const struct record *record = NULL;
    int64_t times[TIMES_MAX], now = txn_now(txn);
    struct txn_put put = {.collection = SENDS_COLLECTION, .id = id};
    size_t count, i;
    json_t *list;
    factor_status st;

    if (!budget->short_max && !budget->day_max)
        return FACTOR_OK;
    if (!id)
        return FACTOR_E_NOMEM;
    st = txn_read_id(txn, SENDS_COLLECTION, id, &record);
    if (st != FACTOR_OK && st != FACTOR_E_NOTFOUND)
        return st;
    count = read_times(record ? record->body : NULL, now, times);
    if (count == TIMES_MAX || spent(budget, times, count, now))
        return SENDS_REFUSED;
    times[count++] = now;
    list = json_array();
    for (i = 0; i < count; i++)
        json_array_append_new(list, json_integer(times[i]));
    put.version = record ? record->face.version : 0;
    put.expires_at_ms = now + DAY_MS;
    put.body = json_pack("{s:i, s:o}", "v", 1, "times", list);
    return txn_put_again(txn, &put, NULL);
}

/* Numbers of one prefix through one channel within the hour: a counter, since
 * there may be many. */
static factor_status
count_prefix(const struct host *host, struct txn *txn,
             const struct factor_send *send)
{
    int64_t max = config_number(host->config, "/limits/sends_per_prefix_hour");
    int digits =
        (int)config_number(host->config, "/limits/prefix_digits") + 1;
    const char *key = arena_format(txn_arena(txn), "%s:%.*s", send->channel,
                                   digits, send->address);
    const char *id =
        key ? txn_keyed(txn, "sends.prefix", key, strlen(key)) : NULL;
    struct txn_put put = {.collection = SENDS_COLLECTION, .id = id};
    const struct record *record = NULL;
    int64_t since = txn_now(txn), count = 0;
    factor_status st;

    if (!id)
        return FACTOR_E_NOMEM;
    st = txn_read_id(txn, SENDS_COLLECTION, id, &record);
    if (st != FACTOR_OK && st != FACTOR_E_NOTFOUND)
        return st;
    if (record && json_number(record->body, "since", 0) > since - HOUR_MS) {
        since = json_number(record->body, "since", 0);
        count = json_number(record->body, "count", 0);
    }
    if (count >= max) {
        log_event("limits", FACTOR_LOG_WARNING,
                  "%" PRId64 " messages by %s to one number prefix within an "
                  "hour: no more are sent to it",
                  count, send->channel);
        return SENDS_REFUSED;
    }
    put.version = record ? record->face.version : 0;
    put.expires_at_ms = since + HOUR_MS;
    put.body = json_pack("{s:i, s:I, s:I}", "v", 1, "since",
                         (json_int_t)since, "count", (json_int_t)count + 1);
    return txn_put_again(txn, &put, NULL);
}

static bool
is_notice(const struct factor_send *send)
{
    return send->flags & FACTOR_SEND_NOTICE;
}

static bool
is_number(const struct factor_send *send)
{
    return strcmp(send->channel, "sms") == 0 ||
           strcmp(send->channel, "voice") == 0;
}

static bool
country_allowed(const struct host *host, const struct factor_send *send)
{
    const json_t *countries = config_at(host->config, "/limits/countries");
    const char *code;
    size_t i;

    for (i = 0; i < json_array_size(countries); i++) {
        code = json_string_value(json_array_get(countries, i));
        if (strncmp(send->address, code, strlen(code)) == 0)
            return true;
    }
    return json_array_size(countries) == 0;
}

/* All that one account is sent within a day, notices apart. */
static factor_status
count_account(const struct host *host, struct txn *txn, const char *subject,
              const struct factor_send *send)
{
    const struct budget day = {
        .purpose = "sends.account",
        .key = send->account ? send->account : subject,
        .day_max =
            config_number(host->config, "/limits/sends_per_account_day"),
    };

    return day.key && !is_notice(send) ? count_one(txn, &day) : FACTOR_OK;
}

/* One address in however many ways it may be written: letters of a mailbox
 * fold, of a number only digits and "+" count. */
static const char *
plain_address(struct txn *txn, const struct factor_send *send)
{
    char *plain = arena_copy(txn_arena(txn), send->address);
    size_t from, to = 0;
    char c;

    for (from = 0; plain && plain[from]; from++) {
        c = plain[from];
        if (!is_number(send))
            plain[to++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        else if ((c >= '0' && c <= '9') || c == '+')
            plain[to++] = c;
    }
    if (plain)
        plain[to] = '\0';
    return plain;
}

static factor_status
count_address(const struct host *host, struct txn *txn,
              const struct factor_send *send)
{
    const struct config *config = host->config;
    const char *plain = plain_address(txn, send);
    const char *key =
        plain ? arena_format(txn_arena(txn), "%s:%s", send->channel, plain)
              : NULL;
    const struct budget notices = {
        .purpose = "sends.notice",
        .key = key,
        .day_max = NOTICES_DAY,
    };
    const struct budget others = {
        .purpose = "sends.address",
        .key = key,
        .short_ms = 10 * MINUTE_MS,
        .short_max = config_number(config, "/limits/sends_per_address_10min"),
        .day_max = config_number(config, "/limits/sends_per_address_day"),
    };

    if (!key)
        return FACTOR_E_NOMEM;
    return count_one(txn, is_notice(send) ? &notices : &others);
}

static factor_status
count_send(const struct host *host, struct txn *txn,
           const struct factor_send *send)
{
    factor_status st = count_address(host, txn, send);

    if (st != FACTOR_OK || !is_number(send))
        return st;
    return country_allowed(host, send) ? count_prefix(host, txn, send)
                                       : SENDS_REFUSED;
}

factor_status
sends_count(const struct host *host, struct txn *txn, const char *subject,
            const struct txn_send *send)
{
    factor_status st = FACTOR_OK;

    for (; send && st == FACTOR_OK; send = send->next) {
        st = count_send(host, txn, &send->send);
        if (st == FACTOR_OK)
            st = count_account(host, txn, subject, &send->send);
    }
    return st;
}
