/* SPDX-License-Identifier: MIT */
/* tests/test_phone_vectors.c - the phone against the test vectors of
 * doc/phone-protocol.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/jose/jose.h"
#include "phone/internal.h"
#include "tests/tap.h"
#include "tests/test_phone_rig.h"

#define DEVICE "0f6d6f4e-3c1b-4b55-9a57-2f1b0c7a9e11"
#define USER "5a0f2b3c-77aa-4e0e-8f6c-6c1d2e3f4a5b"
#define APPLICATION "7f0e2d1c-0b9a-4877-a665-544332211000"
#define PUSH "webhook:https://push.example.org/ann"

static json_t *vectors;

/* --- reading them --- */

static char *
read_document(void)
{
    const char *source = getenv("FACTOR_SRCDIR");
    char path[4096];
    char *text = NULL;
    size_t room = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/doc/phone-protocol.md",
             source ? source : ".");
    file = fopen(path, "re");
    if (file && getdelim(&text, &room, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

static int
read_vectors(void)
{
    static const char begin[] = "\n```json\n", end[] = "\n```\n";
    char *text = read_document();
    char *at = text ? strstr(text, "\n## 10. Test vectors\n") : NULL;
    char *last;

    at = at ? strstr(at, begin) : NULL;
    last = at ? strstr(at + strlen(begin), end) : NULL;
    if (last)
        vectors = json_loadb(at + strlen(begin),
                             (size_t)(last - at) - strlen(begin), 0, NULL);
    free(text);
    return vectors ? 0 : -1;
}

static int
drop_vectors(void)
{
    json_decref(vectors);
    vectors = NULL;
    return 0;
}

static const json_t *
vector(const char *group, const char *name)
{
    const json_t *found = json_object_get(json_object_get(vectors, group),
                                          name);

    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    return found;
}

static const json_t *
statement(const char *name)
{
    return vector("statements", name);
}

static void
key_bytes(const char *name, unsigned char ret_d[32])
{
    CU_ASSERT_FATAL(phone_unb64(rig_text(vector(name, "jwk"), "d"), ret_d,
                                32));
}

/* --- a phone with the vectors' key --- */

static void
open_with_key(const char *name)
{
    static unsigned char d[32];

    key_bytes(name, d);
    rig_open();
    rig.key_bytes = d;
    rig.host.applications =
        "[{\"id\":\"" APPLICATION "\",\"name\":\"Authenticator\"}]";
    rig.host.device = DEVICE;
    rig.host.user = USER;
}

static void
open_paired(void)
{
    open_with_key("key");
    rig_pair();
}

/* The last call to here has the signing input of a vector. */
static void
expect_sent(const char *ending, const char *name)
{
    const char *input = rig_text(statement(name), "input");
    const char *sent = rig_last(ending)->statement;
    size_t len = strlen(input);

    if (strncmp(sent, input, len) != 0 || sent[len] != '.') {
        tap_note("expected %s", input);
        tap_note("sent     %s", sent);
        CU_FAIL("another signing input");
    }
}

static void
keys_have_their_thumbprints(void)
{
    static const char *const names[] = { "key", "new_key" };
    char thumbprint[FACTOR_PHONE_THUMB_SIZE], check[FACTOR_PHONE_CHECK_SIZE];
    struct phone_key key, made;
    struct factor_phone_io io;
    size_t i;

    for (i = 0; i < COUNT(names); i++) {
        CU_ASSERT_FATAL(phone_key_read(vector(names[i], "jwk"), &key));
        CU_ASSERT(phone_thumbprint(vector(names[i], "jwk"), thumbprint));
        CU_ASSERT_STRING_EQUAL(thumbprint, json_string_value(
                                               vector(names[i],
                                                      "thumbprint")));
        CU_ASSERT(phone_check(&key, check));
        CU_ASSERT_STRING_EQUAL(check, json_string_value(
                                          vector(names[i], "check")));
        /* x and y are made from d. */
        open_with_key(names[i]);
        io = rig_io();
        CU_ASSERT(phone_key_make(&io, &made));
        CU_ASSERT_EQUAL(memcmp(&made, &key, sizeof(key)), 0);
        rig_close();
    }
}

static void
makes_the_statement_of_pairing(void)
{
    struct factor_phone_about about = rig_about;
    struct factor_phone_pairings *list = NULL;
    struct factor_phone_link link;

    open_with_key("key");
    link = rig_link();
    about.push = PUSH;
    CU_ASSERT_EQUAL(factor_phone_pair(rig.phone, &link, &about, &list),
                    FACTOR_PHONE_OK);
    factor_phone_pairings_free(list);
    expect_sent("/pairings", "pair");
    rig_close();
}

/* The request that the vectors answer. */
static struct factor_phone_requests *
ask(void)
{
    struct factor_phone_requests *requests = NULL;
    json_t *request = rig_add_request("9b1d0c2e-5f4a-4c3b-8d7e-6a5b4c3d2e1f",
                                      "authentication");

    json_object_set_new(request, "number",
                        json_pack("{s:s, s:i}", "type", "ENTER_MANUALLY",
                                  "digits", 6));
    CU_ASSERT_EQUAL_FATAL(factor_phone_ask(rig.phone, DEVICE, 0, &requests),
                          FACTOR_PHONE_OK);
    return requests;
}

static void
makes_the_statements_of_answering(void)
{
    struct factor_phone_requests *requests, *again;
    enum factor_phone_result result;

    open_paired();
    requests = ask();
    expect_sent("/requests", "requests");
    CU_ASSERT_EQUAL(factor_phone_ask_news(rig.phone, DEVICE, 0, requests,
                                          &again),
                    FACTOR_PHONE_OK);
    expect_sent("/requests", "known");
    factor_phone_requests_free(again);
    CU_ASSERT_EQUAL(factor_phone_approve(rig.phone, DEVICE,
                                         &requests->items[0], "407193",
                                         "face", &result),
                    FACTOR_PHONE_OK);
    expect_sent("/answers", "approve");
    factor_phone_requests_free(requests);
    requests = ask();
    CU_ASSERT_EQUAL(factor_phone_deny(rig.phone, DEVICE, &requests->items[0],
                                      FACTOR_PHONE_FRAUD, &result),
                    FACTOR_PHONE_OK);
    expect_sent("/answers", "deny");
    factor_phone_requests_free(requests);
    rig_close();
}

static void
makes_the_statements_of_changes(void)
{
    unsigned char next[32];
    json_t *claims, *proof;
    const char *input = rig_text(statement("proof"), "input");

    key_bytes("new_key", next);
    open_paired();
    rig.now_ms = RIG_NOW_MS + 1;
    CU_ASSERT_EQUAL(factor_phone_set_push(rig.phone, DEVICE, NULL),
                    FACTOR_PHONE_OK);
    expect_sent("/push", "push");
    rig_close();
    /* The proof's signature is random: all but it is compared. */
    open_paired();
    rig.key_bytes = next;
    rig.now_ms = RIG_NOW_MS + 2;
    CU_ASSERT_EQUAL(factor_phone_rotate(rig.phone, DEVICE), FACTOR_PHONE_OK);
    claims = rig_claims(rig_last("/key"));
    CU_ASSERT_EQUAL(strncmp(rig_text(claims, "proof"), input, strlen(input)),
                    0);
    proof = json_object_get(json_object_get(statement("key"), "claims"),
                            "proof");
    json_object_set(claims, "proof", proof);
    CU_ASSERT(json_equal(claims, json_object_get(statement("key"),
                                                 "claims")));
    json_decref(claims);
    rig_close();
    open_paired();
    rig.now_ms = RIG_NOW_MS + 3;
    CU_ASSERT_EQUAL(factor_phone_unpair(rig.phone, DEVICE), FACTOR_PHONE_OK);
    expect_sent("/unpair", "unpair");
    rig_close();
}

static void
makes_the_payload(void)
{
    const struct factor_phone_payload payload = { .issuer = RIG_ISSUER,
                                                  .client = "demo" };
    const char *input = rig_text(statement("payload"), "input");
    char *text = NULL;

    open_with_key("key");
    CU_ASSERT_EQUAL_FATAL(factor_phone_payload(rig.phone, &payload,
                                               &rig_about, &text),
                          FACTOR_PHONE_OK);
    CU_ASSERT_EQUAL(strncmp(text, input, strlen(input)), 0);
    free(text);
    rig_close();
}

/* By the host's code, which has nothing of the phone's. */
static void
verify(const char *name, const json_t *vector_of)
{
    const char *key_name = strcmp(name, "proof") == 0 ? "new_key" : "key";
    const struct jose_expect expect = { .aud = { RIG_ISSUER },
                                        .typ = "factor-phone+jwt",
                                        .now_s = 1700000000 };
    struct jose_jwks keys = { 0 };
    struct jose_key *key = NULL;
    json_t *claims = NULL;
    char *jws = NULL;

    CU_ASSERT_FATAL(asprintf(&jws, "%s.%s", rig_text(vector_of, "input"),
                             rig_text(vector_of, "signature")) > 0);
    CU_ASSERT_EQUAL_FATAL(jose_key_import(vector(key_name, "jwk"), &key,
                                          NULL), 0);
    jose_jwks_add(&keys, key, NULL);
    CU_ASSERT_EQUAL(jose_verify(jws, strlen(jws), &keys, &expect, &claims,
                                NULL), 0);
    CU_ASSERT(json_equal(claims, json_object_get(vector_of, "claims")));
    json_decref(claims);
    jose_jwks_clear(&keys);
    jose_key_free(key);
    free(jws);
}

static void
signatures_verify(void)
{
    json_t *one;
    const char *name;

    json_object_foreach(json_object_get(vectors, "statements"), name, one)
        verify(name, one);
}

static void
passcodes_agree(void)
{
    struct factor_phone_passcode passcode;
    const char *time;
    json_t *code;

    open_paired();
    json_object_foreach(json_object_get(json_object_get(vectors, "passcode"),
                                        "codes"), time, code) {
        rig.now_ms = strtoll(time, NULL, 10) * 1000;
        CU_ASSERT_EQUAL(factor_phone_passcode(rig.phone, DEVICE, &passcode),
                        FACTOR_PHONE_OK);
        CU_ASSERT_STRING_EQUAL(passcode.code, json_string_value(code));
    }
    rig_close();
}

static const struct tap_test tests[] = {
    { "keys have the document's thumbprints and check values",
      keys_have_their_thumbprints },
    { "pair is signed as in the document", makes_the_statement_of_pairing },
    { "requests and answer are signed as in the document",
      makes_the_statements_of_answering },
    { "push, key, proof and unpair are signed as in the document",
      makes_the_statements_of_changes },
    { "payload is signed as in the document", makes_the_payload },
    { "the host verifies the document's signatures", signatures_verify },
    { "passcodes are those of the document", passcodes_agree },
};

int
main(void)
{
    static const struct tap_fixture fixture = { read_vectors, drop_vectors };

    return tap_main_with("phone vectors", &fixture, tests, TAP_COUNT(tests));
}
