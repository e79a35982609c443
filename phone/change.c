/* SPDX-License-Identifier: MIT */
/* phone/change.c - push address, key rotation, unpairing, passcodes. */
#include "phone/internal.h"

#include <stdlib.h>
#include <string.h>

#include <liboath/oath.h>

/* --- changes that the host must know --- */

/* A change, and nothing of its answer. */
static enum factor_phone_status
say_change(struct factor_phone *self, struct phone_pairing *pairing,
           const char *purpose, json_t *members,
           const struct phone_key *proof)
{
    struct phone_statement statement = { .purpose = purpose,
                                         .members = members,
                                         .counted = true,
                                         .proof = proof };
    enum factor_phone_status status;
    json_t *answer = NULL;

    status = phone_say(self, pairing, purpose, &statement, &answer);
    json_decref(answer);
    return status;
}

static enum factor_phone_status
set_push(struct factor_phone *self, struct phone_pairing *pairing,
         const char *push)
{
    json_t *members = json_pack("{s:s?}", "push", push);
    enum factor_phone_status status;

    if (!members || (push && strlen(push) > PHONE_PUSH_MAX))
        status = phone_fail(self, FACTOR_PHONE_USAGE,
                            "no address for push messages");
    else
        status = say_change(self, pairing, "push", members, NULL);
    json_decref(members);
    return status;
}

enum factor_phone_status
factor_phone_set_push(struct factor_phone *self, const char *device,
                      const char *push)
{
    enum factor_phone_status status;
    struct phone_pairing *pairing;

    status = phone_open(self, device, &pairing);
    if (status == FACTOR_PHONE_OK)
        status = set_push(self, pairing, phone_or_null(push));
    return phone_end(self, status);
}

enum factor_phone_status
factor_phone_unpair(struct factor_phone *self, const char *device)
{
    enum factor_phone_status status;
    struct phone_pairing *pairing;

    status = phone_open(self, device, &pairing);
    if (status == FACTOR_PHONE_OK) {
        status = say_change(self, pairing, "unpair", NULL, NULL);
        if (status == FACTOR_PHONE_OK) {
            phone_state_drop(&self->state, pairing);
            self->changed = true;
        }
    }
    /* Unpaired before: perhaps by ourselves, and the answer was lost. */
    if (status == FACTOR_PHONE_NOT_PAIRED) {
        phone_forget_error(self);
        status = FACTOR_PHONE_OK;
    }
    return phone_end(self, status);
}

/* --- the key --- */

static enum factor_phone_status
say_key(struct factor_phone *self, struct phone_pairing *pairing)
{
    json_t *jwk = phone_key_jwk(&pairing->next, false);
    json_t *members = json_pack("{s:o}", "key", jwk);
    enum factor_phone_status status;

    if (members)
        status = say_change(self, pairing, "key", members, &pairing->next);
    else
        status = phone_no_memory(self);
    json_decref(members);
    return status;
}

/* Whatever came instead of a good answer, the host knows which key it has; if
 * it is the old one, the first error says why. */
static enum factor_phone_status
find_out(struct factor_phone *self, struct phone_pairing *pairing,
         enum factor_phone_status status)
{
    const struct factor_phone_error first = self->error;
    struct phone_key wanted = pairing->next;
    enum factor_phone_status settled = phone_settle(self, pairing);

    if (settled == FACTOR_PHONE_NOT_PAIRED ||
        (settled == FACTOR_PHONE_OK &&
         memcmp(&pairing->key, &wanted, sizeof(wanted)) == 0))
        status = settled;
    else
        self->error = first;
    phone_wipe(&wanted, sizeof(wanted));
    return status;
}

/* The new key is saved with the count of the statement that names it. */
static enum factor_phone_status
rotate(struct factor_phone *self, struct phone_pairing *pairing)
{
    enum factor_phone_status status;

    if (!phone_key_make(&self->io, &pairing->next))
        return phone_no_memory(self);
    pairing->has_next = true;
    status = say_key(self, pairing);
    if (status == FACTOR_PHONE_OK)
        phone_adopt_next(self, pairing);
    else if (status != FACTOR_PHONE_NOT_PAIRED &&
             status != FACTOR_PHONE_STORAGE)
        status = find_out(self, pairing, status);
    return status;
}

enum factor_phone_status
factor_phone_rotate(struct factor_phone *self, const char *device)
{
    enum factor_phone_status status;
    struct phone_pairing *pairing;

    status = phone_open(self, device, &pairing);
    if (status == FACTOR_PHONE_OK)
        status = rotate(self, pairing);
    return phone_end(self, status);
}

/* --- what the host need not know --- */

enum factor_phone_status
factor_phone_forget(struct factor_phone *self, const char *device)
{
    enum factor_phone_status status = phone_begin(self, true);
    struct phone_pairing *pairing;

    if (status == FACTOR_PHONE_OK) {
        pairing = phone_find(self, device);
        if (pairing) {
            phone_state_drop(&self->state, pairing);
            self->changed = true;
        } else {
            status = FACTOR_PHONE_NOT_FOUND;
        }
    }
    return phone_end(self, status);
}

static enum factor_phone_status
make_passcode(struct factor_phone *self, const struct phone_pairing *pairing,
              struct factor_phone_passcode *ret_passcode)
{
    const int64_t now_s = phone_now_ms(self, pairing) / 1000;
    struct factor_phone_passcode passcode = { .code = "" };
    char *secret = NULL;
    size_t len = 0;
    bool ok;

    if (!pairing->secret)
        return phone_fail(self, FACTOR_PHONE_NOT_FOUND,
                          "this pairing has no passcodes");
    ok = now_s >= 0 && pairing->period_s > 0 && pairing->digits >= 6 &&
         pairing->digits <= 8 &&
         oath_base32_decode(pairing->secret, strlen(pairing->secret), &secret,
                            &len) == OATH_OK &&
         oath_totp_generate(secret, len, now_s, (unsigned)pairing->period_s,
                            0, (unsigned)pairing->digits,
                            passcode.code) == OATH_OK;
    if (secret)
        phone_wipe(secret, len);
    free(secret);
    if (!ok)
        return phone_fail(self, FACTOR_PHONE_STORAGE,
                          "what is stored gives no passcode");
    passcode.period_s = (unsigned)pairing->period_s;
    passcode.left_s = (unsigned)(pairing->period_s - now_s % pairing->period_s);
    *ret_passcode = passcode;
    phone_wipe(&passcode, sizeof(passcode));
    return FACTOR_PHONE_OK;
}

enum factor_phone_status
factor_phone_passcode(struct factor_phone *self, const char *device,
                      struct factor_phone_passcode *ret_passcode)
{
    enum factor_phone_status status = phone_begin(self, false);
    const struct phone_pairing *pairing;

    if (status == FACTOR_PHONE_OK) {
        pairing = phone_find(self, device);
        status = pairing ? make_passcode(self, pairing, ret_passcode)
                         : FACTOR_PHONE_NOT_FOUND;
    }
    return phone_end(self, status);
}
