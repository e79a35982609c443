/* SPDX-License-Identifier: MIT */
/* plugin/adapter-example/example.c - an adapter to read and to copy: it asks
 * for a PIN, counts what is wrong, and locks.
 *
 * The PIN of a user is a record in "example.pin" whose id is the user's:
 *     {"v": 1, "secret": {"pin": "4711"}, "failures": 0, "locked_until_ms": 0}
 * What is in "secret" is sealed by the host before a store sees it.
 */
#include <jansson.h>

#include "factor/plain.h"

enum { PIN_MAX = 12, LOCK_MS = 60000 };

/* --- What it declares --- */

static const struct factor_setting *const settings[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_INTEGER, .name = "max_attempts",
                   .value = "3", .min = 1, .max = 10,
                   .text = "Wrong PINs in a row that lock for a minute."),
    NULL,
};

static const struct factor_description description = {
    FACTOR_SIZED(factor_description),
    .states = FACTOR_STATES(FACTOR_STATE(
        .name = "PIN_REQUIRED", .text = "Asks for the user's PIN.",
        .actions = FACTOR_NAMES("checkPin"))),
    .actions = FACTOR_ACTIONS(FACTOR_ACTION(
        .name = "checkPin",
        .fields = FACTOR_FIELDS(FACTOR_FIELD(
            .type = FACTOR_FIELD_STRING, .name = "pin", .max_len = PIN_MAX,
            .flags = FACTOR_FIELD_REQUIRED | FACTOR_FIELD_SENSITIVE)),
        .errors = FACTOR_NAMES("INVALID_PIN", "PIN_LOCKED"))),
    .codes = FACTOR_CODES(
        FACTOR_CODE("INVALID_PIN", "VALIDATION_ERROR", "bad PIN", "pin.wrong"),
        FACTOR_CODE("PIN_LOCKED", "REQUEST_FAILED", "locked", "pin.locked")),
    .texts = FACTOR_TEXTS(
        FACTOR_TEXT("pin.locked", "en", "Too many wrong PINs. Wait a minute."),
        FACTOR_TEXT("pin.locked", "de", "Zu oft falsch. Eine Minute warten."),
        FACTOR_TEXT("pin.wrong", "en", "This PIN is not right."),
        FACTOR_TEXT("pin.wrong", "de", "Diese PIN stimmt nicht.")),
};

/* --- The step --- */

static factor_status
plan_reads(const struct factor_adapter *self, const struct factor_step *step,
           struct factor_reads *reads)
{
    return factor_read_subject(self->host, step, reads, "example.pin");
}

/* Stay in the state, and say why. */
static factor_status
refuse(const struct factor_adapter *self, const struct factor_step *step,
       json_int_t left, json_int_t until_ms, struct factor_outcome *ret)
{
    return factor_refuse(self->host, step, ret, FACTOR_DETAIL(
        .code = until_ms ? "PIN_LOCKED" : "INVALID_PIN", .target = "pin",
        .retry_at_ms = until_ms,
        .attempts_remaining = until_ms ? -1 : (int32_t)left));
}

static factor_status
handle_action(const struct factor_adapter *self, const struct factor_step *step,
              struct factor_outcome *ret, struct factor_error *err)
{
    static const char *const amr[] = { "pin", NULL };
    const struct factor_record *pin = factor_read_one(step, 0);
    json_int_t failures, left, until_ms;
    factor_status status;
    int right;

    (void)err;
    if (!pin) /* who has none cannot prove it */
        return factor_fail(ret);
    if (!step->action) /* the flow enters: ask */
        return factor_stay(ret, "PIN_REQUIRED");

    /* Before any comparison: a locked PIN answers the same to all. */
    until_ms = factor_integer(pin->body, "locked_until_ms");
    if (until_ms > step->now_ms)
        return refuse(self, step, 0, until_ms, ret);
    right = factor_same_text(factor_secret(pin, "pin"),
                             factor_string(step->fields, "pin"));

    /* Count and lock, or clear.  If another step was faster, the commit is
     * lost and this one is run again: no failure goes uncounted. */
    failures = right ? 0 : factor_integer(pin->body, "failures") + 1;
    left = factor_integer(self->settings, "max_attempts") - failures;
    until_ms = left > 0 ? 0 : step->now_ms + LOCK_MS;
    status = factor_put_members(
        self->host, step, pin,
        json_pack("{s:I, s:I}", "failures", until_ms ? 0 : failures,
                  "locked_until_ms", until_ms));
    if (status)
        return status;
    if (right)
        return factor_prove(ret, FACTOR_KIND_KNOWLEDGE, amr);
    return refuse(self, step, left, until_ms, ret);
}

FACTOR_REGISTER_ADAPTER("example", "1.0", "Asks for a PIN kept as a record.",
                        settings, &description, .plan_reads = plan_reads,
                        .get_state_model = factor_show_state,
                        .handle_action = handle_action)
