/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_auth.c - the device authentication: one attempt to
 * prove one user by one of the user's devices. */
#include "plugin/adapter-mfa/mfa_auth.h"

#include <stdio.h>
#include <string.h>

enum { WAIT_FROM = 10, DISABLE_AT = 100 };
#define WAIT_FIRST_MS INT64_C(1000)
#define WAIT_LONGEST_MS INT64_C(3600000)

/* --- What is seen --- */

/* A device that was removed or blocked meanwhile has not approved anything. */
static bool
approved(const struct mfa_auth *auth, const struct mfa_device *device)
{
    return auth->stage == MFA_STAGE_PUSH &&
           auth->push.decision == MFA_APPROVED && device && !device->blocked;
}

/* A service that refused the message did not reach the device.  A device
 * without an address, or that waits on the host, counts as reached. */
static bool
unreached(const struct mfa_auth *auth, const struct mfa_device *device)
{
    return !device || device->blocked ||
           (auth->push.signalled && device->push_dead);
}

static enum mfa_seen
push_seen(const struct mfa_auth *auth, const struct mfa_device *device,
          int64_t now_ms, int64_t *ret_changes_at_ms)
{
    const struct mfa_push *push = &auth->push;

    if (push->decision == MFA_DENIED)
        return MFA_SEEN_REJECTED;
    if (now_ms >= push->expires_at_ms || unreached(auth, device))
        return MFA_SEEN_TIMED_OUT;
    *ret_changes_at_ms = push->expires_at_ms;
    return MFA_SEEN_WAITING;
}

enum mfa_seen
mfa_auth_seen(const struct mfa_auth *auth, const struct mfa_device *device,
              int64_t now_ms, const char **ret_failure,
              int64_t *ret_changes_at_ms)
{
    *ret_failure = NULL;
    *ret_changes_at_ms = 0;
    if (auth->stage == MFA_STAGE_COMPLETED)
        return MFA_SEEN_COMPLETED;
    if (auth->stage == MFA_STAGE_FAILED) {
        *ret_failure = auth->failure;
        return MFA_SEEN_FAILED;
    }
    if (approved(auth, device))
        return MFA_SEEN_COMPLETED;
    if (now_ms >= auth->expires_at_ms) {
        *ret_failure = MFA_FAIL_EXPIRED;
        return MFA_SEEN_FAILED;
    }
    *ret_changes_at_ms = auth->expires_at_ms;
    if (auth->stage == MFA_STAGE_PUSH)
        return push_seen(auth, device, now_ms, ret_changes_at_ms);
    if (auth->stage == MFA_STAGE_OTP && device)
        return MFA_SEEN_OTP;
    return MFA_SEEN_SELECT;
}

/* --- Asking --- */

static void
forget_challenge(struct mfa_auth *auth)
{
    explicit_bzero(&auth->key, sizeof(auth->key));
    explicit_bzero(&auth->push, sizeof(auth->push));
    auth->code_expires_at_ms = 0;
}

/* Its place in the list, or that behind the last. */
static size_t
place_of(const struct mfa_auth *auth, const char *device)
{
    size_t i;

    for (i = 0; i < auth->asked_count; i++)
        if (strcmp(auth->asked[i].device, device) == 0)
            break;
    return i;
}

int64_t
mfa_auth_asked_at(const struct mfa_auth *auth, const char *device)
{
    size_t place = place_of(auth, device);

    return place < auth->asked_count ? auth->asked[place].at_ms : 0;
}

static void
note_asked(struct mfa_auth *auth, const char *device, int64_t now_ms)
{
    size_t place = place_of(auth, device);

    if (place == MFA_ASKED_MAX)
        return;
    if (place == auth->asked_count)
        auth->asked_count++;
    auth->asked[place] = (struct mfa_asked){ device, now_ms };
}

void
mfa_auth_ask_code(struct mfa_auth *auth, const struct mfa_device *device,
                  const struct mfa_method *method, int64_t lifetime_max_ms,
                  const uint8_t *entropy, int64_t now_ms)
{
    int64_t lifetime_ms = method->lifetime_ms;

    forget_challenge(auth);
    auth->stage = MFA_STAGE_OTP;
    auth->device = device->id;
    auth->selected_at_ms = now_ms;
    if (device->type == MFA_TOTP || device->type == MFA_MOBILE)
        return;
    if (lifetime_ms > lifetime_max_ms)
        lifetime_ms = lifetime_max_ms;
    memcpy(auth->key.bytes, entropy + MFA_ENTROPY_KEY,
           PASSCODE_CHALLENGE_KEY_LEN);
    auth->key.len = PASSCODE_CHALLENGE_KEY_LEN;
    auth->code_expires_at_ms = now_ms + lifetime_ms;
    auth->sends++;
    note_asked(auth, device->id, now_ms);
}

static uint32_t
number_of_bytes(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

/* A number of so many digits from four bytes; the bias, one in 4,000, helps
 * nobody who has one try. */
static void
draw_number(const uint8_t *bytes, char *ret_number)
{
    snprintf(ret_number, MFA_NUMBER_DIGITS + 1, "%06u",
             number_of_bytes(bytes) % 1000000);
}

/* Three of the 90 numbers of two digits, for people to choose from: each is
 * drawn from those that are left, so that nothing about them tells which one
 * was the first. */
static void
draw_choices(const uint8_t *bytes, struct mfa_push *push)
{
    uint32_t drawn = number_of_bytes(bytes);
    unsigned first = drawn % 90, second = drawn / 90 % 89 + 1;
    unsigned third = drawn / 90 / 89 % 88 + 1;

    third += third >= second; /* both are steps from the first */
    snprintf(push->number, sizeof(push->number), "%u", 10 + first);
    snprintf(push->choices[0], sizeof(push->choices[0]), "%u",
             10 + (first + second) % 90);
    snprintf(push->choices[1], sizeof(push->choices[1]), "%u",
             10 + (first + third) % 90);
}

static void
draw_challenge(const uint8_t *bytes, char *ret_challenge)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                 "qrstuvwxyz0123456789-_";
    unsigned bits = 0, held = 0;
    size_t i;

    for (i = 0; i < 16; i++) {
        held = (held & 0xff) << 8 | bytes[i];
        for (bits += 8; bits >= 6; bits -= 6)
            *ret_challenge++ = digits[held >> (bits - 6) & 63];
    }
    *ret_challenge++ = digits[held << (6 - bits) & 63];
    *ret_challenge = '\0';
}

/* The oldest gives way. */
static void
note_push(struct mfa_device *device, int64_t now_ms, int64_t ends_at_ms)
{
    if (device->fail_count == MFA_PUSHES_MAX) {
        memmove(&device->fails[0], &device->fails[1],
                (MFA_PUSHES_MAX - 1) * sizeof(device->fails[0]));
        device->fail_count--;
    }
    device->fails[device->fail_count++] =
        (struct mfa_push_fail){ .at_ms = now_ms, .ends_at_ms = ends_at_ms };
}

void
mfa_auth_ask_push(struct mfa_auth *auth, struct mfa_device *device,
                  const struct mfa_mobile *mobile, bool select_number,
                  bool silent, const uint8_t *entropy, int64_t now_ms)
{
    struct mfa_push *push = &auth->push;

    forget_challenge(auth);
    auth->stage = MFA_STAGE_PUSH;
    auth->device = device->id;
    auth->selected_at_ms = now_ms;
    auth->sends++;
    push->sent_at_ms = now_ms;
    push->expires_at_ms = now_ms + mobile->push_timeout_ms;
    if (push->expires_at_ms > auth->expires_at_ms)
        push->expires_at_ms = auth->expires_at_ms;
    push->silent = silent;
    push->signalled = device->push && !device->push_dead;
    draw_challenge(entropy + MFA_ENTROPY_CHALLENGE, push->challenge);
    if (mobile->number_matching && !silent) {
        push->select_number = select_number;
        if (select_number)
            draw_choices(entropy + MFA_ENTROPY_NUMBER, push);
        else
            draw_number(entropy + MFA_ENTROPY_NUMBER, push->number);
    }
    if (!silent)
        note_push(device, now_ms, push->expires_at_ms);
}

bool
mfa_auth_code(const struct mfa_auth *auth, unsigned digits,
              char ret_code[PASSCODE_SIZE])
{
    return auth->key.len > 0 && passcode_hotp(&auth->key, 0, digits, ret_code);
}

/* --- Counting --- */

/* Without a stated cool-down each failure from the 10th on adds a wait. */
static int64_t
lock_time(const struct mfa_failure_rule *rule, uint32_t failures)
{
    const struct passcode_lock_rule waits = { .every = 1,
                                              .first_ms = WAIT_FIRST_MS,
                                              .longest_ms = WAIT_LONGEST_MS };

    if (rule->cool_down_ms > 0)
        return failures % rule->count == 0 ? rule->cool_down_ms : 0;
    if (failures < WAIT_FROM)
        return 0;
    return passcode_lock_time(&waits, failures - WAIT_FROM + 1);
}

static void
device_fails(struct mfa_device *device, const struct mfa_failure_rule *rule,
             int64_t now_ms)
{
    struct passcode_counter *counter = &device->counter;
    int64_t time_ms;

    if (counter->failures < UINT32_MAX)
        counter->failures++;
    time_ms = lock_time(rule, counter->failures);
    if (time_ms > 0)
        counter->locked_until_ms = now_ms + time_ms;
    if (counter->failures >= DISABLE_AT)
        counter->disabled = true;
}

void
mfa_account_fails(struct mfa_account *account, const struct mfa_limits *limits,
                  int64_t now_ms)
{
    struct passcode_counter *counter = &account->counter;

    if (counter->failures < UINT32_MAX)
        counter->failures++;
    if (counter->failures % limits->lockout_count != 0)
        return;
    if (limits->lockout_ms > 0)
        counter->locked_until_ms = now_ms + limits->lockout_ms;
    else
        counter->disabled = true;
}

void
mfa_auth_fail(struct mfa_auth *auth, const char *failure)
{
    forget_challenge(auth);
    auth->stage = MFA_STAGE_FAILED;
    auth->failure = failure;
}

void
mfa_auth_unselect(struct mfa_auth *auth)
{
    forget_challenge(auth);
    auth->stage = MFA_STAGE_SELECT;
    auth->device = NULL;
}

/* --- Passcodes --- */

static enum passcode_result
compare(const struct mfa_auth *auth, struct mfa_device *device,
        unsigned digits, unsigned window, const char *code, int64_t now_ms)
{
    const struct passcode_totp totp = {
        .key = device->key,
        .hash = PASSCODE_SHA1,
        .digits = 6,
        .period_s = 30,
        .window = window,
        .last_step = device->last_step,
    };
    enum passcode_result result;
    int64_t step = -1;

    if (device->type != MFA_TOTP && device->type != MFA_MOBILE)
        return auth->key.len > 0
                   ? passcode_challenge_check(&auth->key, digits, code,
                                              auth->code_expires_at_ms, now_ms)
                   : PASSCODE_WRONG;
    if (device->key.len == 0)
        return PASSCODE_WRONG;
    result = passcode_totp_check(&totp, now_ms, code, &step);
    if (result == PASSCODE_RIGHT)
        device->last_step = step;
    return result;
}

static void
complete(struct mfa_auth *auth, enum mfa_type method, bool by_code)
{
    forget_challenge(auth);
    auth->stage = MFA_STAGE_COMPLETED;
    auth->method = method;
    auth->by_code = by_code;
}

static void
wrong(struct mfa_auth *auth, struct mfa_device *device,
      const struct mfa_method *method, int64_t now_ms)
{
    device_fails(device, &method->failure, now_ms);
    auth->attempts++;
    if (auth->attempts >= method->failure.count)
        mfa_auth_fail(auth, device->type == MFA_TOTP ? MFA_FAIL_TOTP_ATTEMPTS
                                                     : MFA_FAIL_ATTEMPTS);
}

struct mfa_tried
mfa_auth_try(struct mfa_auth *auth, struct mfa_device *device,
             struct mfa_account *account, const struct mfa_method *method,
             unsigned window, const struct mfa_limits *limits,
             const char *typed, int64_t now_ms)
{
    bool app = device->type == MFA_TOTP || device->type == MFA_MOBILE;
    unsigned digits = app ? 6 : method->digits;
    struct mfa_tried tried = { .result = PASSCODE_WRONG };
    char code[PASSCODE_SIZE];

    if (passcode_clean(typed, digits, code))
        tried.result = compare(auth, device, digits, window, code, now_ms);
    explicit_bzero(code, sizeof(code));
    switch (tried.result) {
    case PASSCODE_RIGHT:
        device->counter = (struct passcode_counter){ .failures = 0 };
        device->fail_count = 0;
        account->counter = (struct passcode_counter){ .failures = 0 };
        complete(auth, device->type, true);
        break;
    case PASSCODE_USED: /* in the flow it counts, as guessing would */
        auth->attempts++;
        if (auth->attempts >= method->failure.count)
            mfa_auth_fail(auth, MFA_FAIL_TOTP_ATTEMPTS);
        break;
    case PASSCODE_EXPIRED:
        break;
    case PASSCODE_WRONG:
    default:
        wrong(auth, device, method, now_ms);
        mfa_account_fails(account, limits, now_ms);
        tried.account_counts = true;
    }
    return tried;
}

/* --- The phone's answer --- */

static bool
same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* The number has one try, so how long this takes tells nobody anything. */
static bool
number_right(const struct mfa_push *push, const char *number)
{
    return push->number[0] == '\0' || same_text(push->number, number);
}

/* Those that are over, and this one; others still wait. */
static void
forgive_pushes(struct mfa_device *device, int64_t sent_at_ms, int64_t now_ms)
{
    size_t i, kept = 0;

    for (i = 0; i < device->fail_count; i++)
        if (device->fails[i].ends_at_ms > now_ms &&
            device->fails[i].at_ms != sent_at_ms)
            device->fails[kept++] = device->fails[i];
    device->fail_count = kept;
}

/* From now on it counts, and no later. */
static void
deny_push(struct mfa_device *device, int64_t sent_at_ms, int64_t now_ms)
{
    size_t i;

    for (i = 0; i < device->fail_count; i++)
        if (device->fails[i].at_ms == sent_at_ms)
            device->fails[i].ends_at_ms = now_ms;
}

enum mfa_answered
mfa_auth_answer(struct mfa_auth *auth, struct mfa_device *device,
                struct mfa_account *account, const struct mfa_limits *limits,
                const struct mfa_answer *answer, int64_t now_ms)
{
    struct mfa_push *push = &auth->push;

    if (auth->stage != MFA_STAGE_PUSH || !same_text(auth->device, device->id) ||
        !push->challenge[0] || !same_text(push->challenge, answer->challenge))
        return MFA_ANSWER_GONE;
    if (push->decision != MFA_UNDECIDED)
        return same_text(push->nonce, answer->nonce) ? MFA_ANSWER_AGAIN
                                                     : MFA_ANSWER_GONE;
    if (now_ms >= push->expires_at_ms)
        return MFA_ANSWER_GONE;
    push->nonce = answer->nonce;
    push->same_client = answer->same_client;
    if (answer->approve && !answer->refused &&
        number_right(push, answer->number)) {
        push->decision = MFA_APPROVED;
        push->method = answer->method;
        forgive_pushes(device, push->sent_at_ms, now_ms);
        account->counter = (struct passcode_counter){ .failures = 0 };
        return MFA_ANSWER_APPROVED;
    }
    push->decision = MFA_DENIED;
    push->reason = !answer->approve  ? answer->reason
                   : answer->refused ? answer->refused
                                     : "WRONG_NUMBER";
    deny_push(device, push->sent_at_ms, now_ms);
    if (!push->silent)
        mfa_account_fails(account, limits, now_ms);
    return MFA_ANSWER_DENIED;
}
