/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_pairing_key.c - pairing keys: their letters, their
 * records, and the check value. */
#include <string.h>

#include <openssl/evp.h>

#include "plugin/adapter-mfa/mfa_auth.h"
#include "plugin/adapter-mfa/mfa_pairing.h"

enum { LETTERS_LEN = 16, DIGITS_LEN = 12, CHECK_LEN = MFA_CHECK_SIZE - 1,
       HASHED_MAX = 128 };

/* 32 of them, five bits each: none looks like another. */
static const char alphabet[] = "ABCDEFGHJKMNPQRSTVWXYZ0123456789";

/* --- Records --- */

static const char *
text_of(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static int64_t
integer_of(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

bool
mfa_pairing_load(const struct factor_record *record,
                 struct mfa_pairing *ret_pairing)
{
    const json_t *body = record->body;
    const json_t *notice = json_object_get(json_object_get(body, "secret"),
                                           "notice");

    if (!record->owner || !json_is_integer(json_object_get(body,
                                                           "expires_at_ms")))
        return false;
    *ret_pairing = (struct mfa_pairing){
        .record = record,
        .id = record->id,
        .application = text_of(body, "application"),
        .applications = json_object_get(body, "applications"),
        .policy = text_of(body, "policy"),
        .username = text_of(body, "username"),
        .notice_channel = text_of(notice, "channel"),
        .notice_address = text_of(notice, "address"),
        .notice_language = text_of(body, "language"),
        .first = json_is_true(json_object_get(body, "first")),
        .created_at_ms = integer_of(body, "created_at_ms"),
        .expires_at_ms = integer_of(body, "expires_at_ms"),
        .by_operator = json_is_true(json_object_get(body, "operator")),
        .device = text_of(body, "device"),
        .thumbprint = text_of(body, "thumbprint"),
        .error = text_of(body, "error"),
    };
    return true;
}

static int
set_text(json_t *json, const char *name, const char *text)
{
    if (text)
        return json_object_set_new(json, name, json_string(text));
    json_object_del(json, name);
    return 0;
}

static int
save_applications(json_t *body, const struct mfa_pairing *pairing)
{
    if (!pairing->applications)
        return 0;
    return json_object_set_new(body, "applications",
                               json_deep_copy(pairing->applications));
}

static int
save_notice(json_t *body, const struct mfa_pairing *pairing)
{
    if (!pairing->notice_channel || !pairing->notice_address)
        return 0;
    return json_object_set_new(body, "secret",
                               json_pack("{s:{s:s, s:s}}", "notice", "channel",
                                         pairing->notice_channel, "address",
                                         pairing->notice_address));
}

json_t *
mfa_pairing_save(const struct mfa_pairing *pairing)
{
    json_t *body = pairing->record ? json_deep_copy(pairing->record->body)
                                   : json_pack("{s:i}", "v", 1);

    if (body && !set_text(body, "application", pairing->application) &&
        !save_applications(body, pairing) &&
        !set_text(body, "policy", pairing->policy) &&
        !set_text(body, "username", pairing->username) &&
        !save_notice(body, pairing) &&
        !set_text(body, "language", pairing->notice_language) &&
        !json_object_set_new(body, "first", json_boolean(pairing->first)) &&
        !json_object_set_new(body, "created_at_ms",
                             json_integer(pairing->created_at_ms)) &&
        !json_object_set_new(body, "expires_at_ms",
                             json_integer(pairing->expires_at_ms)) &&
        !json_object_set_new(body, "operator",
                             json_boolean(pairing->by_operator)) &&
        !set_text(body, "device", pairing->device) &&
        !set_text(body, "thumbprint", pairing->thumbprint) &&
        !set_text(body, "error", pairing->error))
        return body;
    json_decref(body);
    return NULL;
}

bool
mfa_pairing_may_claim(const struct mfa_pairing *pairing,
                      const char *application)
{
    const char *each;
    size_t i;

    if (pairing->application)
        return strcmp(pairing->application, application) == 0;
    for (i = 0; i < json_array_size(pairing->applications); i++) {
        each = json_string_value(json_array_get(pairing->applications, i));
        if (each && strcmp(each, application) == 0)
            return true;
    }
    return !pairing->applications;
}

bool
mfa_pairing_live(const struct mfa_pairing *pairing, int64_t now_ms)
{
    return pairing->record && !pairing->device && !pairing->error &&
           now_ms < pairing->expires_at_ms;
}

int64_t
mfa_pairing_swept_at(const struct mfa_pairing *pairing)
{
    return pairing->expires_at_ms + MFA_PAIRING_KEPT_MS;
}

/* --- Letters --- */

/* As it is meant: what does not exist in the alphabet was misread. */
static char
letter_of(char typed)
{
    if (typed >= 'a' && typed <= 'z')
        typed = (char)(typed - 'a' + 'A');
    if (typed == 'O')
        return '0';
    if (typed == 'I' || typed == 'L')
        return '1';
    return typed;
}

static bool
all_digits(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0';
}

bool
mfa_pairing_clean(const char *typed, char ret_key[MFA_PAIRING_KEY_SIZE])
{
    size_t len = 0;
    char letter;

    for (; *typed; typed++) {
        if (*typed == ' ' || *typed == '-')
            continue;
        letter = letter_of(*typed);
        if (len == LETTERS_LEN || !strchr(alphabet, letter)) {
            len = 0;
            break;
        }
        ret_key[len++] = letter;
    }
    ret_key[len] = '\0';
    if (len == LETTERS_LEN || (len == DIGITS_LEN && all_digits(ret_key)))
        return true;
    ret_key[0] = '\0';
    return false;
}

/* The first groups of five bits, most significant first. */
static void
write_letters(const uint8_t *bytes, size_t count, char *ret_text)
{
    unsigned held = 0, bits = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        if (bits < 5) {
            held = (held & 0x1f) << 8 | *bytes++;
            bits += 8;
        }
        bits -= 5;
        ret_text[i] = alphabet[held >> bits & 0x1f];
    }
    ret_text[count] = '\0';
}

/* The bias, one in 18 million, helps nobody. */
static void
write_digits(const uint8_t *bytes, char *ret_text)
{
    uint64_t number = 0;
    size_t i;

    for (i = 0; i < sizeof(number); i++)
        number = number << 8 | bytes[i];
    for (i = DIGITS_LEN; i > 0; number /= 10)
        ret_text[--i] = (char)('0' + number % 10);
    ret_text[DIGITS_LEN] = '\0';
}

/* SHA-256 of both, one behind the other. */
static bool
hash(const char *prefix, const void *bytes, size_t len,
     uint8_t ret_hash[EVP_MAX_MD_SIZE])
{
    uint8_t both[HASHED_MAX];
    size_t prefix_len = strlen(prefix);
    bool done = prefix_len + len <= sizeof(both);

    if (!done)
        return false;
    memcpy(both, prefix, prefix_len);
    memcpy(both + prefix_len, bytes, len);
    done = EVP_Digest(both, prefix_len + len, ret_hash, NULL, EVP_sha256(),
                      NULL);
    explicit_bzero(both, sizeof(both));
    return done;
}

bool
mfa_pairing_draw(const uint8_t *entropy, bool numeric,
                 char ret_key[MFA_PAIRING_KEY_SIZE])
{
    uint8_t bytes[EVP_MAX_MD_SIZE];

    ret_key[0] = '\0';
    if (!hash("mfa.pairing:", entropy, MFA_ENTROPY_LEN, bytes))
        return false;
    if (numeric)
        write_digits(bytes, ret_key);
    else
        write_letters(bytes, LETTERS_LEN, ret_key);
    explicit_bzero(bytes, sizeof(bytes));
    return true;
}

struct factor_name
mfa_pairing_name(const char *key)
{
    return (struct factor_name){
        .struct_size = sizeof(struct factor_name),
        .purpose = "mfa.pairing",
        .bytes = key,
        .bytes_len = strlen(key),
    };
}

/* --- The check value --- */

bool
mfa_check_value(const char *thumbprint, char ret_check[MFA_CHECK_SIZE])
{
    uint8_t bytes[EVP_MAX_MD_SIZE];

    ret_check[0] = '\0';
    if (!hash("factor-check:", thumbprint, strlen(thumbprint), bytes))
        return false;
    write_letters(bytes, CHECK_LEN, ret_check);
    return true;
}

bool
mfa_device_check(const struct factor_host *host,
                 const struct mfa_device *device,
                 char ret_check[MFA_CHECK_SIZE])
{
    char thumbprint[MFA_THUMBPRINT_SIZE];

    ret_check[0] = '\0';
    return device->jwk &&
           host->jwk_thumbprint(device->jwk, thumbprint) == FACTOR_OK &&
           mfa_check_value(thumbprint, ret_check);
}
