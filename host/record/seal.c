/* SPDX-License-Identifier: MIT */
/* host/record/seal.c - records to the rows that a store keeps, and back:
 * the body's secret sealed, a mac over everything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/error.h"
#include "host/json.h"
#include "host/record/record.h"

static const char secret_member[] = "secret";

/* What a sealed secret is bound to: it opens nowhere else. */
static size_t
bound_text(const struct factor_record *face, const json_t *body,
           uint32_t key_version, char *text, size_t size)
{
    int len = snprintf(text, size, "%s\n%s\n%s\n%lld\n%u", face->collection,
                       face->id, face->owner ? face->owner : "",
                       (long long)json_number(body, "v", 0), key_version);

    return len < 0 || (size_t)len >= size ? 0 : (size_t)len;
}

enum { BOUND_SIZE = FACTOR_COLLECTION_MAX + 2 * FACTOR_ID_MAX + 64 };

static json_t *
seal_bytes(const uint8_t *key, const char *bound, size_t bound_len,
           const char *text)
{
    size_t len = strlen(text), sealed_len = len + CRYPTO_SEAL_EXTRA;
    uint8_t *sealed = malloc(sealed_len);
    char *encoded = malloc(JOSE_B64URL_SIZE(sealed_len));
    json_t *json = NULL;

    if (sealed && encoded &&
        crypto_seal(key, bound, bound_len, text, len, sealed) &&
        jose_b64url_encode(sealed, sealed_len, encoded,
                           JOSE_B64URL_SIZE(sealed_len)) == FACTOR_OK)
        json = json_string(encoded);
    free(sealed);
    free(encoded);
    return json;
}

/* The secret as a string of base64url; NULL on failure. */
static json_t *
seal_secret(const struct factor_record *face, const json_t *body,
            const struct keys *keys, uint32_t version)
{
    const uint8_t *key = keys_derived(keys, version, KEYS_SEAL);
    char bound[BOUND_SIZE];
    size_t bound_len = bound_text(face, body, version, bound, sizeof(bound));
    char *text = json_compact(json_object_get(body, secret_member), NULL);
    json_t *sealed = NULL;

    if (text && key && bound_len)
        sealed = seal_bytes(key, bound, bound_len, text);
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    return sealed;
}

/* The body as text, with its secret sealed if it has one. */
static char *
body_text(const struct record *record, const struct keys *keys,
          uint32_t version)
{
    json_t *shallow, *sealed;
    char *text = NULL;

    if (!json_object_get(record->body, secret_member))
        return json_compact(record->body, NULL);
    shallow = json_copy(record->body);
    sealed = seal_secret(&record->face, record->body, keys, version);
    if (shallow && sealed &&
        json_object_set(shallow, secret_member, sealed) == 0)
        text = json_compact(shallow, NULL);
    json_decref(sealed);
    json_decref(shallow);
    return text;
}

static bool
row_mac(const struct factor_row *row, const struct keys *keys,
        uint8_t ret_mac[CRYPTO_MAC_LEN])
{
    const uint8_t *key = keys_derived(keys, row->key_version, KEYS_MAC);
    const int64_t numbers[] = {(int64_t)row->version, row->expires_at_ms,
                               row->due_at_ms};
    struct crypto_part parts[] = {
        crypto_text(row->collection), crypto_text(row->id),
        crypto_text(row->owner),      crypto_text(row->name),
        {numbers, sizeof(numbers)},   {row->body, row->body_len},
    };

    return key &&
           crypto_mac(key, parts, sizeof(parts) / sizeof(parts[0]), ret_mac);
}

/* The row, its mac and its body in one block. */
static struct factor_row *
row_new(const struct record *record, const char *body, uint32_t version)
{
    size_t len = strlen(body);
    struct factor_row *row =
        len > FACTOR_BODY_MAX ? NULL
                              : calloc(1, sizeof(*row) + CRYPTO_MAC_LEN + len +
                                              1);
    uint8_t *mac;

    if (!row)
        return NULL;
    mac = (uint8_t *)(row + 1);
    memcpy(mac + CRYPTO_MAC_LEN, body, len + 1);
    row->struct_size = sizeof(*row);
    row->key_version = version;
    row->collection = record->face.collection;
    row->id = record->face.id;
    row->owner = record->face.owner;
    row->name = record->face.name;
    row->version = record->face.version;
    row->expires_at_ms = record->face.expires_at_ms;
    row->due_at_ms = record->due_at_ms;
    row->body = (const char *)mac + CRYPTO_MAC_LEN;
    row->body_len = len;
    row->mac = mac;
    row->mac_len = CRYPTO_MAC_LEN;
    return row;
}

struct factor_row *
record_encode(const struct record *record, const struct keys *keys)
{
    uint32_t version = keys_newest(keys);
    char *body = body_text(record, keys, version);
    struct factor_row *row = body ? row_new(record, body, version) : NULL;

    free(body);
    /* The mac lies behind the row, in the block that is ours to write. */
    if (row && !row_mac(row, keys, (uint8_t *)(row + 1))) {
        free(row);
        return NULL;
    }
    return row;
}

/* --- Rows to records. --- */

static factor_status
refuse(const struct factor_row *row, struct factor_error *err, const char *why)
{
    return error_set(err, FACTOR_E_INTERNAL, "%s %s: %s", row->collection,
                     row->id, why);
}

static json_t *
open_bytes(const uint8_t *key, const char *bound, size_t bound_len,
           const char *encoded, size_t encoded_len)
{
    uint8_t *sealed = malloc(encoded_len + 1), *text = malloc(encoded_len + 1);
    size_t len = 0;
    json_t *json = NULL;

    if (sealed && text &&
        jose_b64url_decode(encoded, encoded_len, sealed, encoded_len, &len) ==
            FACTOR_OK &&
        len >= CRYPTO_SEAL_EXTRA &&
        crypto_open(key, bound, bound_len, sealed, len, text))
        json = json_loadb((const char *)text, len - CRYPTO_SEAL_EXTRA,
                          JSON_DECODE_ANY, NULL);
    if (text)
        explicit_bzero(text, encoded_len + 1);
    free(sealed);
    free(text);
    return json;
}

static bool
open_secret(const struct factor_record *face, json_t *body,
            const struct keys *keys, uint32_t version)
{
    const json_t *sealed = json_object_get(body, secret_member);
    const uint8_t *key = keys_derived(keys, version, KEYS_SEAL);
    char bound[BOUND_SIZE];
    size_t bound_len = bound_text(face, body, version, bound, sizeof(bound));
    json_t *secret;

    if (!sealed)
        return true;
    if (!json_is_string(sealed) || !key || !bound_len)
        return false;
    secret = open_bytes(key, bound, bound_len, json_string_value(sealed),
                        json_string_length(sealed));
    return secret && json_object_set_new(body, secret_member, secret) == 0;
}

factor_status
record_decode(const struct factor_row *row, const struct keys *keys,
              struct record **ret_record, struct factor_error *err)
{
    const struct factor_record face = {
        .collection = row->collection,
        .id = row->id,
        .owner = row->owner,
        .name = row->name,
        .version = row->version,
        .expires_at_ms = row->expires_at_ms,
    };
    uint8_t mac[CRYPTO_MAC_LEN];
    struct record *record;
    json_t *body;

    if (!keys_derived(keys, row->key_version, KEYS_MAC))
        return refuse(row, err, "its key version is no longer in keys.json");
    if (row->mac_len != CRYPTO_MAC_LEN || !row_mac(row, keys, mac) ||
        !crypto_same(mac, row->mac, CRYPTO_MAC_LEN))
        return refuse(row, err, "its mac does not hold: it was not written "
                                "by this daemon, or was changed since");
    body = json_loadb(row->body, row->body_len, 0, NULL);
    if (!json_is_object(body) ||
        !open_secret(&face, body, keys, row->key_version)) {
        json_decref(body);
        return refuse(row, err, "its body cannot be opened");
    }
    record = record_new(&face, body, row->due_at_ms);
    if (!record)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    record->key_version = row->key_version;
    *ret_record = record;
    return FACTOR_OK;
}
