/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_statement.h - what phones sign: verified, and the
 * call that it belongs to (doc/phone-protocol.md, sections 1 and 9). */
#ifndef MFA_STATEMENT_H
#define MFA_STATEMENT_H

#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_pairing.h"

#define MFA_STATEMENT_TYPE "factor-phone+jwt"

/* One call of a phone.  The step is filled as far as the call knows: user,
 * policy and account are those of the device's owner. */
struct mfa_call {
    struct mfa_step s;
    struct factor_outcome *out;
    json_t *claims;            /* owned; NULL: not verified */
    struct mfa_device device;  /* whose call it is, or is made */
};

/* Claims of the call's statement: by this key, with this purpose, from now.
 * *ret_verified false: the outcome says what is wrong with it. */
factor_status mfa_call_verify(struct mfa_call *call, const json_t *jwk,
                              const char *purpose, bool *ret_verified);

/* What is wrong with claims that a key has signed, as a detail code; NULL:
 * they are for us, of this purpose, of the call's device, and from now. */
const char *mfa_claims_fault(const struct mfa_call *call, const json_t *claims,
                             const char *purpose);

/* Answer with an object, which is stolen. */
factor_status mfa_call_answer(struct mfa_call *call, uint32_t status,
                              json_t *body);

/* Refuse with one detail.  retry_at_ms: 0: none. */
factor_status mfa_call_refuse(struct mfa_call *call, uint32_t status,
                              const char *code, int64_t retry_at_ms);

/* A public key without anything that does not belong to it; new reference, or
 * NULL: it is none. */
json_t *mfa_plain_jwk(const json_t *jwk);

/* 16 bytes in base64url, as phones draw them. */
bool mfa_nonce_fits(const char *nonce);

/* How to wake a phone: the kind of service, a colon, and what it needs; NULL
 * and null: not at all. */
bool mfa_push_fits(const json_t *push);

/* What a phone tells of itself: name, platform and push. */
bool mfa_phone_fits(const json_t *claims);

/* The handlers, by room: mfa_phone.c, mfa_claim.c. */
typedef factor_status mfa_call_handler(struct mfa_call *call);
mfa_call_handler mfa_discover, mfa_claim;

/* What a claim reads, behind the configuration. */
factor_status mfa_claim_plan(const struct factor_host *host,
                             const struct factor_step *in,
                             const json_t *claims,
                             struct factor_reads *reads);

#endif
