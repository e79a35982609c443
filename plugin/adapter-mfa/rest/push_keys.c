/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/push_keys.c - push credentials of applications (MFA
 * service API, B.8): what is secret goes in and never comes out. */
#include "plugin/adapter-mfa/rest/push_keys.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_push_keys.h"
#include "plugin/adapter-mfa/rest/change.h"

#define LIST "pushCredentials"

enum { SIZE_MAX_BYTES = 60000, /* a record's body has 65,536 bytes */
       TOKEN_MAX = 4096, ACCOUNT_MAX = 8192 };

static const struct factor_field *const key_body[] = {
    MFA_REQUIRED(STRING, "type",
                 .values = FACTOR_NAMES(MFA_PUSH_APNS, MFA_PUSH_FCM)),
    MFA_FIELD(STRING, "key", .max_len = 64,
              .text = "APNS: id of the signing key."),
    MFA_FIELD(STRING, "teamId", .max_len = 64, .text = "APNS."),
    MFA_FIELD(STRING, "token", .max_len = TOKEN_MAX,
              .flags = FACTOR_FIELD_SENSITIVE,
              .text = "APNS: the signing key, the .p8 file."),
    MFA_FIELD(STRING, "googleServiceAccountCredentials",
              .max_len = ACCOUNT_MAX, .flags = FACTOR_FIELD_SENSITIVE,
              .text = "FCM_HTTP_V1: JSON of the service account."),
    NULL
};
static const struct factor_field *const key_answer[] = {
    MFA_SHOWN_ID, MFA_FIELD(STRING, "type",
                            .values = FACTOR_NAMES(MFA_PUSH_APNS,
                                                   MFA_PUSH_FCM)),
    MFA_SHOWN_TIME("createdAt"), MFA_SHOWN_TIME("updatedAt"), NULL
};

/* --- What is given --- */

/* Nobody is asked for a passphrase. */
static int
no_passphrase(char *text, int size, int writes, void *context)
{
    (void)text;
    (void)size;
    (void)writes;
    (void)context;
    return -1;
}

static EVP_PKEY *
read_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key =
        bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    return key;
}

/* P-256, as Apple makes them. */
static bool
is_apple_key(const char *pem)
{
    EVP_PKEY *key = read_key(pem);
    char group[32] = "";
    bool fits = key && EVP_PKEY_get_group_name(key, group, sizeof(group),
                                               NULL) &&
                strcmp(group, "prime256v1") == 0;

    EVP_PKEY_free(key);
    return fits;
}

/* As the back end reads it (plugin/delivery-fcm/fcm_account.c). */
static bool
is_google_account(const char *text)
{
    static const char *const members[] = { "project_id", "client_email",
                                           "token_uri", "private_key" };
    json_t *account = json_loads(text, 0, NULL);
    EVP_PKEY *key = NULL;
    bool fits = account != NULL;
    size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        fits = fits && mfa_text(account, members[i]);
    if (fits)
        key = read_key(mfa_text(account, "private_key"));
    json_decref(account);
    EVP_PKEY_free(key);
    return key != NULL;
}

/* What each type needs, the last one being what fits has to say yes to. */
static const struct key_type {
    const char *name;
    const char *members[4];
    const char *checked;
    bool (*fits)(const char *text);
} key_types[] = {
    { MFA_PUSH_APNS, { "key", "teamId", "token", NULL }, "token",
      is_apple_key },
    { MFA_PUSH_FCM, { "googleServiceAccountCredentials", NULL },
      "googleServiceAccountCredentials", is_google_account },
};

static const struct key_type *
type_given(const struct mfa_rest *call)
{
    const struct key_type *type = key_types;

    /* The table of fields has no other. */
    while (strcmp(type->name, mfa_text(call->s.in->fields, "type")) != 0)
        type++;
    return type;
}

/* True: *ret_status says what became of the refusal. */
static bool
refused(struct mfa_rest *call, const struct key_type *type,
        factor_status *ret_status)
{
    const char *const *member, *text;

    for (member = type->members; *member; member++) {
        text = mfa_text(call->s.in->fields, *member);
        if (text && *text)
            continue;
        *ret_status = mfa_rest_refuse(
            call, text ? MFA_REST_EMPTY : MFA_REST_REQUIRED, *member, NULL);
        return true;
    }
    if (type->fits(mfa_text(call->s.in->fields, type->checked)))
        return false;
    *ret_status = mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, type->checked,
                                  NULL);
    return true;
}

static json_t *
secret_given(const struct mfa_rest *call, const struct key_type *type)
{
    json_t *secret = json_pack("{s:s}", "type", type->name);
    const char *const *member;

    for (member = type->members; *member; member++)
        json_object_set(secret, *member,
                        json_object_get(call->s.in->fields, *member));
    return secret;
}

/* --- The record --- */

/* A copy to be changed. */
static json_t *
body_of(const struct mfa_rest *call)
{
    const struct factor_record *record = call->s.push_keys;

    return record ? json_deep_copy(record->body)
                  : json_pack("{s:i, s:[], s:{}}", "v", 1, "keys", "secret");
}

/* body is stolen. */
static factor_status
put_body(struct mfa_rest *call, json_t *body)
{
    const struct factor_record *record = call->s.push_keys;
    const struct factor_put put = {
        .struct_size = sizeof(put),
        .collection = MFA_CONFIG_COLLECTION,
        .id = MFA_PUSH_KEYS_ID,
        .version = record ? record->version : 0,
        .body = body,
    };
    factor_status status =
        body ? call->s.host->put(call->s.in->effects, &put) : FACTOR_E_NOMEM;

    json_decref(body);
    return status;
}

static factor_status
audit(const struct mfa_rest *call, const char *event, const char *application,
      const char *type)
{
    return mfa_audit(&call->s, event,
                     json_pack("{s:s, s:s*}", "application", application,
                               "type", type));
}

factor_status
mfa_rest_push_keys_drop(struct mfa_rest *call, const char *application)
{
    json_t *body = body_of(call);
    json_t *keys = json_object_get(body, "keys"), *key;
    const char *owner;
    size_t i = json_array_size(keys), before = i;

    while (i-- > 0) {
        key = json_array_get(keys, i);
        owner = mfa_text(key, "application");
        if (!owner || strcmp(owner, application) != 0)
            continue;
        json_object_del(json_object_get(body, "secret"), mfa_text(key, "id"));
        json_array_remove(keys, i);
    }
    if (json_array_size(keys) < before)
        return put_body(call, body);
    json_decref(body);
    return FACTOR_OK;
}

/* --- Operations --- */

static const char *
application_asked(const struct mfa_rest *call)
{
    const char *id = mfa_text(call->s.in->path, "app");
    size_t place;

    return mfa_rest_entry(call, "applications", id, &place) ? id : NULL;
}

/* Its place; -1: the application has none of this id. */
static int
key_asked(const struct mfa_rest *call)
{
    const char *application = application_asked(call);

    return application
               ? mfa_push_key_place(&call->s, application, "id",
                                    mfa_text(call->s.in->path, "credential"))
               : -1;
}

static factor_status
show(struct mfa_rest *call, const json_t *key)
{
    return mfa_rest_answer(call, mfa_rest_declared(key_answer, key));
}

static factor_status
list(struct mfa_rest *call)
{
    const char *application = application_asked(call), *owner;
    const json_t *keys = mfa_push_keys(&call->s), *key;
    json_t *shown = json_array();
    size_t i;

    for (i = 0; application && i < json_array_size(keys); i++) {
        key = json_array_get(keys, i);
        owner = mfa_text(key, "application");
        if (owner && strcmp(owner, application) == 0)
            json_array_append_new(shown, mfa_rest_declared(key_answer, key));
    }
    if (application)
        return mfa_rest_answer(call, json_pack("{s:o}", LIST, shown));
    json_decref(shown);
    return mfa_rest_not_found(call);
}

static factor_status
read_one(struct mfa_rest *call)
{
    int place = key_asked(call);

    return place < 0 ? mfa_rest_not_found(call)
                     : show(call, json_array_get(mfa_push_keys(&call->s),
                                                 (size_t)place));
}

static const json_t *
key_of(const json_t *body, const char *id)
{
    const json_t *keys = json_object_get(body, "keys");
    size_t i = json_array_size(keys);

    while (i-- > 0)
        if (strcmp(mfa_text(json_array_get(keys, i), "id"), id) == 0)
            break;
    return json_array_get(keys, i);
}

/* The body that has this entry, with what is secret of it; body is stolen. */
static factor_status
store(struct mfa_rest *call, json_t *body, const char *id,
      const struct key_type *type, const char *event)
{
    const char *application = mfa_text(call->s.in->path, "app");
    factor_status status;

    json_object_set_new(json_object_get(body, "secret"), id,
                        secret_given(call, type));
    if (json_dumpb(body, NULL, 0, JSON_COMPACT) > SIZE_MAX_BYTES) {
        json_decref(body);
        return mfa_rest_refuse(call, MFA_REST_LIMIT, NULL, NULL);
    }
    status = put_body(call, json_incref(body));
    if (!status)
        status = audit(call, event, application, type->name);
    if (!status)
        status = show(call, key_of(body, id));
    json_decref(body);
    return status;
}

static factor_status
create_for(struct mfa_rest *call, const char *application,
           const struct key_type *type)
{
    json_t *body = body_of(call), *key;
    const char *id;
    factor_status status = mfa_new_id(&call->s, MFA_ID_ENTRY, &id);

    key = status ? NULL
                 : json_pack("{s:s, s:s, s:s}", "id", id, "application",
                             application, "type", type->name);
    if (!body || !key || !mfa_rest_stamp(call, key, NULL)) {
        json_decref(body);
        json_decref(key);
        return status ? status : FACTOR_E_NOMEM;
    }
    json_array_append_new(json_object_get(body, "keys"), key);
    return store(call, body, id, type, "mfa.push_credential_added");
}

static factor_status
create(struct mfa_rest *call)
{
    const char *application = application_asked(call);
    const struct key_type *type = type_given(call);
    factor_status status = FACTOR_OK;
    int taken;

    if (!application)
        return mfa_rest_not_found(call);
    if (refused(call, type, &status))
        return status;
    taken = mfa_push_key_place(&call->s, application, "type", type->name);
    if (taken >= 0)
        return mfa_rest_taken(call, "type",
                              json_array_get(mfa_push_keys(&call->s),
                                             (size_t)taken));
    return create_for(call, application, type);
}

static factor_status
replace(struct mfa_rest *call)
{
    int place = key_asked(call);
    const struct key_type *type = type_given(call);
    factor_status status = FACTOR_OK;
    json_t *body, *key;

    if (place < 0)
        return mfa_rest_not_found(call);
    if (refused(call, type, &status))
        return status;
    body = body_of(call);
    key = json_array_get(json_object_get(body, "keys"), (size_t)place);
    if (strcmp(mfa_text(key, "type"), type->name) != 0) {
        json_decref(body);
        return mfa_rest_refuse_saying(call, MFA_REST_INVALID_VALUE, "type",
                                      "The value can not be changed.", NULL);
    }
    if (!mfa_rest_stamp(call, key, key)) {
        json_decref(body);
        return FACTOR_E_NOMEM;
    }
    return store(call, body, mfa_text(key, "id"), type,
                 "mfa.push_credential_changed");
}

static factor_status
delete(struct mfa_rest *call)
{
    int place = key_asked(call);
    json_t *body;
    factor_status status;

    if (place < 0)
        return mfa_rest_not_found(call);
    body = body_of(call);
    json_object_del(json_object_get(body, "secret"),
                    mfa_text(call->s.in->path, "credential"));
    json_array_remove(json_object_get(body, "keys"), (size_t)place);
    status = put_body(call, body);
    if (!status)
        status = audit(call, "mfa.push_credential_removed",
                       mfa_text(call->s.in->path, "app"), NULL);
    return status ? status : mfa_rest_done(call);
}

/* --- The table --- */

#define PATH MFA_ENVIRONMENT "/applications/{app}/pushCredentials"
#define READS                                                                  \
    FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,                     \
        .roles = mfa_rest_application_readers, .answer = key_answer
#define CHANGES                                                                \
    FACTOR_SIZED(factor_resource), .who = FACTOR_WHO_ROLE,                     \
        .roles = mfa_rest_application_admins

const struct mfa_operation mfa_rest_push_keys[] = {
    { .resource = { READS, .name = LIST ".list", .method = "GET",
                    .path = PATH, .list = LIST,
                    .text = "The push credentials of an application." },
      .run = list },
    { .resource = { CHANGES, .name = LIST ".create", .method = "POST",
                    .path = PATH, .body = key_body, .status = 201,
                    .answer = key_answer,
                    .text = "Gives an application push credentials, one of "
                            "each type." },
      .run = create },
    { .resource = { READS, .name = LIST ".read", .method = "GET",
                    .path = PATH "/{credential}",
                    .text = "One push credential, without what is secret." },
      .run = read_one },
    { .resource = { CHANGES, .name = LIST ".replace", .method = "PUT",
                    .path = PATH "/{credential}", .body = key_body,
                    .answer = key_answer,
                    .text = "Replaces a push credential." },
      .run = replace },
    { .resource = { CHANGES, .name = LIST ".delete", .method = "DELETE",
                    .path = PATH "/{credential}", .status = 204,
                    .text = "Removes a push credential." },
      .run = delete },
    { .run = NULL },
};
