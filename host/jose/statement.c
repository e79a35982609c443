/* SPDX-License-Identifier: MIT */
/* host/jose/statement.c - statements that plugins verify and sign: compact
 * JWS by a key that is no key of ours. */
#include "host/jose/internal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "host/json.h"

/* --- verifying ---------------------------------------------------------- */

/* Nothing that could say how the statement is to be read: a list of what is
 * known is shorter than one of what is dangerous. */
static const char *
check_members(const json_t *header)
{
    size_t known = 0;
    const json_t *kid = json_object_get(header, "kid");

    known += json_object_get(header, "alg") != NULL;
    known += json_object_get(header, "typ") != NULL;
    known += kid != NULL;
    if (kid && !json_is_string(kid))
        return "kid is not a string";
    return known == json_object_size(header) ? NULL
                                             : "header has an odd member";
}

static const char *
read_header(struct jose_token *self, const char *statement)
{
    const char *why;

    if (!statement)
        return "there is no statement";
    if ((why = jose_token_split(self, statement, strlen(statement))) ||
        (why = jose_token_part(self, 0, &self->header)) ||
        (why = check_members(self->header)))
        return why;
    return jose_token_alg(self);
}

/* Takes over what was read. */
static factor_status
finish(struct jose_token *self, const char *why, json_t **ret_claims)
{
    json_decref(self->header);
    if (why)
        json_decref(self->claims);
    else
        *ret_claims = self->claims;
    return jose_finish(why, FACTOR_E_INPUT, NULL);
}

static factor_status
import_public(const json_t *jwk, struct jose_key **ret_key)
{
    if (jose_has_secret(jwk))
        return FACTOR_E_CONFIG;
    return jose_key_import(jwk, ret_key, NULL);
}

factor_status
jose_statement_verify(const json_t *jwk, const char *typ,
                      const char *statement, json_t **ret_claims)
{
    struct jose_token self = { 0 };
    struct jose_key *key;
    factor_status status = import_public(jwk, &key);
    const char *why;

    if (status != FACTOR_OK)
        return status;
    self.key = key;
    why = read_header(&self, statement);
    if (!why && self.alg != key->alg)
        why = "alg is not the key's";
    if (!why && (!typ || !jose_typ_fits(json_object_get(self.header, "typ"),
                                        typ)))
        why = "typ is not the expected one";
    if (!why)
        why = jose_token_verify(&self);
    if (!why)
        why = jose_token_part(&self, 1, &self.claims);
    status = finish(&self, why, ret_claims);
    jose_key_free(key);
    return status;
}

factor_status
jose_statement_peek(const char *statement, json_t **ret_claims)
{
    struct jose_token self = { 0 };
    const char *why = read_header(&self, statement);

    if (!why)
        why = jose_token_part(&self, 1, &self.claims);
    return finish(&self, why, ret_claims);
}

factor_status
jose_jwk_thumbprint(const json_t *jwk, char *ret_thumbprint)
{
    struct jose_key *key;
    factor_status status = import_public(jwk, &key);

    if (status != FACTOR_OK)
        return status;
    memcpy(ret_thumbprint, jose_key_kid(key), JOSE_KID_SIZE);
    jose_key_free(key);
    return FACTOR_OK;
}

/* --- signing ------------------------------------------------------------ */

/* OpenSSL would ask the terminal for the password of a PEM that has one. */
static int
no_password(char *password, int size, int writing, void *context)
{
    (void)password;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static const char *
choose_alg(struct jose_key *key)
{
    char curve[32] = "";
    int bits = EVP_PKEY_get_bits(key->pkey);

    if (EVP_PKEY_is_a(key->pkey, "RSA") && bits >= 2048 && bits <= 8192)
        key->alg = &jose_algs[1];
    else if (EVP_PKEY_is_a(key->pkey, "EC") &&
             EVP_PKEY_get_group_name(key->pkey, curve, sizeof(curve), NULL) &&
             strcmp(curve, "prime256v1") == 0)
        key->alg = &jose_algs[0];
    return key->alg ? NULL : "PEM is no key of P-256 or RSA";
}

static const char *
read_pem(struct jose_key *key, const char *pem)
{
    BIO *bio = pem ? BIO_new_mem_buf(pem, -1) : NULL;
    const char *why;

    if (!bio)
        return pem ? jose_no_memory : "there is no PEM";
    key->pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    if (!key->pkey)
        return "PEM holds no private key";
    why = choose_alg(key);
    if (why)
        return why;
    key->signer = jose_context(key->pkey, EVP_PKEY_sign_init);
    return key->signer ? NULL : jose_no_memory;
}

static factor_status
sign(const struct jose_key *key, const json_t *given, const json_t *claims,
     char **ret_statement)
{
    char token[JOSE_TOKEN_MAX];
    json_t *header = json_pack("{s:s}", "alg", key->alg->name), *more;
    const char *why = "header is not an object";
    char *copy = NULL;

    more = json_is_object(given) ? json_copy(json_unconst(given)) : NULL;
    if (more && header) {
        json_object_del(more, "alg");
        why = json_object_update(header, more)
                  ? jose_no_memory
                  : jose_token_write(key, header, claims, token);
    }
    json_decref(more);
    json_decref(header);
    if (!why)
        copy = strdup(token);
    if (!copy)
        return jose_finish(why ? why : jose_no_memory, FACTOR_E_INPUT, NULL);
    *ret_statement = copy;
    return FACTOR_OK;
}

factor_status
jose_pem_sign(const char *pem, const json_t *header, const json_t *claims,
              char **ret_statement)
{
    struct jose_key key = { 0 };
    const char *why = read_pem(&key, pem);
    factor_status status = jose_finish(why, FACTOR_E_CONFIG, NULL);

    if (status == FACTOR_OK)
        status = sign(&key, header, claims, ret_statement);
    EVP_PKEY_CTX_free(key.signer);
    EVP_PKEY_free(key.pkey);
    return status;
}
