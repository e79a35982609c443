/* SPDX-License-Identifier: MIT */
/* host/http/tls.c - certificates and keys, as GnuTLS wants them. */
#include "host/http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/error.h"
#include "host/http/internal.h"

enum { CHAIN_MAX = 8, FILE_LONGEST = 262144, KEY_ID_MAX = 64 };

/* Nothing older than TLS 1.2, nothing without forward secrecy or without
 * authenticated encryption. */
const char tls_priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:"
    "-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:"
    "%SERVER_PRECEDENCE";

struct tls_pair {
    atomic_uint uses; /* by connections, and by the struct tls it is in */
    gnutls_x509_crt_t leaf;
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned chain_count;
    gnutls_privkey_t key;
};

struct tls {
    const char *certificate_file, *key_file;
    pthread_mutex_t lock; /* pair */
    struct tls_pair *pair;
};

/* --- A pair. --- */

void
tls_release(struct tls_pair *pair)
{
    unsigned i;

    if (!pair || atomic_fetch_sub(&pair->uses, 1) > 1)
        return;
    for (i = 0; i < pair->chain_count; i++)
        gnutls_pcert_deinit(&pair->chain[i]);
    if (pair->leaf)
        gnutls_x509_crt_deinit(pair->leaf);
    if (pair->key)
        gnutls_privkey_deinit(pair->key);
    free(pair);
}

struct tls_pair *
tls_take(struct tls *tls)
{
    struct tls_pair *pair;

    pthread_mutex_lock(&tls->lock);
    pair = tls->pair;
    atomic_fetch_add(&pair->uses, 1);
    pthread_mutex_unlock(&tls->lock);
    return pair;
}

int
tls_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
             gnutls_pcert_st **ret_chain, unsigned *ret_chain_count,
             gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_ocsp_count,
             gnutls_privkey_t *ret_key, unsigned *ret_flags)
{
    struct tls_pair *pair = gnutls_session_get_ptr(session);

    (void)info;
    if (!pair)
        return -1; /* no memory when it was opened */
    *ret_chain = pair->chain;
    *ret_chain_count = pair->chain_count;
    *ret_ocsp = NULL;
    *ret_ocsp_count = 0;
    *ret_key = pair->key;
    *ret_flags = 0; /* all of it stays ours */
    return 0;
}

/* --- Out of files. --- */

static void
file_wipe(gnutls_datum_t *text)
{
    if (text->data)
        explicit_bzero(text->data, text->size);
    free(text->data);
    text->data = NULL;
}

static bool
read_all(int fd, gnutls_datum_t *text)
{
    ssize_t got;

    do {
        got = read(fd, text->data + text->size, FILE_LONGEST - text->size);
        if (got > 0)
            text->size += (unsigned)got;
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0;
}

static factor_status
file_read(const char *path, gnutls_datum_t *ret_text, struct factor_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done;

    ret_text->size = 0;
    ret_text->data = malloc(FILE_LONGEST);
    done = fd >= 0 && ret_text->data && read_all(fd, ret_text);
    if (!done)
        error_set(err, FACTOR_E_CONFIG,
                  "%s cannot be read: %s; correct the path, or let factord "
                  "read it (LoadCredential=)",
                  path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return done ? FACTOR_OK : FACTOR_E_CONFIG;
}

/* The first of the chain, and all of it for the handshake. */
static bool
take_chain(struct tls_pair *pair, gnutls_x509_crt_t *list, unsigned count)
{
    unsigned i, wanted = count;

    if (count == 0 || count > CHAIN_MAX ||
        gnutls_pcert_import_x509_list(pair->chain, list, &wanted, 0) < 0)
        return false;
    pair->chain_count = wanted;
    pair->leaf = list[0];
    for (i = 1; i < count; i++)
        gnutls_x509_crt_deinit(list[i]);
    return true;
}

static factor_status
chain_read(struct tls_pair *pair, const char *path, struct factor_error *err)
{
    gnutls_datum_t text;
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0, i;
    factor_status st = file_read(path, &text, err);
    bool taken = st == FACTOR_OK &&
                 gnutls_x509_crt_list_import2(
                     &list, &count, &text, GNUTLS_X509_FMT_PEM,
                     GNUTLS_X509_CRT_LIST_SORT) >= 0 &&
                 take_chain(pair, list, count);

    file_wipe(&text);
    for (i = 0; !taken && i < count; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
    if (st == FACTOR_OK && !taken)
        return error_set(err, FACTOR_E_CONFIG,
                         "%s is no chain of certificates: put the server's "
                         "own first and at most %d that signed it behind it, "
                         "in PEM form",
                         path, CHAIN_MAX - 1);
    return st;
}

static factor_status
key_read(struct tls_pair *pair, const char *path, struct factor_error *err)
{
    gnutls_datum_t text;
    factor_status st = file_read(path, &text, err);
    bool read = st == FACTOR_OK && gnutls_privkey_init(&pair->key) >= 0 &&
                gnutls_privkey_import_x509_raw(pair->key, &text,
                                               GNUTLS_X509_FMT_PEM, NULL,
                                               0) >= 0;

    file_wipe(&text);
    if (st == FACTOR_OK && !read)
        return error_set(err, FACTOR_E_CONFIG,
                         "%s is no private key: put one there in PEM form, "
                         "without a password",
                         path);
    return st;
}

static bool
key_fits(const struct tls_pair *pair)
{
    unsigned char of_leaf[KEY_ID_MAX], of_key[KEY_ID_MAX];
    size_t leaf_len = sizeof(of_leaf), key_len = sizeof(of_key);
    gnutls_pubkey_t public = NULL;
    bool fits = gnutls_pubkey_init(&public) >= 0 &&
                gnutls_pubkey_import_privkey(public, pair->key, 0, 0) >= 0 &&
                gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256,
                                         of_key, &key_len) >= 0 &&
                gnutls_x509_crt_get_key_id(pair->leaf,
                                           GNUTLS_KEYID_USE_SHA256, of_leaf,
                                           &leaf_len) >= 0 &&
                key_len == leaf_len && memcmp(of_key, of_leaf, key_len) == 0;

    if (public)
        gnutls_pubkey_deinit(public);
    return fits;
}

static factor_status
pair_read(const struct tls *tls, struct tls_pair **ret_pair,
          struct factor_error *err)
{
    struct tls_pair *pair = calloc(1, sizeof(*pair));
    factor_status st;

    if (!pair)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    pair->uses = 1;
    st = chain_read(pair, tls->certificate_file, err);
    if (st == FACTOR_OK)
        st = key_read(pair, tls->key_file, err);
    if (st == FACTOR_OK && !key_fits(pair))
        st = error_set(err, FACTOR_E_CONFIG,
                       "%s is not the key of the certificate in %s; name the "
                       "two that belong together",
                       tls->key_file, tls->certificate_file);
    if (st == FACTOR_OK)
        *ret_pair = pair;
    else
        tls_release(pair);
    return st;
}

/* --- The pair in use. --- */

factor_status
tls_new(const char *certificate_file, const char *key_file,
        struct tls **ret_tls, struct factor_error *err)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    factor_status st;

    if (!tls)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    pthread_mutex_init(&tls->lock, NULL);
    tls->certificate_file = certificate_file;
    tls->key_file = key_file;
    st = pair_read(tls, &tls->pair, err);
    if (st == FACTOR_OK)
        *ret_tls = tls;
    else
        tls_free(tls);
    return st;
}

factor_status
tls_reload(struct tls *tls, struct factor_error *err)
{
    struct tls_pair *fresh, *old;
    factor_status st = pair_read(tls, &fresh, err);

    if (st != FACTOR_OK)
        return st;
    pthread_mutex_lock(&tls->lock);
    old = tls->pair;
    tls->pair = fresh;
    pthread_mutex_unlock(&tls->lock);
    tls_release(old);
    return FACTOR_OK;
}

void
tls_free(struct tls *tls)
{
    if (!tls)
        return;
    tls_release(tls->pair);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

int64_t
tls_expires_ms(struct tls *tls)
{
    struct tls_pair *pair = tls_take(tls);
    int64_t expires = gnutls_x509_crt_get_expiration_time(pair->leaf);

    tls_release(pair);
    return expires * 1000;
}

bool
tls_is_for(struct tls *tls, const char *host)
{
    struct tls_pair *pair = tls_take(tls);
    bool is_for = gnutls_x509_crt_check_hostname(pair->leaf, host) != 0;

    tls_release(pair);
    return is_for;
}
