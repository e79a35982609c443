/* SPDX-License-Identifier: MIT */
/* phone/internal.h - what the parts of the phone share. */
#ifndef PHONE_INTERNAL_H
#define PHONE_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>

#include "phone/phone.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum {
    PHONE_NUMBER_LEN = 32,     /* octets of a number of P-256 */
    PHONE_ID_MAX = 128,        /* characters of the host's ids */
    PHONE_TEXT_MAX = 512,      /* of other texts of the host's */
    PHONE_PUSH_MAX = 2048,
    PHONE_STATEMENT_MAX = 8192
};

/* --- Keys, see crypto.c --- */

struct phone_key {
    unsigned char d[PHONE_NUMBER_LEN], x[PHONE_NUMBER_LEN],
        y[PHONE_NUMBER_LEN];
};

/* Bytes that base64url of len octets takes, with the NUL. */
#define PHONE_B64_SIZE(len) (((len) * 4 + 2) / 3 + 1)

void phone_b64(const void *data, size_t len, char *ret_text);
/* Canonical text of exactly len octets; false otherwise. */
bool phone_unb64(const char *text, void *ret_data, size_t len);

/* Wipes len bytes, also if nobody looks at them again. */
void phone_wipe(void *memory, size_t len);
/* Wipes a text and frees it; NULL is fine. */
void phone_wipe_text(char *text);

bool phone_key_make(const struct factor_phone_io *io,
                    struct phone_key *ret_key);
/* A private JWK whose numbers fit each other; false otherwise. */
bool phone_key_read(const json_t *jwk, struct phone_key *ret_key);
/* A new JWK, public or with d; or NULL. */
json_t *phone_key_jwk(const struct phone_key *key, bool secret);

/* RFC 7638, of a public EC or RSA key; false: it is no such key. */
bool phone_thumbprint(const json_t *jwk,
                      char ret_text[FACTOR_PHONE_THUMB_SIZE]);
/* The check value of a key; false without memory. */
bool phone_check(const struct phone_key *key,
                 char ret_text[FACTOR_PHONE_CHECK_SIZE]);

/* A statement: the compact JWS over claims, by malloc; NULL if OpenSSL fails
 * or it would be longer than PHONE_STATEMENT_MAX. */
char *phone_jws(const struct phone_key *key, const json_t *claims);

/* --- State, see state.c --- */

/* One pairing, or the beginning of one: device is NULL until it is claimed. */
struct phone_pairing {
    char *device, *issuer, *endpoint, *user_id, *user_name;
    char *application, *name, *status;
    char *pairing_key;    /* claimed, and the answer not seen */
    char *payload_client; /* of the last payload */
    char *secret;         /* of passcodes, base32; NULL: none */
    json_int_t digits, period_s;
    json_int_t made_ms;    /* by our clock, as payload_ms */
    json_int_t payload_ms; /* when the last payload was made */
    json_int_t clock_off_ms;
    json_int_t last_ms;    /* highest iat_ms that was ever signed */
    struct phone_key key;
    struct phone_key next; /* sent, and the answer not seen */
    bool has_next;
};

struct phone_state {
    struct phone_pairing **items;
    size_t count;
};

struct factor_phone {
    struct factor_phone_io io;
    struct factor_phone_error error;
    struct phone_state state; /* from phone_begin to phone_end */
    bool locked, changed;
    int64_t heard_s; /* time of the last answer, -1: it said none */
};

/* Reads a blob; NULL: there is none yet.  false: it is no state. */
bool phone_state_read(const char *blob, size_t len,
                      struct phone_state *ret_state);
/* The blob, by malloc; NULL without memory. */
char *phone_state_write(const struct phone_state *state, size_t *ret_len);
/* Wipes and frees all pairings. */
void phone_state_clear(struct phone_state *state);
/* Adds an empty pairing, or returns NULL. */
struct phone_pairing *phone_state_add(struct phone_state *state);
/* Wipes, frees and takes out one of its pairings. */
void phone_state_drop(struct phone_state *state, struct phone_pairing *gone);

/* All pairings of a state, or one of them; NULL without memory. */
struct factor_phone_pairings *phone_list(const struct phone_state *state,
                                         const struct phone_pairing *only);

/* Adds to a state a copy of a pairing, without its keys and secrets;
 * false without memory. */
bool phone_state_describe(const struct phone_pairing *pairing,
                          struct phone_state *ret_state);

/* Sets a text of a pairing to a copy; false without memory. */
bool phone_set(char **text, const char *value);

/* --- A call's frame, see frame.c --- */

/* Ends with this status and text; returns the status. */
enum factor_phone_status phone_fail(struct factor_phone *self,
                                    enum factor_phone_status status,
                                    const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum factor_phone_status phone_no_memory(struct factor_phone *self);

/* Forget how the last call ended. */
void phone_forget_error(struct factor_phone *self);

/* Load the state, locked unless it is only looked at; phone_end follows in
 * any case, with how it went, and returns it or FACTOR_PHONE_STORAGE. */
enum factor_phone_status phone_begin(struct factor_phone *self, bool locked);
enum factor_phone_status phone_end(struct factor_phone *self,
                                   enum factor_phone_status status);
/* Save now, whatever comes. */
enum factor_phone_status phone_save(struct factor_phone *self);

/* The pairing of a device; NULL, and FACTOR_PHONE_NOT_FOUND is set. */
struct phone_pairing *phone_find(struct factor_phone *self,
                                 const char *device);
/* phone_begin, phone_find, and know which key the host has. */
enum factor_phone_status phone_open(struct factor_phone *self,
                                    const char *device,
                                    struct phone_pairing **ret_pairing);

/* The host's clock, as far as a pairing knows it; and learn it from the last
 * answer. */
int64_t phone_now_ms(const struct factor_phone *self,
                     const struct phone_pairing *pairing);
void phone_learn_clock(struct factor_phone *self,
                       struct phone_pairing *pairing);

/* --- HTTP, see call.c --- */

/* GET, POST of {"statement": text} and perhaps "key".  OK: an object came
 * with 2xx. */
enum factor_phone_status phone_get(struct factor_phone *self, const char *url,
                                   json_t **ret_answer);
enum factor_phone_status phone_post(struct factor_phone *self,
                                    const char *url, const char *statement,
                                    json_t *key, unsigned wait_s,
                                    json_t **ret_answer);

/* The text of a member, from min to max bytes; NULL: it is none. */
const char *phone_text(const json_t *object, const char *name, size_t min,
                       size_t max);
/* A member that may be absent or null; false: it is there and wrong. */
bool phone_text_or_null(const json_t *object, const char *name, size_t max,
                        const char **ret_text);
/* A whole number from min to max; false: it is none. */
bool phone_number(const json_t *object, const char *name, int64_t min,
                  int64_t max, int64_t *ret_number);
/* An id that can stand in a path. */
bool phone_id_ok(const char *text);

/* --- Statements, see statement.c --- */

struct phone_statement {
    const char *purpose;
    json_t *members;               /* its own, borrowed; or NULL */
    bool with_key;                 /* the body has the public key beside it */
    bool counted;                  /* with iat_ms */
    int life_s;                    /* above 0: with exp */
    const struct phone_key *key;   /* NULL: the pairing's */
    const struct phone_key *proof; /* a new key that signs as well */
};

/* Sign a statement of now; *ret_text is by malloc.  One that is counted is
 * counted in the storage first. */
enum factor_phone_status phone_sign(struct factor_phone *self,
                                    struct phone_pairing *pairing,
                                    const struct phone_statement *statement,
                                    char **ret_text);

/* Sign and send, and send again if the answer is lost or the clock is wrong.
 * FACTOR_PHONE_NOT_PAIRED: the pairing is gone, also from memory. */
enum factor_phone_status phone_say(struct factor_phone *self,
                                   struct phone_pairing *pairing,
                                   const char *path,
                                   const struct phone_statement *statement,
                                   json_t **ret_answer);

/* "ENDPOINT/devices/DEVICE/path", or "ENDPOINT/path" without a device, by
 * malloc; or NULL. */
char *phone_url(const struct phone_pairing *pairing, const char *path);

/* After a key change whose answer was lost: which key does the host have? */
enum factor_phone_status phone_settle(struct factor_phone *self,
                                      struct phone_pairing *pairing);

/* The host has the new key. */
void phone_adopt_next(struct factor_phone *self,
                      struct phone_pairing *pairing);

/* 16 random bytes in base64url; false without randomness. */
bool phone_nonce(const struct factor_phone_io *io, char ret_text[23]);

/* --- URLs and the rest --- */

/* A URL of the shapes in phone.h. */
bool phone_issuer_ok(const char *url);
bool phone_is_loopback(const char *url);

/* Discovery within a call, and the application that is meant. */
enum factor_phone_status
phone_discover(struct factor_phone *self, const char *issuer,
               struct factor_phone_discovery **ret_discovery);
enum factor_phone_status
phone_choose_application(struct factor_phone *self,
                         const struct factor_phone_discovery *discovery,
                         const char *wanted, const char **ret_id);

/* The issuer has the key that the link names, or the link names none. */
enum factor_phone_status
phone_check_fingerprint(struct factor_phone *self,
                        const struct factor_phone_link *link);

/* Adds a text to an object, unless it is NULL; false without memory. */
bool phone_put_text(json_t *object, const char *name, const char *text);

/* "" as NULL. */
const char *phone_or_null(const char *text);
/* What a phone says of itself is well-formed. */
enum factor_phone_status
phone_about_ok(struct factor_phone *self,
               const struct factor_phone_about *about);
/* Adds name, platform and push to the members of a statement. */
bool phone_put_about(json_t *members, const struct factor_phone_about *about);

#endif
