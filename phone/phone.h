/* SPDX-License-Identifier: MIT */
/* phone/phone.h - a phone for factord, without I/O of its own: it speaks
 * doc/phone-protocol.md through callbacks.
 *
 *   shapes     an issuer is an https URL, or http on loopback, without query,
 *              fragment, user or slash at the end; a device is the host's id
 *              of a pairing
 *   units      _s    seconds, _ms milliseconds; instants count from
 *                    1970-01-01 UTC
 *              _len  bytes, without any terminating NUL
 *   text       NUL-terminated UTF-8.  What a host says is as it came: escape
 *              it before it reaches a terminal or a page
 *   owner      inputs are borrowed until the call returns; what a call
 *              returns is the caller's, freed by the function beside it
 *   errors     a factor_phone_status; outputs are touched only on
 *              FACTOR_PHONE_OK.  factor_phone_why says more, until the next
 *              call
 *   storage    every call loads the state and saves what it changed, so that
 *              several phones, also of several processes, may share one
 *              storage if it can be locked.  What a lost answer would make
 *              ambiguous is saved before it is sent
 *   secrets    keys are in the storage's blob as JWK, and nowhere else
 *              between two calls; what held them is wiped.  jansson's memory
 *              is wiped only after factor_phone_wipe_json
 *   clock      each pairing remembers how far the host's clock is from ours,
 *              learnt from its answers; statements and passcodes go by it
 *   threads    one at a time for each struct factor_phone; any otherwise
 */
#ifndef PHONE_PHONE_H
#define PHONE_PHONE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_t; /* jansson's */

enum {
    FACTOR_PHONE_ANSWER_MAX = 65536, /* longest body that is taken, _len */
    FACTOR_PHONE_WAIT_MAX_S = 60,    /* longest wait that a host is asked */
    FACTOR_PHONE_SILENT_S = 120,     /* life of a payload, for silent ones */
    FACTOR_PHONE_URL_SIZE = 513,
    FACTOR_PHONE_NAME_SIZE = 513,    /* an application's */
    FACTOR_PHONE_KEY_SIZE = 17,      /* a pairing key */
    FACTOR_PHONE_THUMB_SIZE = 44,    /* a thumbprint in base64url */
    FACTOR_PHONE_CHECK_SIZE = 7,     /* a check value, without the space */
    FACTOR_PHONE_CODE_SIZE = 9,      /* a passcode */
    FACTOR_PHONE_DIGITS_MAX = 12     /* digits of a number to type */
};

/* How a call ended. */
enum factor_phone_status {
    FACTOR_PHONE_OK = 0,
    FACTOR_PHONE_USAGE,      /* an argument is wrong; nothing was sent */
    FACTOR_PHONE_NOT_FOUND,  /* no such pairing in the storage, or it has no
                              * passcodes */
    FACTOR_PHONE_MEMORY,     /* allocation, randomness or OpenSSL failed; what
                              * cannot be read for want of memory is told as
                              * _ANSWER or _STORAGE */
    FACTOR_PHONE_STORAGE,    /* load, lock or save failed; or what was loaded
                              * is no state of a phone */
    FACTOR_PHONE_NETWORK,    /* no answer, or 5xx: try again */
    FACTOR_PHONE_ANSWER,     /* whoever answers there is no such host */
    FACTOR_PHONE_UNTRUSTED,  /* not the issuer that it should be: its name,
                              * fingerprint, check value or URL */
    FACTOR_PHONE_REFUSED,    /* the host said no; see the error's code */
    FACTOR_PHONE_CLOCK,      /* refused for the clock, corrected or not */
    FACTOR_PHONE_GONE,       /* the request was answered or is over */
    FACTOR_PHONE_LIMITED,    /* too much; wait for retry_after_s */
    FACTOR_PHONE_NOT_PAIRED  /* the host knows the device no more, and the
                              * storage has forgotten it */
};

/* Why a call failed. */
struct factor_phone_error {
    enum factor_phone_status status;
    long http;             /* of the last answer, 0: none */
    int64_t retry_after_s; /* 0: not said */
    char code[48];         /* the host's detail, "PAIRING_KEY_INVALID"; "" */
    char text[200];        /* one line, no secrets; may quote the host */
};

/* What a phone needs.  Callbacks get context and return 0 when all is well.
 * They are called by the thread that calls the phone. */

/* A request: POST of body, JSON, or GET if that is NULL. */
struct factor_phone_call {
    const char *url;
    const char *body;
    size_t body_len;
    unsigned wait_s; /* above 0: send "Prefer: wait=N", have patience */
};

/* Its answer.  The body is by malloc, need not be terminated, and may be NULL
 * if it is empty; the phone wipes and frees it.  Bytes beyond
 * FACTOR_PHONE_ANSWER_MAX need not be read, but one more must be there to
 * tell. */
struct factor_phone_reply {
    long http;
    int64_t retry_after_s; /* of Retry-After; 0 */
    char *body;
    size_t body_len;
};

struct factor_phone_io {
    void *context;
    /* Storage.  load gives the blob last saved, by malloc, or NULL if there
     * is none; the phone wipes and frees it.  save is all or nothing, and on
     * the disk when it returns: the blob holds private keys. */
    int (*load)(void *context, char **ret_blob, size_t *ret_len);
    int (*save)(void *context, const char *blob, size_t len);
    /* Keep others from the storage, from load to save; both may be NULL. */
    int (*lock)(void *context);
    void (*unlock)(void *context);
    /* Transport.  Not 0: no answer came.  TLS certificates are checked here,
     * redirects are not followed, and a request is sent once.  Why it failed
     * goes to `why`, in one line. */
    int (*send)(void *context, const struct factor_phone_call *call,
                struct factor_phone_reply *ret_reply, char *why,
                size_t why_size);
    int64_t (*now_ms)(void *context);
    /* Unpredictable bytes, for keys and nonces.  (The random number inside
     * of a signature is OpenSSL's.) */
    int (*random)(void *context, void *bytes, size_t len);
};

struct factor_phone;

/* Make jansson wipe whatever it frees, in the whole process.  Call it before
 * any other use of jansson. */
void factor_phone_wipe_json(void);

/* A phone over these callbacks, which are copied; NULL without memory.  Loads
 * nothing. */
struct factor_phone *factor_phone_new(const struct factor_phone_io *io);
void factor_phone_free(struct factor_phone *self); /* NULL is fine */

/* How the last call ended.  Owner: the phone. */
const struct factor_phone_error *
factor_phone_why(const struct factor_phone *self);

/* --- Who to pair with --- */

/* A pairing link, or what a user typed. */
struct factor_phone_link {
    char issuer[FACTOR_PHONE_URL_SIZE];
    char key[FACTOR_PHONE_KEY_SIZE];
    char fingerprint[FACTOR_PHONE_THUMB_SIZE]; /* "" when typed */
    char application[FACTOR_PHONE_NAME_SIZE];  /* which the key is for; "": it
                                                * is not said */
};

/* Read a pairing link.  FACTOR_PHONE_USAGE: it is none, of another version,
 * or without fingerprint; FACTOR_PHONE_UNTRUSTED: its issuer's URL is not one
 * of the shapes above. */
enum factor_phone_status
factor_phone_link_parse(const char *text, struct factor_phone_link *ret_link);

/* The same for what a user typed: "https://" is added where no scheme is, one
 * slash at the end is dropped, spaces and dashes leave the key. */
enum factor_phone_status
factor_phone_link_typed(const char *issuer, const char *key,
                        struct factor_phone_link *ret_link);

struct factor_phone_application {
    const char *id, *name;
};

/* What an issuer says of itself. */
struct factor_phone_discovery {
    const char *issuer, *environment, *endpoint;
    const char *vapid_public_key; /* or NULL: no Web Push */
    size_t application_count;
    struct factor_phone_application *applications;
    int64_t time_s;        /* the host's clock */
    struct json_t *source; /* owns the texts */
};

/* Ask an issuer.  FACTOR_PHONE_UNTRUSTED: it calls itself otherwise, or its
 * endpoint's URL is not one of the shapes above. */
enum factor_phone_status
factor_phone_discover(struct factor_phone *self, const char *issuer,
                      struct factor_phone_discovery **ret_discovery);
void factor_phone_discovery_free(struct factor_phone_discovery *discovery);

/* --- Pairings --- */

/* What the phone is.  NULL and "" are the same. */
struct factor_phone_about {
    const char *application; /* id or name, of those in discovery; NULL: that
                              * of the link, or the only one */
    const char *name;        /* at most 64 characters; needed */
    const char *platform;    /* "android", "ios", "web"; NULL: "other" */
    const char *push;        /* how to wake it, or NULL */
};

struct factor_phone_pairing {
    const char *device;
    const char *issuer, *user_id, *user_name;
    const char *application; /* id */
    const char *name;        /* the phone's */
    const char *status;      /* as last heard: "ACTIVE" */
    const char *check;       /* to be compared with the page, "K7QF2M" */
    int has_passcodes;
    int64_t clock_off_ms; /* the host's clock is so much ahead of ours */
};

struct factor_phone_pairings {
    size_t count;
    struct factor_phone_pairing *items;
    void *source; /* owns the texts */
};

/* All pairings of the storage, the oldest first. */
enum factor_phone_status
factor_phone_list(struct factor_phone *self,
                  struct factor_phone_pairings **ret_pairings);
void factor_phone_pairings_free(struct factor_phone_pairings *pairings);

/* Pair, as an application of the issuer's: discovery, the fingerprint if the
 * link has one, a new key, the claim.  The answer is a list of one.
 *
 * Unless it was FACTOR_PHONE_USAGE, _REFUSED or _UNTRUSTED, call it again
 * with the same link: the same phone key claims again, within the hour.
 * FACTOR_PHONE_UNTRUSTED: the issuer is another one, or has not the key of the
 * fingerprint, or took another phone's key for ours. */
enum factor_phone_status
factor_phone_pair(struct factor_phone *self,
                  const struct factor_phone_link *link,
                  const struct factor_phone_about *about,
                  struct factor_phone_pairings **ret_pairings);

/* Pair by the serverPayload that a sign-on gave to this app: as
 * factor_phone_pair, with the key that signed the last payload for its
 * issuer.  FACTOR_PHONE_NOT_FOUND: none was made within the hour. */
enum factor_phone_status
factor_phone_claim(struct factor_phone *self, const char *server_payload,
                   const struct factor_phone_about *about,
                   struct factor_phone_pairings **ret_pairings);

/* An app that signs itself on. */
struct factor_phone_payload {
    const char *issuer;
    const char *client; /* OAuth client id of the app */
    const char *device; /* which pairing, if there are several with the issuer;
                         * or NULL */
};

/* Make a mobilePayload.  Paired with the issuer, it is made offline, and
 * silent requests of this client are approved for FACTOR_PHONE_SILENT_S.  Not
 * paired, it asks discovery for the application, and keeps the new key for
 * factor_phone_claim.  FACTOR_PHONE_USAGE: several pairings, and none is named.
 * Owner of *ret_text: the caller, by free(). */
enum factor_phone_status
factor_phone_payload(struct factor_phone *self,
                     const struct factor_phone_payload *payload,
                     const struct factor_phone_about *about, char **ret_text);

/* --- Requests --- */

enum factor_phone_number {
    FACTOR_PHONE_NO_NUMBER = 0,
    FACTOR_PHONE_ENTER,  /* the user types the number that the page shows */
    FACTOR_PHONE_SELECT  /* the user picks it among choices */
};

/* Somebody signs on. */
struct factor_phone_request {
    const char *id, *challenge;
    const char *client, *client_name; /* the name may be NULL */
    const char *host;                 /* of the page that asked */
    const char *address, *agent;      /* of the browser; may be NULL */
    int64_t issued_at_s, expires_at_s; /* by the host's clock */
    enum factor_phone_number number;
    unsigned digits;                  /* FACTOR_PHONE_ENTER: how many */
    size_t choice_count;
    const char **choices;             /* FACTOR_PHONE_SELECT */
    const struct json_t *context;     /* an object, or NULL */
};

struct factor_phone_requests {
    size_t count;
    struct factor_phone_request *items; /* all of them want the user */
    unsigned silent;       /* requests that the phone approved by itself */
    unsigned ignored;      /* silent ones that it did not ask for, or of
                            * unknown kind: they come again at once */
    const char *status;    /* the device's */
    int64_t time_s;        /* the host's clock */
    struct json_t *source; /* owns the texts */
};

/* What waits.  With wait_s above 0 (FACTOR_PHONE_WAIT_MAX_S at most) the host
 * answers when something waits or the time is over; the storage is not locked
 * meanwhile.  Silent requests are answered before it returns. */
enum factor_phone_status
factor_phone_ask(struct factor_phone *self, const char *device,
                 unsigned wait_s, struct factor_phone_requests **ret_requests);
/* The same, but the host also answers only when something else waits than
 * known says, or the device stands otherwise: its last answer for this device;
 * NULL: none was given. */
enum factor_phone_status
factor_phone_ask_news(struct factor_phone *self, const char *device,
                      unsigned wait_s,
                      const struct factor_phone_requests *known,
                      struct factor_phone_requests **ret_requests);
void factor_phone_requests_free(struct factor_phone_requests *requests);

/* What the host made of an answer. */
enum factor_phone_result {
    FACTOR_PHONE_DENIED = 0, /* also after an approval with a wrong number */
    FACTOR_PHONE_APPROVED
};

/* Approve.  number: what the user typed or picked (spaces and dashes are
 * dropped), NULL if the request has none; FACTOR_PHONE_USAGE if it has not the
 * right number of digits or is not among the choices, since a wrong number
 * denies.  method: how the phone knew its user, "face", "fpt", "pin"; or NULL.
 * An answer that is lost is asked for again by the same statement. */
enum factor_phone_status
factor_phone_approve(struct factor_phone *self, const char *device,
                     const struct factor_phone_request *request,
                     const char *number, const char *method,
                     enum factor_phone_result *ret_result);

enum factor_phone_reason {
    FACTOR_PHONE_NO_REASON = 0,
    FACTOR_PHONE_FRAUD,
    FACTOR_PHONE_BIOMETRICS
};

/* Deny. */
enum factor_phone_status
factor_phone_deny(struct factor_phone *self, const char *device,
                  const struct factor_phone_request *request,
                  enum factor_phone_reason reason,
                  enum factor_phone_result *ret_result);

/* --- What needs no network --- */

struct factor_phone_passcode {
    char code[FACTOR_PHONE_CODE_SIZE];
    unsigned left_s; /* for so long, from 1 on */
    unsigned period_s;
};

/* The passcode of now.  Wipe it after use. */
enum factor_phone_status
factor_phone_passcode(struct factor_phone *self, const char *device,
                      struct factor_phone_passcode *ret_passcode);

/* Forget a pairing without a word to the host. */
enum factor_phone_status
factor_phone_forget(struct factor_phone *self, const char *device);

/* --- Changes --- */

/* Change how the host wakes the phone; NULL: not at all. */
enum factor_phone_status
factor_phone_set_push(struct factor_phone *self, const char *device,
                      const char *push);

/* Give the device a new key.  The new one is saved before it is sent, and if
 * the answer is lost the next call of any kind finds out which one the host
 * has. */
enum factor_phone_status
factor_phone_rotate(struct factor_phone *self, const char *device);

/* Unpair: the host forgets the device, then the phone the pairing. */
enum factor_phone_status
factor_phone_unpair(struct factor_phone *self, const char *device);

#ifdef __cplusplus
}
#endif

#endif
