/* SPDX-License-Identifier: MIT */
/* factor/host.h - everything that a plugin may ask of the host.
 *
 * A plugin calls the host only through this table, so it links with
 * -Wl,-z,defs and runs unchanged under the fake host of a unit test.  The
 * table is the host's and constant; keep the pointer given to init().
 */
#ifndef FACTOR_HOST_H
#define FACTOR_HOST_H

#include "factor/base.h"
#include "factor/http.h"
#include "factor/record.h"

#ifdef __cplusplus
extern "C" {
#endif

struct factor_arena;   /* memory of one step; wiped when the step ends */
struct factor_reads;   /* the reads planned for one step, in order */
struct factor_effects; /* the effects of one step, in order of emission */

enum {
    FACTOR_LOG_ERROR = 1,
    FACTOR_LOG_WARNING = 2,
    FACTOR_LOG_INFO = 3,
    FACTOR_LOG_DEBUG = 4
};

enum {
    /* Tells a user what became of an account.  Counted by itself, so that no
     * other messages can use up what an address may get (20 a day). */
    FACTOR_SEND_NOTICE = 1 << 0
};

/* A message to be delivered after the commit.  Borrowed. */
struct factor_send {
    uint32_t struct_size;
    uint32_t flags;          /* FACTOR_SEND_... */
    const char *channel;     /* "email", "sms", "voice", "push" */
    const char *address;     /* mailbox, E.164 number or push token */
    const char *template_id; /* key of its texts: "otp.code" */
    const char *code;        /* passcode for "{code}", or NULL; sealed */
    const struct json_t *variables;  /* object of strings, or NULL; sealed */
    const struct json_t *credential; /* for the back end, or NULL; sealed */
    int64_t expires_at_ms;           /* not delivered after this */
    const char *about_collection;    /* record on which a refusal is noted */
    const char *about_id;            /* in member "delivery"; both or NULL */
    const char *language;    /* of who reads it (BCP 47); NULL: that of the
                              * step's subject, else of who asks */
    const char *account;     /* user whose messages it is counted with; NULL:
                              * the step's subject */
};

/* The host's calls.  Owner: the host; constant. */
struct factor_host {
    uint32_t struct_size;
    uint32_t abi_minor; /* minor that the host was built with */

    /* Zeroed memory of the step, aligned for any type, or NULL. */
    void *(*alloc)(struct factor_arena *arena, size_t len);

    /* --- In plan_reads: each adds one read, at most 16; the n-th call's
     * result is step.reads[n].  FACTOR_E_INPUT: a text too long or missing. */

    /* One record by id. */
    factor_status (*read_id)(struct factor_reads *reads, const char *collection,
                             const char *id);
    /* One record by name. */
    factor_status (*read_name)(struct factor_reads *reads,
                               const char *collection,
                               const struct factor_name *name);
    /* All records of an owner in a collection, at most limit (1 to 1,000). */
    factor_status (*read_owned)(struct factor_reads *reads,
                                const char *collection, const char *owner,
                                uint32_t limit);
    /* A page of a collection: ids after `after` (NULL: from the start). */
    factor_status (*read_page)(struct factor_reads *reads,
                               const char *collection, const char *after,
                               uint32_t limit);
    /* The user with this id; the user whose username folds to the same. */
    factor_status (*read_user)(struct factor_reads *reads, const char *id);
    factor_status (*read_username)(struct factor_reads *reads,
                                   const char *username);
    /* All records in a collection owned by the user whose username folds to
     * the same, at most limit. */
    factor_status (*read_username_owned)(struct factor_reads *reads,
                                         const char *username,
                                         const char *collection,
                                         uint32_t limit);
    /* All records in a collection that have the same owner as the record of
     * this name in another, at most limit. */
    factor_status (*read_named_owned)(struct factor_reads *reads,
                                      const char *named,
                                      const struct factor_name *name,
                                      const char *collection, uint32_t limit);

    /* All records in a collection that have the same owner as the record of
     * this id in another, at most limit; of FACTOR_USERS, the owner. */
    factor_status (*read_id_owned)(struct factor_reads *reads, const char *of,
                                   const char *id, const char *collection,
                                   uint32_t limit);

    /* --- In handle_action and REST handlers: effects, committed together
     * or not at all; one that fails fails the step, whatever is made of it.
     * FACTOR_E_INPUT: it breaks the contract (the record was changed twice, no
     * such channel, a body without "v", ...).  Users are not made nor removed
     * by plugins. --- */

    /* Write a record if its version still is put.version. */
    factor_status (*put)(struct factor_effects *effects,
                         const struct factor_put *put);
    /* Remove the record if its version still is this one. */
    factor_status (*remove)(struct factor_effects *effects,
                            const char *collection, const char *id,
                            uint64_t version);
    factor_status (*send)(struct factor_effects *effects,
                          const struct factor_send *send);
    /* An event for the audit chain: a name "otp.verified", and an object of
     * fields without secrets and full addresses, or NULL. */
    factor_status (*audit)(struct factor_effects *effects, const char *event,
                           const struct json_t *fields);
    /* A name that no record has was named: counted in memory, per node, when
     * the step is committed; never written.  Names that fold to the same
     * username are one. */
    factor_status (*count_unknown)(struct factor_effects *effects,
                                   const char *name);

    /* --- Pure helpers, any thread. --- */

    /* Version 4 UUID made of 16 bytes of entropy; ret_text takes 37 bytes. */
    void (*uuid)(const uint8_t *bytes, char *ret_text);

    /* Diagnostics for the operator: one line, no secrets.  Not in adapters'
     * steps (use audit), which may be tried again, but for what the operator
     * has to set right.  Any thread; does not block. */
    void (*log)(const char *plugin, int level, const char *format, ...)
        FACTOR_PRINTF(3, 4);

    /* --- In init. --- */

    /* What is wrong with the settings, at a JSON pointer within them
     * ("/list/0/name"), once for each problem; init then returns
     * FACTOR_E_CONFIG.  The host tells them with file and line. */
    void (*setting_problem)(const char *pointer, const char *format, ...)
        FACTOR_PRINTF(2, 3);

    /* --- Who we are: constant. --- */

    const char *base_url;    /* "https://sso.example.org", no slash behind */
    const char *environment; /* UUID, made at the first start */
    const char *issuer_thumbprint; /* of a key in /pf/JWKS (RFC 7638) */
    const char *authenticator_url; /* of the phone that is a page, a slash
                                    * behind; "" where there is none */
    const struct json_t *published; /* object: by plugin, what its first back
                                     * end publishes (factor/delivery.h); not
                                     * yet in init */

    /* --- JOSE: compact JWS (RFC 7515) by ES256 and RS256.  Any thread. --- */

    /* Claims, if the signature is that of this public JWK (object) and the
     * header says this typ; whether they are to be believed (aud, iat, exp)
     * is the caller's to check.  Pure.  *ret_claims: new reference to an
     * object.  FACTOR_E_INPUT: it is no such statement, or not by this key;
     * FACTOR_E_CONFIG: the key is none. */
    factor_status (*jws_verify)(const struct json_t *jwk, const char *typ,
                                const char *statement,
                                struct json_t **ret_claims);
    /* Claims of a statement that nobody has verified yet: to find out which
     * key to ask.  Pure.  As above. */
    factor_status (*jws_peek)(const char *statement,
                              struct json_t **ret_claims);
    /* SHA-256 thumbprint of a public JWK in base64url (RFC 7638), 43
     * characters and a NUL.  Pure.  FACTOR_E_CONFIG: it is no key. */
    factor_status (*jwk_thumbprint)(const struct json_t *jwk,
                                    char *ret_thumbprint);
    /* Sign claims with a private key (PEM: PKCS 8, or EC of RFC 5915), under
     * this header (object; alg is set from the key).  Not for steps: ECDSA is
     * not the same twice.  *ret_statement: the caller's, by free().
     * FACTOR_E_CONFIG: it is no such key. */
    factor_status (*jws_sign)(const char *pem, const struct json_t *header,
                              const struct json_t *claims,
                              char **ret_statement);

    /* --- For delivery and source only: blocks, any thread. --- */

    /* One HTTP call.  FACTOR_OK: there is an answer, whatever its status.
     * FACTOR_E_IO: none came, *err says why in words that may be logged;
     * FACTOR_E_INPUT: it may not be called. */
    factor_status (*http)(const struct factor_http_request *request,
                          struct factor_http_answer *ret_answer,
                          struct factor_error *err);
    void (*http_release)(struct factor_http_answer *answer);
};

#ifdef __cplusplus
}
#endif

#endif
