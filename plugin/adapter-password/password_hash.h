/* SPDX-License-Identifier: MIT */
/* plugin/adapter-password/password_hash.h - hashes, by libxcrypt in memory
 * that the caller gives.
 *
 * memory: PASSWORD_MEMORY bytes, zeroed, aligned for any type; wiped when the
 * call returns.  Pure; any thread; slow, by design.
 */
#ifndef PASSWORD_HASH_H
#define PASSWORD_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PASSWORD_MEMORY = 32768,
    PASSWORD_HASH_SIZE = 384,
    PASSWORD_SALT_LEN = 16,
    PASSWORD_MAX = 511 /* longest password that is hashed whole, bytes */
};

/* Does the hash belong to the password?  A hash that is none does not. */
bool password_matches(void *memory, const char *password, const char *hash);

/* A new yescrypt hash. */
bool password_hash(void *memory, const char *password, unsigned cost,
                   const uint8_t salt[PASSWORD_SALT_LEN],
                   char ret_hash[PASSWORD_HASH_SIZE]);

/* What a hash of this cost begins with: it takes as long as a real one, and
 * no password belongs to it. */
bool password_decoy(unsigned cost, char ret_hash[PASSWORD_HASH_SIZE]);

/* Do both take as long, as far as scheme and cost say so? */
bool password_same_cost(const char *hash, const char *other);

/* Is it a whole hash of a scheme that is kept: yescrypt, scrypt, bcrypt,
 * sha512crypt, sha256crypt or md5crypt? */
bool password_hash_usable(void *memory, const char *hash);

#endif
