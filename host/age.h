/* SPDX-License-Identifier: MIT */
/* host/age.h - for tables of bounded size: which entry was used least lately,
 * and where a text belongs.
 *
 * An entry has a struct age as its first member, so that a pointer to one is a
 * pointer to the other.  No thread rules of its own: under the table's lock. */
#ifndef HOST_AGE_H
#define HOST_AGE_H

#include <stddef.h>
#include <stdint.h>

struct age {
    struct age *newer, *older;
};

/* All zero: none. */
struct ages {
    struct age *newest, *oldest;
};

static inline void
age_first(struct ages *ages, struct age *age)
{
    age->newer = NULL;
    age->older = ages->newest;
    *(ages->newest ? &ages->newest->newer : &ages->oldest) = age;
    ages->newest = age;
}

static inline void
age_unlink(struct ages *ages, struct age *age)
{
    *(age->newer ? &age->newer->older : &ages->newest) = age->older;
    *(age->older ? &age->older->newer : &ages->oldest) = age->newer;
}

/* It was used. */
static inline void
age_renew(struct ages *ages, struct age *age)
{
    age_unlink(ages, age);
    age_first(ages, age);
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* FNV-1a of the text and its end, after what was hashed before. */
static inline uint64_t
hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

/* The same with its high bits in the low ones, for a bucket's number. */
static inline uint64_t
hash_mixed(uint64_t hash)
{
    return hash ^ hash >> 29;
}

#endif
