/* SPDX-License-Identifier: MIT */
/* plugin/adapter-password/password_core.h - who has to wait, as arithmetic.
 *
 * Failures are counted by account and source: by the address that asks, or,
 * for the browser of a former sign-on, by being it.  Past the table's size
 * all further addresses share one entry, so that changing addresses is no way
 * to begin at nought.  Texts and numbers only: no JSON, no host, no clock.
 */
#ifndef PASSWORD_CORE_H
#define PASSWORD_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PASSWORD_ADDRESSES_MAX = 16,
    /* ... and the two below. */
    PASSWORD_SOURCES_MAX = PASSWORD_ADDRESSES_MAX + 2,
    PASSWORD_SOURCE_SIZE = 48
};

/* Sources that are no address; none of theirs reads like this. */
#define PASSWORD_SOURCE_BROWSER "browser"
#define PASSWORD_SOURCE_REST "rest"

struct password_rule {
    uint32_t after;     /* the n-th consecutive failure is the first to wait */
    int64_t first_ms;   /* for so long; each further one twice as long */
    int64_t longest_ms; /* up to this */
    int64_t forget_ms;  /* after so long without a failure it is forgotten */
};

/* The failures of one source. */
struct password_source {
    char key[PASSWORD_SOURCE_SIZE];
    uint32_t failures; /* consecutive */
    int64_t wait_until_ms;
    int64_t at_ms;     /* of the last failure */
};

/* The failures of an account. */
struct password_attempts {
    struct password_source sources[PASSWORD_SOURCES_MAX];
    size_t count;
};

/* Name of a source.  An IPv6 address counts as its /64, which is what one
 * customer has; an IPv4 address in IPv6 clothes as itself.  address: text, or
 * NULL. */
void password_source_key(const char *address, bool known_browser,
                         char ret_key[PASSWORD_SOURCE_SIZE]);

/* How long the n-th consecutive failure makes a source wait. */
int64_t password_wait(const struct password_rule *rule, uint32_t failures);

/* Drop what is long past. */
void password_forget(struct password_attempts *attempts,
                     const struct password_rule *rule, int64_t now_ms);

/* Must this source wait now? */
bool password_waits(const struct password_attempts *attempts, const char *key,
                    int64_t now_ms);

/* One more failure of this source. */
void password_count_failure(struct password_attempts *attempts,
                            const char *key, const struct password_rule *rule,
                            int64_t now_ms);

/* The source knew the password.  The shared entry stays as it is: it is
 * mostly somebody else's. */
void password_clear(struct password_attempts *attempts, const char *key);

#endif
