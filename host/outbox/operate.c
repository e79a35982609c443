/* SPDX-License-Identifier: MIT */
/* host/outbox/operate.c - what operators may do with messages that wait. */
#include <stdio.h>
#include <string.h>

#include "host/error.h"
#include "host/json.h"
#include "host/outbox/outbox.h"
#include "host/outbox/row.h"

static factor_status
find_row(struct txn *txn, const char *id, const struct record **ret_record,
         struct factor_error *err)
{
    factor_status st = txn_read_id(txn, OUTBOX_COLLECTION, id, ret_record);

    if (st == FACTOR_E_NOTFOUND)
        return error_set(err, st, "there is no such message");
    return st;
}

static void
tell(struct txn *txn, const char *event, const struct record *record)
{
    txn_event(txn, event, json_pack("{s:s}", "message", record->face.id));
}

factor_status
outbox_retry_decide(struct txn *txn, void *context, struct factor_error *err)
{
    static const struct row_news nothing;
    const struct record *record;
    const char *state;
    factor_status st = find_row(txn, context, &record, err);

    if (st != FACTOR_OK)
        return st;
    state = json_text(record->body, "state");
    if (!state || strcmp(state, "queued") != 0)
        return error_set(err, FACTOR_E_UNSUPPORTED, "the message is %s",
                         state ? state : "broken");
    tell(txn, "message.retry", record);
    return row_postpone(txn, record, txn_now(txn), false, &nothing, err);
}

factor_status
outbox_drop_decide(struct txn *txn, void *context, struct factor_error *err)
{
    const struct record *record;
    factor_status st = find_row(txn, context, &record, err);

    if (st != FACTOR_OK)
        return st;
    tell(txn, "message.drop", record);
    return txn_remove(txn, record);
}

/* The id is not changed: a context is never const. */
static factor_status
run(struct database *database, const char *id,
    factor_status (*decide)(struct txn *, void *, struct factor_error *),
    struct factor_error *err)
{
    char copy[FACTOR_ID_MAX + 1];

    if (strlen(id) >= sizeof(copy))
        return error_set(err, FACTOR_E_NOTFOUND, "there is no such message");
    memcpy(copy, id, strlen(id) + 1);
    return txn_run(database, decide, copy, err);
}

factor_status
outbox_retry(struct database *database, const char *id,
             struct factor_error *err)
{
    return run(database, id, outbox_retry_decide, err);
}

factor_status
outbox_drop(struct database *database, const char *id,
            struct factor_error *err)
{
    return run(database, id, outbox_drop_decide, err);
}

/* --- Addresses as they may be shown. --- */

enum { MAIL_LEADING = 2, PHONE_LEADING = 4, PHONE_LEN_MIN = 9 };

/* Bytes of the first so many characters. */
static size_t
leading(const char *text, size_t characters)
{
    size_t len = 0;

    while (text[len] && characters-- > 0)
        do {
            len++;
        } while (((unsigned char)text[len] & 0xc0) == 0x80);
    return len;
}

static void
mask(const char *address, size_t shown, const char *stars, const char *tail,
     char ret_text[OUTBOX_MASKED_SIZE])
{
    int len = snprintf(ret_text, OUTBOX_MASKED_SIZE, "%.*s%s%s", (int)shown,
                       address, stars, tail);

    /* A text that was cut may end within a character. */
    if (len >= OUTBOX_MASKED_SIZE)
        memcpy(ret_text + shown + strlen(stars), "", 1);
}

void
outbox_masked(const char *address, char ret_text[OUTBOX_MASKED_SIZE])
{
    const char *domain = strrchr(address, '@');
    size_t len = strlen(address);
    bool phone = address[0] == '+' && len >= PHONE_LEN_MIN &&
                 strspn(address + 1, "0123456789 ()-./") == len - 1;

    if (domain && domain - address > 2 * MAIL_LEADING)
        mask(address, leading(address, MAIL_LEADING), "****", domain,
             ret_text);
    else if (domain)
        mask(address, 0, "****", domain, ret_text);
    else if (phone)
        mask(address, PHONE_LEADING, "*****", address + len - 2, ret_text);
    else if (len >= 2 * PHONE_LEN_MIN)
        mask(address, leading(address, MAIL_LEADING), "****", "", ret_text);
    else
        mask(address, 0, "****", "", ret_text);
}
