/* SPDX-License-Identifier: MIT */
/* phone/discover.c - what an issuer says of itself, and whether its keys are
 * those that a link names. */
#include "phone/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- discovery --- */

/* Reads the applications; false: they are none. */
static bool
read_applications(struct factor_phone_discovery *discovery)
{
    const json_t *list = json_object_get(discovery->source, "applications");
    struct factor_phone_application *next;
    size_t i;

    if (!json_is_array(list))
        return false;
    discovery->applications = calloc(json_array_size(list) + 1,
                                     sizeof(*discovery->applications));
    for (i = 0; discovery->applications && i < json_array_size(list); i++) {
        next = &discovery->applications[i];
        next->id = phone_text(json_array_get(list, i), "id", 1, PHONE_ID_MAX);
        next->name = phone_text(json_array_get(list, i), "name", 0,
                                PHONE_TEXT_MAX);
        if (!next->id || !next->name)
            return false;
        discovery->application_count++;
    }
    return discovery->applications != NULL;
}

static bool
read_discovery(struct factor_phone_discovery *discovery)
{
    const json_t *said = discovery->source;

    discovery->issuer = phone_text(said, "issuer", 1, PHONE_TEXT_MAX);
    discovery->environment = phone_text(said, "environment", 1, PHONE_ID_MAX);
    discovery->endpoint = phone_text(said, "endpoint", 1, PHONE_TEXT_MAX);
    return discovery->issuer && discovery->environment &&
           discovery->endpoint &&
           phone_text_or_null(said, "vapid_public_key", PHONE_ID_MAX,
                              &discovery->vapid_public_key) &&
           read_applications(discovery);
}

/* A host elsewhere cannot make the phone talk to a service on its own
 * machine. */
static bool
endpoint_ok(const char *endpoint, const char *issuer)
{
    return phone_issuer_ok(endpoint) &&
           (!phone_is_loopback(endpoint) || phone_is_loopback(issuer));
}

static enum factor_phone_status
check(struct factor_phone *self, const char *issuer,
      struct factor_phone_discovery *discovery)
{
    if (!read_discovery(discovery))
        return phone_fail(self, FACTOR_PHONE_ANSWER,
                          "what answers there is no host for phones");
    if (strcmp(discovery->issuer, issuer) != 0)
        return phone_fail(self, FACTOR_PHONE_UNTRUSTED,
                          "it calls itself another issuer: %s",
                          discovery->issuer);
    if (!endpoint_ok(discovery->endpoint, issuer))
        return phone_fail(self, FACTOR_PHONE_UNTRUSTED,
                          "its endpoint is no place to go to");
    return FACTOR_PHONE_OK;
}

enum factor_phone_status
phone_discover(struct factor_phone *self, const char *issuer,
               struct factor_phone_discovery **ret_discovery)
{
    struct factor_phone_discovery *discovery;
    enum factor_phone_status status;
    char url[FACTOR_PHONE_URL_SIZE + 32];
    json_t *source = NULL;

    if (!phone_issuer_ok(issuer))
        return phone_fail(self, FACTOR_PHONE_UNTRUSTED,
                          "this is no issuer's URL");
    snprintf(url, sizeof(url), "%s/.well-known/factor-phone", issuer);
    status = phone_get(self, url, &source);
    if (status)
        return status;
    discovery = calloc(1, sizeof(*discovery));
    if (!discovery) {
        json_decref(source);
        return phone_no_memory(self);
    }
    discovery->source = source;
    discovery->time_s = self->heard_s;
    status = check(self, issuer, discovery);
    if (status)
        factor_phone_discovery_free(discovery);
    else
        *ret_discovery = discovery;
    return status;
}

enum factor_phone_status
factor_phone_discover(struct factor_phone *self, const char *issuer,
                      struct factor_phone_discovery **ret_discovery)
{
    phone_forget_error(self);
    return phone_discover(self, issuer, ret_discovery);
}

void
factor_phone_discovery_free(struct factor_phone_discovery *discovery)
{
    if (!discovery)
        return;
    json_decref(discovery->source);
    free(discovery->applications);
    free(discovery);
}

enum factor_phone_status
phone_choose_application(struct factor_phone *self,
                         const struct factor_phone_discovery *discovery,
                         const char *wanted, const char **ret_id)
{
    const struct factor_phone_application *one;
    size_t i;

    for (i = 0; i < discovery->application_count; i++) {
        one = &discovery->applications[i];
        if (wanted ? strcmp(one->id, wanted) == 0 ||
                         strcmp(one->name, wanted) == 0
                   : discovery->application_count == 1) {
            *ret_id = one->id;
            return FACTOR_PHONE_OK;
        }
    }
    return phone_fail(self, FACTOR_PHONE_USAGE,
                      wanted ? "the issuer has no such application"
                             : "which of the issuer's applications is this?");
}

/* --- fingerprint --- */

static bool
has_key(const json_t *jwks, const char *fingerprint)
{
    const json_t *keys = json_object_get(jwks, "keys");
    char thumbprint[FACTOR_PHONE_THUMB_SIZE];
    size_t i;

    for (i = 0; i < json_array_size(keys); i++)
        if (phone_thumbprint(json_array_get(keys, i), thumbprint) &&
            strcmp(thumbprint, fingerprint) == 0)
            return true;
    return false;
}

enum factor_phone_status
phone_check_fingerprint(struct factor_phone *self,
                        const struct factor_phone_link *link)
{
    enum factor_phone_status status;
    char url[FACTOR_PHONE_URL_SIZE + 32];
    json_t *jwks = NULL;

    if (!link->fingerprint[0])
        return FACTOR_PHONE_OK;
    snprintf(url, sizeof(url), "%s/pf/JWKS", link->issuer);
    status = phone_get(self, url, &jwks);
    if (status)
        return status;
    if (!has_key(jwks, link->fingerprint))
        status = phone_fail(self, FACTOR_PHONE_UNTRUSTED,
                            "the issuer has not the key that the link names");
    json_decref(jwks);
    return status;
}
