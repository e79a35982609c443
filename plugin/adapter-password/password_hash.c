/* SPDX-License-Identifier: MIT */
/* plugin/adapter-password/password_hash.c - hashes, by libxcrypt in memory
 * that the caller gives. */
#include "plugin/adapter-password/password_hash.h"

#include <stdio.h>
#include <string.h>

#include <crypt.h>

_Static_assert(sizeof(struct crypt_data) <= PASSWORD_MEMORY,
               "libxcrypt wants more memory");
_Static_assert(CRYPT_OUTPUT_SIZE <= PASSWORD_HASH_SIZE &&
                   CRYPT_GENSALT_OUTPUT_SIZE <= PASSWORD_HASH_SIZE,
               "libxcrypt writes longer hashes");
_Static_assert(PASSWORD_MAX < CRYPT_MAX_PASSPHRASE_SIZE,
               "libxcrypt takes only shorter passwords");

#define YESCRYPT "$y$"

/* The length of a hash is no secret, but for all else every byte is looked
 * at; volatile keeps it so. */
static bool
same(const char *a, const char *b)
{
    size_t i, len = strlen(a);
    volatile uint8_t differ = 0;

    if (strlen(b) != len)
        return false;
    for (i = 0; i < len; i++)
        differ |= (uint8_t)(a[i] ^ b[i]);
    return differ == 0;
}

bool
password_matches(void *memory, const char *password, const char *hash)
{
    const char *made = crypt_rn(password, hash, memory, PASSWORD_MEMORY);
    bool matches = made && same(made, hash);

    explicit_bzero(memory, PASSWORD_MEMORY);
    return matches;
}

bool
password_hash(void *memory, const char *password, unsigned cost,
              const uint8_t salt[PASSWORD_SALT_LEN],
              char ret_hash[PASSWORD_HASH_SIZE])
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *made = NULL;
    int len = 0;

    if (crypt_gensalt_rn(YESCRYPT, cost, (const char *)salt,
                         PASSWORD_SALT_LEN, setting, sizeof(setting)))
        made = crypt_rn(password, setting, memory, PASSWORD_MEMORY);
    if (made)
        len = snprintf(ret_hash, PASSWORD_HASH_SIZE, "%s", made);
    explicit_bzero(memory, PASSWORD_MEMORY);
    return len > 0 && len < PASSWORD_HASH_SIZE;
}

bool
password_decoy(unsigned cost, char ret_hash[PASSWORD_HASH_SIZE])
{
    static const char salt[PASSWORD_SALT_LEN + 1] = "nobody's salt...";

    return crypt_gensalt_rn(YESCRYPT, cost, salt, PASSWORD_SALT_LEN, ret_hash,
                            PASSWORD_HASH_SIZE) != NULL;
}

/* What stands between the scheme and the salt of a hash. */
enum cost {
    COST_FIXED,  /* nothing */
    COST_PART,   /* up to the next "$" */
    COST_ROUNDS, /* likewise, if it begins with ROUNDS */
    COST_SCRYPT  /* so many characters */
};

#define ROUNDS "rounds="
enum { SCRYPT_COST_LEN = 11 };

/* What others may have hashed with.  Not here: traditional crypt, which looks
 * at eight characters, and what has no salt. */
static const struct scheme {
    const char *prefix;
    enum cost cost;
} schemes[] = {
    { YESCRYPT, COST_PART },  { "$gy$", COST_PART },  { "$7$", COST_SCRYPT },
    { "$2b$", COST_PART },    { "$2a$", COST_PART },  { "$2y$", COST_PART },
    { "$6$", COST_ROUNDS },   { "$5$", COST_ROUNDS }, { "$1$", COST_FIXED },
};

static const struct scheme *
scheme_of(const char *hash)
{
    size_t i;

    for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncmp(hash, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
            return &schemes[i];
    return NULL;
}

/* How much of a hash says what it costs. */
static size_t
cost_len(const struct scheme *scheme, const char *hash)
{
    const char *rest = hash + strlen(scheme->prefix);

    if (scheme->cost == COST_SCRYPT)
        rest += strnlen(rest, SCRYPT_COST_LEN);
    else if (scheme->cost == COST_PART ||
             (scheme->cost == COST_ROUNDS &&
              strncmp(rest, ROUNDS, strlen(ROUNDS)) == 0))
        rest += strcspn(rest, "$");
    return (size_t)(rest - hash);
}

/* What is no hash costs nothing, whatever it is. */
bool
password_same_cost(const char *hash, const char *other)
{
    const struct scheme *scheme = scheme_of(hash);
    size_t len;

    if (!scheme || scheme != scheme_of(other))
        return scheme == scheme_of(other);
    len = cost_len(scheme, hash);
    return cost_len(scheme, other) == len && strncmp(hash, other, len) == 0;
}

bool
password_hash_usable(void *memory, const char *hash)
{
    const char *made;
    bool usable;

    if (strlen(hash) >= PASSWORD_HASH_SIZE || !scheme_of(hash))
        return false;
    /* A salt alone begins like a hash. */
    made = crypt_rn("", hash, memory, PASSWORD_MEMORY);
    usable = made && strlen(made) == strlen(hash);
    explicit_bzero(memory, PASSWORD_MEMORY);
    return usable;
}
