/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_pairing.h - pairing keys: what a phone must know to
 * become a device of a user; and what user and phone compare.
 *
 * A key is found by its name, the keyed hash of its letters; the letters
 * themselves are in no record, but for the sealed data of the flow that shows
 * them.  Who claims one (mfa_phone.c) makes the device, and writes device and
 * thumbprint into the record, or the error that refused it; the page that
 * waits sees it there.  The device is active at once, unless the policy wants
 * a confirmation and there is a page to ask for it; whoever makes it active
 * reports it (mfa_report_added).  Pure; any thread.
 */
#ifndef MFA_PAIRING_H
#define MFA_PAIRING_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "factor/host.h"
#include "factor/record.h"
#include "plugin/adapter-mfa/mfa_record.h"

#define MFA_JTIS "mfa.jti" /* names of payloads that were taken */

enum {
    MFA_PAIRING_KEY_SIZE = 17, /* 16 letters and digits, or 12 digits */
    MFA_PAIRING_KEYS_MAX = 20,  /* live ones of a user */
    MFA_CHECK_SIZE = 7,
    MFA_THUMBPRINT_SIZE = 44, /* of a key (RFC 7638), with the NUL */
    MFA_PAIRING_KEPT_MS = 15 * 60 * 1000 /* a record outlives its key */
};

struct mfa_pairing {
    const struct factor_record *record; /* NULL: there is none, or not yet */
    const char *id;
    const char *application; /* that may claim it, or NULL: any, unless */
    const json_t *applications; /* array of ids: one of these; or NULL */
    const char *policy;      /* id */
    const char *username;    /* of the owner, for the phone to show */
    const char *notice_channel; /* whom to tell of the device, where nobody */
    const char *notice_address; /* reads the user; sealed; or NULL */
    const char *notice_language; /* in which to, or NULL */
    bool first;              /* made for a user without devices, nothing
                              * proven: void once there is one (M3) */
    int64_t created_at_ms;
    int64_t expires_at_ms;   /* end of the key's life */
    bool by_operator;        /* an operator handed it out: no page waits, so
                              * the claim itself makes the device active */
    const char *device;      /* id of the device that claimed it, or NULL */
    const char *thumbprint;  /* of the key that claimed it, before that of the
                              * only one that may; or NULL */
    const char *error;       /* code: why the last claim failed, or NULL */
};

/* False: it is none that this version understands. */
bool mfa_pairing_load(const struct factor_record *record,
                      struct mfa_pairing *ret_pairing);

/* The body to write; new reference, or NULL without memory. */
json_t *mfa_pairing_save(const struct mfa_pairing *pairing);

/* Was the key made for this application, among others or for any? */
bool mfa_pairing_may_claim(const struct mfa_pairing *pairing,
                           const char *application);

/* May it still be claimed?  One that was refused once is spent. */
bool mfa_pairing_live(const struct mfa_pairing *pairing, int64_t now_ms);

/* When the record is to be swept. */
int64_t mfa_pairing_swept_at(const struct mfa_pairing *pairing);

/* A key as it was typed, in its one spelling: no spaces and dashes, upper
 * case, O is 0, I and L are 1.  False: it is none; ret_key is "" then. */
bool mfa_pairing_clean(const char *typed, char ret_key[MFA_PAIRING_KEY_SIZE]);

/* A key drawn from a step's entropy (MFA_ENTROPY_LEN bytes), all of it: what
 * else is drawn from that tells nothing about the key.  False: libcrypto
 * cannot. */
bool mfa_pairing_draw(const uint8_t *entropy, bool numeric,
                      char ret_key[MFA_PAIRING_KEY_SIZE]);

/* The name of the key's record, for read_name() and put; borrows the key,
 * which mfa_pairing_clean() or mfa_pairing_draw() has made. */
struct factor_name mfa_pairing_name(const char *key);

/* The six characters that user and page compare (doc/phone-protocol.md,
 * section 1).  False: libcrypto cannot. */
bool mfa_check_value(const char *thumbprint, char ret_check[MFA_CHECK_SIZE]);

/* The same of a device's key; false also if it is none. */
bool mfa_device_check(const struct factor_host *host,
                      const struct mfa_device *device,
                      char ret_check[MFA_CHECK_SIZE]);

/* --- Reads of a step: mfa_step_plan() plans them behind its own. --- */

struct factor_step;

/* Can this step make a key?  Then the keys of the user are read. */
bool mfa_keys_planned(const struct factor_step *in);
factor_status mfa_keys_plan(const struct factor_host *host,
                            const struct factor_step *in, const char *user,
                            struct factor_reads *reads);

/* The keys of a user, as one read. */
factor_status mfa_keys_plan_all(const struct factor_host *host,
                                const char *user, struct factor_reads *reads);

/* The live ones that this read has found. */
size_t mfa_count_live(const struct factor_step *in, size_t read);

/* The last read: was the payload that the step is given taken before? */
factor_status mfa_payload_plan(const struct factor_host *host,
                               const struct factor_step *in,
                               struct factor_reads *reads);

#endif
