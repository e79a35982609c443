/* SPDX-License-Identifier: MIT */
/* plugin/delivery-fcm/fcm_account.c - reads a service account. */
#include "plugin/delivery-fcm/fcm_account.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static const char *
member(const struct fcm_account *account, const char *name)
{
    return json_string_value(json_object_get(account->json, name));
}

/* It becomes a part of a URL's path. */
static bool
project_ok(const char *project)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:";

    return *project != '\0' && *project != '.' &&
           project[strspn(project, letters)] == '\0';
}

/* Somebody who knows an account's name but not its key must not be given the
 * token that was got with the key: so the key is in the id. */
static bool
make_id(struct fcm_account *account)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0, i;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool made =
        ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
        EVP_DigestUpdate(ctx, account->email, strlen(account->email) + 1) &&
        EVP_DigestUpdate(ctx, account->token_url,
                         strlen(account->token_url) + 1) &&
        EVP_DigestUpdate(ctx, account->key, strlen(account->key)) &&
        EVP_DigestFinal_ex(ctx, digest, &len);

    EVP_MD_CTX_free(ctx);
    for (i = 0; made && 2 * i + 2 < sizeof(account->id); i++)
        snprintf(account->id + 2 * i, 3, "%02x", digest[i]);
    return made;
}

factor_status
fcm_account_read(const char *text, const char *token_url,
                 struct fcm_account *ret_account)
{
    struct fcm_account account = { .json = json_loads(text, 0, NULL) };

    account.project = member(&account, "project_id");
    account.email = member(&account, "client_email");
    account.key = member(&account, "private_key");
    account.key_id = member(&account, "private_key_id");
    account.token_url = token_url ? token_url : member(&account, "token_uri");
    if (account.project && project_ok(account.project) && account.email &&
        account.key && account.token_url && make_id(&account)) {
        *ret_account = account;
        return FACTOR_OK;
    }
    fcm_account_clear(&account);
    return FACTOR_E_CONFIG;
}

void
fcm_account_clear(struct fcm_account *account)
{
    json_decref(account->json);
    account->json = NULL;
}
