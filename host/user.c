/* SPDX-License-Identifier: MIT */
/* host/user.c - users: folding of usernames and the fixed shape. */
#include "host/user.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include "host/json.h"

enum { USERNAME_MAX = 128 };

static bool
printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

char *
user_fold(struct factor_arena *arena, const char *username)
{
    size_t len = strlen(username), folded_len = 0;
    const uint8_t *text = (const uint8_t *)username;
    uint8_t *folded;
    char *copy = NULL;

    if (len == 0 || len > USERNAME_MAX || !printable(username) ||
        u8_check(text, len))
        return NULL;
    folded = u8_casefold(text, len, NULL, UNINORM_NFC, NULL, &folded_len);
    if (folded && folded_len <= FACTOR_NAME_MAX)
        copy = arena_copy_len(arena, (const char *)folded, folded_len);
    free(folded);
    return copy;
}

static const char *
attributes_problem(const json_t *attributes)
{
    const char *name;
    json_t *value;

    if (!json_is_object(attributes))
        return "\"attributes\" is no object";
    json_object_foreach(json_unconst(attributes), name, value)
        if (!json_is_string(value) || json_string_length(value) > 1024)
            return "an attribute is no string, or over 1,024 bytes";
    return NULL;
}

const char *
user_body_problem(const json_t *body)
{
    if (!json_is_integer(json_object_get(body, "v")))
        return "\"v\" is no integer";
    if (!json_text(body, FACTOR_USER_USERNAME))
        return "\"username\" is no string";
    if (!json_is_boolean(json_object_get(body, FACTOR_USER_ENABLED)) ||
        !json_is_boolean(json_object_get(body, FACTOR_USER_MFA_ENABLED)))
        return "\"enabled\" or \"mfaEnabled\" is no boolean";
    return attributes_problem(json_object_get(body, FACTOR_USER_ATTRIBUTES));
}

factor_status
user_find(struct txn *txn, const char *username,
          const struct record **ret_user)
{
    const char *folded = user_fold(txn_arena(txn), username);

    if (!folded)
        return FACTOR_E_NOTFOUND;
    return txn_read_name(txn, FACTOR_USERS, folded, ret_user);
}
