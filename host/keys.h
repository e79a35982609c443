/* SPDX-License-Identifier: MIT */
/* host/keys.h - the daemon's own keys: made at first start, kept in one file
 * of mode 0600 ("keys.json" in the state directory), never in the store.
 *
 *   seal   versions of the key that seals secrets and makes records' macs;
 *          the newest writes, all read
 *   index  the key behind keyed names and the audit chain; it never changes,
 *          since a hash cannot be made anew without what it was made from
 *   sign   JWT keys, the newest of each algorithm signs, all are published
 *
 * The file may be sealed under a secret that is kept elsewhere, such as a
 * credential of systemd's.
 */
#ifndef HOST_KEYS_H
#define HOST_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "factor/base.h"
#include "host/crypto.h"
#include "host/jose/jose.h"

struct keys;

/* The file, and what it is sealed under. */
struct keys_file {
    const char *path;
    const char *secret;     /* from now on; NULL: in clear */
    const char *old_secret; /* until now, or NULL; replaced by the above */
};

enum {
    KEYS_SEAL = 1, /* derived from a seal version */
    KEYS_MAC = 2
};

/* Read a file in clear, or make it if it is not there and `create` says so.
 * FACTOR_E_CONFIG: missing, readable by others, or broken. */
factor_status keys_open(const char *path, bool create, struct keys **ret_keys,
                        struct factor_error *err);
/* The same in two steps, for who must know the keys before it is known whether
 * they may be made: they are in memory only until keys_settle(), which also
 * seals the file anew where that is due.  The texts must outlive the keys. */
factor_status keys_prepare(const struct keys_file *file, struct keys **ret_keys,
                           struct factor_error *err);
factor_status keys_settle(struct keys *keys, bool create,
                          struct factor_error *err);
void keys_close(struct keys *keys); /* NULL is allowed; wipes */

/* Newest seal version.  Any thread. */
uint32_t keys_newest(const struct keys *keys);
/* The derived key of a version, or NULL: no such version.  Any thread. */
const uint8_t *keys_derived(const struct keys *keys, uint32_t version,
                            int kind);
/* A keyed hash for a purpose, under the index key.  Any thread. */
bool keys_hash(const struct keys *keys, const char *purpose, const void *bytes,
               size_t len, uint8_t ret_hash[CRYPTO_MAC_LEN]);

/* The environment's UUID (R2), made with the file.  Any thread. */
const char *keys_environment(const struct keys *keys);

/* Thumbprint of a signing key that stays published as long as the process
 * runs, whatever is rotated.  Any thread. */
const char *keys_thumbprint(const struct keys *keys);

/* The key that signs with this algorithm.  A new reference.  Any thread. */
struct jose_key *keys_signing(struct keys *keys, const char *alg);
/* {"keys": [...]} of all published keys; a new reference.  Any thread. */
json_t *keys_jwks(struct keys *keys);
/* All published keys, a reference each; jose_jwks_clear() them. */
void keys_verifying(struct keys *keys, struct jose_jwks *ret_set);

/* Add a seal version and fresh signing keys; the file is replaced durably
 * before they are used.  Any thread. */
factor_status keys_rotate(struct keys *keys, struct factor_error *err);
/* Forget seal versions below `version`.  Any thread. */
factor_status keys_forget(struct keys *keys, uint32_t version,
                          struct factor_error *err);

#endif
