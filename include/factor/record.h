/* SPDX-License-Identifier: MIT */
/* factor/record.h - the one shape in which everything durable is kept.
 *
 * Users, flows, sessions, credentials, counters, devices, policies: each is
 * a record.  A plugin brings its own collections; name them
 * "PLUGIN.thing" ("otp.authenticator") so that two plugins never meet.
 *
 * The body is a JSON object.  Its member "v" is the integer version of its
 * shape; within a major of this contract bodies only gain members, and a
 * plugin that rewrites a record keeps the members that it does not know.
 * Its member "secret", any JSON value, is sealed by the host (AES-256-GCM,
 * bound to collection, id, owner, v and key version) before a store sees it.
 */
#ifndef FACTOR_RECORD_H
#define FACTOR_RECORD_H

#include "factor/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Longest texts of a record, bytes: the host refuses longer ones. */
#define FACTOR_COLLECTION_MAX 48u
#define FACTOR_ID_MAX 64u
#define FACTOR_NAME_MAX 256u
#define FACTOR_BODY_MAX 65536u

/* One version of one record.  Immutable and shared: never change the body,
 * deep-copy it first.  Valid for the step that it was given to. */
struct factor_record {
    uint32_t struct_size;
    uint32_t flags;            /* 0 */
    const char *collection;
    const char *id;            /* unique in its collection */
    const char *owner;         /* user id whose record it is, or NULL */
    const char *name;          /* unique in its collection, or NULL */
    uint64_t version;          /* from 1; compare-and-swap */
    int64_t expires_at_ms;     /* swept after this instant; 0: never */
    const struct json_t *body; /* object */
};

/* What one planned read found, in the store's order (by id). */
struct factor_records {
    uint32_t struct_size;
    uint32_t count;
    const struct factor_record *const *records; /* count of them */
    const char *next; /* page reads: id to go on after, or NULL at the end */
};

/* A record's name: either a text, or a keyed hash of bytes that the host
 * computes with its own key for that purpose (so that the name of a record
 * tells nothing about an address or a code).  Borrowed. */
struct factor_name {
    uint32_t struct_size;
    uint32_t flags;      /* 0 */
    const char *text;    /* the name itself, or NULL: keyed */
    const char *purpose; /* keyed: which key, for example "otp.address" */
    const void *bytes;   /* keyed: what is hashed, */
    size_t bytes_len;    /* and its length */
};

/* A record to be written.  Borrowed; the host takes its own reference to the
 * body, which must not change afterwards. */
struct factor_put {
    uint32_t struct_size;
    uint32_t flags;                 /* 0 */
    const char *collection;
    const char *id;
    const char *owner;              /* or NULL */
    const struct factor_name *name; /* or NULL: as it was, none if new */
    uint64_t version;               /* as it was read; 0: it must be new */
    int64_t expires_at_ms;          /* 0: never */
    const struct json_t *body;      /* object with an integer member "v" */
};

#ifdef __cplusplus
}
#endif

#endif
