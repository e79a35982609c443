/* SPDX-License-Identifier: MIT */
/* host/keys.c - the daemon's own keys and the file they live in. */
#include "host/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/error.h"
#include "host/uuid.h"

enum {
    SEAL_MAX = 64, /* versions kept */
    SIGN_PER_ALG = 3 /* published of each algorithm */
};

struct seal_key {
    uint8_t master[CRYPTO_KEY_LEN];
    uint8_t seal[CRYPTO_KEY_LEN];
    uint8_t mac[CRYPTO_KEY_LEN];
};

/* seal[version % SEAL_MAX] is set before `newest` moves to it and is not
 * touched again while readers run, so reading needs no lock. */
struct keys {
    char *path;
    const char *secret; /* the file is sealed under it, or NULL */
    bool reseal;        /* it is not yet */
    pthread_mutex_t lock; /* signing keys, rotation, the file */
    atomic_uint newest, oldest;
    struct seal_key seal[SEAL_MAX];
    uint8_t index[CRYPTO_KEY_LEN];
    char environment[UUID_SIZE];
    char thumbprint[JOSE_KID_SIZE];
    bool made; /* and not written yet */
    struct jose_jwks sign; /* newest first, */
    json_t *sign_private;  /* and as private JWKs, in the same order */
};

static const char *const algorithms[] = {"ES256", "RS256"};
enum { ALGORITHM_COUNT = sizeof(algorithms) / sizeof(algorithms[0]) };

static bool
derive(const uint8_t *master, const char *label, uint8_t *ret_key)
{
    struct crypto_part part = crypto_text(label);

    return crypto_mac(master, &part, 1, ret_key);
}

static bool
seal_set(struct keys *keys, uint32_t version, const uint8_t *master)
{
    struct seal_key *key = &keys->seal[version % SEAL_MAX];

    memcpy(key->master, master, CRYPTO_KEY_LEN);
    return derive(master, "factord seal", key->seal) &&
           derive(master, "factord mac", key->mac);
}

uint32_t
keys_newest(const struct keys *keys)
{
    return atomic_load(&keys->newest);
}

const uint8_t *
keys_derived(const struct keys *keys, uint32_t version, int kind)
{
    const struct seal_key *key = &keys->seal[version % SEAL_MAX];

    if (version < atomic_load(&keys->oldest) || version > keys_newest(keys))
        return NULL;
    return kind == KEYS_SEAL ? key->seal : key->mac;
}

bool
keys_hash(const struct keys *keys, const char *purpose, const void *bytes,
          size_t len, uint8_t ret_hash[CRYPTO_MAC_LEN])
{
    struct crypto_part parts[] = {crypto_text(purpose), {bytes, len}};

    return crypto_mac(keys->index, parts, 2, ret_hash);
}

const char *
keys_environment(const struct keys *keys)
{
    return keys->environment;
}

const char *
keys_thumbprint(const struct keys *keys)
{
    return keys->thumbprint;
}

struct jose_key *
keys_signing(struct keys *keys, const char *alg)
{
    struct jose_key *found = NULL;
    size_t i;

    pthread_mutex_lock(&keys->lock);
    for (i = 0; !found && i < keys->sign.count; i++)
        if (strcmp(jose_key_alg(keys->sign.keys[i]), alg) == 0)
            found = jose_key_ref(keys->sign.keys[i]);
    pthread_mutex_unlock(&keys->lock);
    return found;
}

json_t *
keys_jwks(struct keys *keys)
{
    json_t *list = json_array(), *set;
    size_t i;

    pthread_mutex_lock(&keys->lock);
    for (i = 0; i < keys->sign.count; i++)
        json_array_append_new(list, jose_key_public(keys->sign.keys[i]));
    pthread_mutex_unlock(&keys->lock);
    set = json_pack("{s:o}", "keys", list);
    return set;
}

void
keys_verifying(struct keys *keys, struct jose_jwks *ret_set)
{
    size_t i;

    memset(ret_set, 0, sizeof(*ret_set));
    pthread_mutex_lock(&keys->lock);
    for (i = 0; i < keys->sign.count; i++)
        jose_jwks_add(ret_set, keys->sign.keys[i], NULL);
    pthread_mutex_unlock(&keys->lock);
}

/* --- The file. --- */

static json_t *
key_text(const uint8_t *key)
{
    char text[JOSE_B64URL_SIZE(CRYPTO_KEY_LEN)];
    json_t *json;

    jose_b64url_encode(key, CRYPTO_KEY_LEN, text, sizeof(text));
    json = json_string(text);
    explicit_bzero(text, sizeof(text));
    return json;
}

static bool
key_parse(const json_t *text, uint8_t *ret_key)
{
    size_t len;

    return json_is_string(text) &&
           jose_b64url_decode(json_string_value(text), json_string_length(text),
                              ret_key, CRYPTO_KEY_LEN, &len) == FACTOR_OK &&
           len == CRYPTO_KEY_LEN;
}

static json_t *
file_body(struct keys *keys)
{
    json_t *seal = json_array();
    uint32_t version;

    for (version = keys->oldest; version <= keys->newest; version++)
        json_array_append_new(
            seal,
            json_pack("{s:I, s:o}", "version", (json_int_t)version, "key",
                      key_text(keys->seal[version % SEAL_MAX].master)));
    return json_pack("{s:i, s:s, s:o, s:o, s:O}", "v", 1, "environment",
                     keys->environment, "index", key_text(keys->index), "seal",
                     seal, "sign", keys->sign_private);
}

static bool
write_all(int fd, const char *text, size_t len)
{
    ssize_t done;

    while (len > 0) {
        done = write(fd, text, len);
        if (done < 0)
            return false;
        text += done;
        len -= (size_t)done;
    }
    return fsync(fd) == 0;
}

static bool
sync_folder(const char *path)
{
    char folder[4096];
    char *slash;
    int fd;
    bool done;

    if ((size_t)snprintf(folder, sizeof(folder), "%s", path) >= sizeof(folder))
        return false;
    slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

/* Written beside and renamed, so that a power cut leaves the old or the new
 * file and never half of one. */
static bool
file_replace(const char *path, const char *text)
{
    char beside[4096];
    int fd;
    bool done;

    if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >=
        sizeof(beside))
        return false;
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
              0600);
    if (fd < 0)
        return false;
    done = write_all(fd, text, strlen(text));
    close(fd);
    return done && rename(beside, path) == 0 && sync_folder(path);
}

/* --- Sealed: {"v": 2, "sealed": base64url of the text in clear}. --- */

static const char sealed_as[] = "factord keys file";

/* The secret was made by a machine, so one hash is enough. */
static bool
file_key(const char *secret, uint8_t ret_key[CRYPTO_KEY_LEN])
{
    struct crypto_part parts[] = {crypto_text(sealed_as), crypto_text(secret)};

    return crypto_hash(parts, 2, ret_key);
}

static json_t *
wrapped(const uint8_t *sealed, size_t len)
{
    const size_t size = JOSE_B64URL_SIZE(len);
    char *text = malloc(size);
    json_t *body = NULL;

    if (text && jose_b64url_encode(sealed, len, text, size) == FACTOR_OK)
        body = json_pack("{s:i, s:s}", "v", 2, "sealed", text);
    free(text);
    return body;
}

/* A new text in place of one in clear; NULL: it cannot be made. */
static char *
text_seal(const char *secret, const char *clear)
{
    const size_t len = strlen(clear);
    uint8_t key[CRYPTO_KEY_LEN];
    uint8_t *sealed = malloc(len + CRYPTO_SEAL_EXTRA);
    json_t *body = NULL;
    char *text;

    if (sealed && file_key(secret, key) &&
        crypto_seal(key, sealed_as, sizeof(sealed_as), clear, len, sealed))
        body = wrapped(sealed, len + CRYPTO_SEAL_EXTRA);
    explicit_bzero(key, sizeof(key));
    free(sealed);
    text = body ? json_dumps(body, JSON_INDENT(1)) : NULL;
    json_decref(body);
    return text;
}

/* The body that was sealed, or NULL: not under this secret. */
static json_t *
open_bytes(const char *secret, const uint8_t *sealed, size_t len)
{
    uint8_t key[CRYPTO_KEY_LEN];
    uint8_t *clear = malloc(len);
    json_t *body = NULL;

    if (clear && len > CRYPTO_SEAL_EXTRA && file_key(secret, key) &&
        crypto_open(key, sealed_as, sizeof(sealed_as), sealed, len, clear))
        body = json_loadb((const char *)clear, len - CRYPTO_SEAL_EXTRA,
                          JSON_REJECT_DUPLICATES, NULL);
    explicit_bzero(key, sizeof(key));
    if (clear)
        explicit_bzero(clear, len);
    free(clear);
    return body;
}

static json_t *
body_open(const char *secret, const json_t *sealed)
{
    const size_t size = json_string_length(sealed);
    uint8_t *bytes = secret ? malloc(size + 1) : NULL;
    json_t *body = NULL;
    size_t len;

    if (bytes && jose_b64url_decode(json_string_value(sealed), size, bytes,
                                    size + 1, &len) == FACTOR_OK)
        body = open_bytes(secret, bytes, len);
    free(bytes);
    return body;
}

static char *
file_text(struct keys *keys)
{
    json_t *body = file_body(keys);
    char *clear = body ? json_dumps(body, JSON_INDENT(1)) : NULL;
    char *text = clear;

    json_decref(body);
    if (!clear || !keys->secret)
        return clear;
    text = text_seal(keys->secret, clear);
    explicit_bzero(clear, strlen(clear));
    free(clear);
    return text;
}

static factor_status
file_write(struct keys *keys, struct factor_error *err)
{
    char *text = file_text(keys);
    bool done = text && file_replace(keys->path, text);

    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    if (!done)
        return error_set(err, FACTOR_E_IO, "%s: cannot be written: %s",
                         keys->path, strerror(errno));
    return FACTOR_OK;
}

static bool
sign_append(struct jose_jwks *set, json_t *list, json_t *jwk)
{
    struct jose_key *key;
    bool done;

    if (jose_key_load(jwk, &key, NULL) != FACTOR_OK)
        return false;
    done = jose_jwks_add(set, key, NULL) == FACTOR_OK &&
           json_array_append(list, jwk) == 0;
    jose_key_free(key);
    return done;
}

static bool
is_promised(const struct keys *keys, const struct jose_key *key)
{
    return strcmp(jose_key_kid(key), keys->thumbprint) == 0;
}

/* The fresh keys, then of each algorithm the newest that were there, and the
 * one whose thumbprint was given away. */
static bool
sign_gather(const struct keys *keys, struct jose_jwks *set, json_t *list)
{
    size_t a, i, kept;
    json_t *jwk;

    for (a = 0; a < ALGORITHM_COUNT; a++) {
        if (jose_jwk_generate(algorithms[a], &jwk, NULL) != FACTOR_OK)
            return false;
        if (!sign_append(set, list, jwk)) {
            json_decref(jwk);
            return false;
        }
        json_decref(jwk);
        for (i = 0, kept = 1; i < keys->sign.count; i++)
            if (strcmp(jose_key_alg(keys->sign.keys[i]), algorithms[a]) == 0 &&
                (kept++ < SIGN_PER_ALG ||
                 is_promised(keys, keys->sign.keys[i])) &&
                !sign_append(set, list, json_array_get(keys->sign_private, i)))
                return false;
    }
    return true;
}

static factor_status
sign_add(struct keys *keys, struct factor_error *err)
{
    struct jose_jwks next = {0};
    json_t *list = json_array();

    if (!sign_gather(keys, &next, list)) {
        jose_jwks_clear(&next);
        json_decref(list);
        return error_set(err, FACTOR_E_INTERNAL, "no signing key can be made");
    }
    jose_jwks_clear(&keys->sign);
    json_decref(keys->sign_private);
    keys->sign = next;
    keys->sign_private = list;
    return FACTOR_OK;
}

static factor_status
file_create(struct keys *keys, struct factor_error *err)
{
    uint8_t master[CRYPTO_KEY_LEN], bytes[16];
    factor_status st;

    clock_random(master, sizeof(master));
    clock_random(keys->index, sizeof(keys->index));
    clock_random(bytes, sizeof(bytes));
    uuid_format(bytes, keys->environment);
    keys->oldest = keys->newest = 1;
    if (!seal_set(keys, 1, master))
        return error_set(err, FACTOR_E_INTERNAL, "OpenSSL failed");
    explicit_bzero(master, sizeof(master));
    st = sign_add(keys, err);
    keys->made = st == FACTOR_OK;
    return st;
}

static bool
parse_seal(struct keys *keys, const json_t *list)
{
    uint8_t master[CRYPTO_KEY_LEN];
    json_t *entry;
    json_int_t version;
    size_t i;
    bool ok = json_array_size(list) > 0 && json_array_size(list) <= SEAL_MAX;

    json_array_foreach(list, i, entry) {
        version = json_integer_value(json_object_get(entry, "version"));
        ok = ok && version > 0 && version < UINT32_MAX &&
             (i == 0 || version == (json_int_t)keys->newest + 1) &&
             key_parse(json_object_get(entry, "key"), master) &&
             seal_set(keys, (uint32_t)version, master);
        if (!ok)
            break;
        if (i == 0)
            keys->oldest = (uint32_t)version;
        keys->newest = (uint32_t)version;
    }
    explicit_bzero(master, sizeof(master));
    return ok;
}

static bool
parse_sign(struct keys *keys, const json_t *list)
{
    json_t *entry;
    size_t i;

    keys->sign_private = json_array();
    json_array_foreach(list, i, entry)
        if (!sign_append(&keys->sign, keys->sign_private, entry))
            return false;
    return keys->sign.count > 0;
}

static bool
parse_body(struct keys *keys, const json_t *body)
{
    const char *environment =
        json_string_value(json_object_get(body, "environment"));

    if (!environment || strlen(environment) + 1 != sizeof(keys->environment))
        return false;
    memcpy(keys->environment, environment, sizeof(keys->environment));
    return key_parse(json_object_get(body, "index"), keys->index) &&
           parse_seal(keys, json_object_get(body, "seal")) &&
           parse_sign(keys, json_object_get(body, "sign"));
}

/* The body in clear, whatever it was sealed under; NULL: *err is set. */
static json_t *
unseal(struct keys *keys, const struct keys_file *file, json_t *body,
       struct factor_error *err)
{
    const json_t *sealed = json_object_get(body, "sealed");
    json_t *clear;

    if (!json_is_string(sealed)) {
        keys->reseal = keys->secret != NULL;
        return json_incref(body);
    }
    clear = body_open(keys->secret, sealed);
    if (!clear) {
        clear = body_open(file->old_secret, sealed);
        keys->reseal = clear != NULL;
    }
    if (!clear && !keys->secret && !file->old_secret)
        error_set(err, FACTOR_E_CONFIG,
                  "%s: it is sealed, and keys_secret is not set; set it to "
                  "the secret that it was sealed under",
                  keys->path);
    else if (!clear)
        error_set(err, FACTOR_E_CONFIG,
                  "%s: it is sealed under another secret; set keys_secret to "
                  "that, or keys_old_secret to replace it",
                  keys->path);
    return clear;
}

static factor_status
file_read(struct keys *keys, const struct keys_file *file, int fd,
          struct factor_error *err)
{
    struct stat st;
    json_t *body, *clear = NULL;
    bool ok;

    if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0)
        return error_set(err, FACTOR_E_CONFIG,
                         "%s: others may read it; chmod 600 it, and rotate "
                         "the keys if anybody did",
                         keys->path);
    body = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
    if (body)
        clear = unseal(keys, file, body, err);
    json_decref(body);
    if (body && !clear)
        return FACTOR_E_CONFIG;
    ok = clear && parse_body(keys, clear);
    json_decref(clear);
    if (!ok)
        return error_set(err, FACTOR_E_CONFIG,
                         "%s: not a key file of factord; restore it from the "
                         "backup that was made with the store",
                         keys->path);
    return FACTOR_OK;
}

static factor_status
missing(const struct keys *keys, int why, struct factor_error *err)
{
    return error_set(err, FACTOR_E_CONFIG,
                     "%s: %s; the store cannot be read without its keys",
                     keys->path, strerror(why));
}

static factor_status
file_open(struct keys *keys, const struct keys_file *file,
          struct factor_error *err)
{
    int fd = open(keys->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    factor_status st;

    if (fd < 0)
        return errno == ENOENT ? file_create(keys, err)
                               : missing(keys, errno, err);
    st = file_read(keys, file, fd, err);
    close(fd);
    return st;
}

/* The newest that signs ES256: of a kind that every phone knows. */
static void
promise(struct keys *keys)
{
    struct jose_key *key = keys_signing(keys, algorithms[0]);

    if (key)
        memcpy(keys->thumbprint, jose_key_kid(key), sizeof(keys->thumbprint));
    jose_key_free(key);
}

factor_status
keys_prepare(const struct keys_file *file, struct keys **ret_keys,
             struct factor_error *err)
{
    struct keys *keys = calloc(1, sizeof(*keys));
    factor_status st;

    if (!keys)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    pthread_mutex_init(&keys->lock, NULL);
    keys->path = strdup(file->path);
    keys->secret = file->secret;
    st = keys->path ? file_open(keys, file, err)
                    : error_set(err, FACTOR_E_NOMEM, "out of memory");
    if (st != FACTOR_OK) {
        keys_close(keys);
        return st;
    }
    promise(keys);
    *ret_keys = keys;
    return FACTOR_OK;
}

factor_status
keys_settle(struct keys *keys, bool create, struct factor_error *err)
{
    factor_status st;

    if (!keys->made && !keys->reseal)
        return FACTOR_OK;
    if (keys->made && !create)
        return missing(keys, ENOENT, err);
    st = file_write(keys, err);
    keys->made = keys->made && st != FACTOR_OK;
    keys->reseal = keys->reseal && st != FACTOR_OK;
    return st;
}

factor_status
keys_open(const char *path, bool create, struct keys **ret_keys,
          struct factor_error *err)
{
    const struct keys_file file = {.path = path};
    struct keys *keys;
    factor_status st = keys_prepare(&file, &keys, err);

    if (st != FACTOR_OK)
        return st;
    st = keys_settle(keys, create, err);
    if (st != FACTOR_OK)
        keys_close(keys);
    else
        *ret_keys = keys;
    return st;
}

void
keys_close(struct keys *keys)
{
    if (!keys)
        return;
    jose_jwks_clear(&keys->sign);
    json_decref(keys->sign_private);
    pthread_mutex_destroy(&keys->lock);
    free(keys->path);
    explicit_bzero(keys, sizeof(*keys));
    free(keys);
}

factor_status
keys_rotate(struct keys *keys, struct factor_error *err)
{
    uint8_t master[CRYPTO_KEY_LEN];
    uint32_t version = keys_newest(keys) + 1;
    factor_status st;

    if (version - keys->oldest >= SEAL_MAX)
        return error_set(err, FACTOR_E_UNSUPPORTED,
                         "%d key versions are kept already; wait until the "
                         "old ones are no longer used",
                         SEAL_MAX);
    clock_random(master, sizeof(master));
    pthread_mutex_lock(&keys->lock);
    st = seal_set(keys, version, master) ? sign_add(keys, err)
                                         : FACTOR_E_INTERNAL;
    explicit_bzero(master, sizeof(master));
    if (st == FACTOR_OK) {
        atomic_store(&keys->newest, version);
        st = file_write(keys, err);
        if (st != FACTOR_OK)
            atomic_store(&keys->newest, version - 1);
    }
    pthread_mutex_unlock(&keys->lock);
    return st;
}

factor_status
keys_forget(struct keys *keys, uint32_t version, struct factor_error *err)
{
    uint32_t oldest = keys->oldest;
    factor_status st;

    pthread_mutex_lock(&keys->lock);
    if (version > oldest && version <= keys_newest(keys))
        atomic_store(&keys->oldest, version);
    st = file_write(keys, err);
    if (st != FACTOR_OK)
        atomic_store(&keys->oldest, oldest);
    pthread_mutex_unlock(&keys->lock);
    return st;
}
