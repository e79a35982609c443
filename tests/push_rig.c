/* SPDX-License-Identifier: MIT */
/* tests/push_rig.c - a host for push plugins. */
#include "tests/push_rig.h"

#include <ctype.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

enum { CALLS_MAX = 64, P256_LEN = 32 };

struct answer {
    factor_status failure; /* or 0 */
    uint32_t status;
    int64_t retry_after_ms;
    char *text; /* body, or of the failure */
};

static const struct factor_plugin *plugin;
static struct push_call calls[CALLS_MAX];
static struct answer answers[CALLS_MAX];
static size_t call_count, answer_count, answer_next, unreleased;
static unsigned signed_count;
static json_t *variables;
static void (*meanwhile)(void *context);
static void *meanwhile_context;

/* What the tests rely on goes without saying in them. */
static void *
must(void *pointer)
{
    if (!pointer)
        abort();
    return pointer;
}

/* --- base64url --- */

char *
push_encode(const void *bytes, size_t len)
{
    char *text = must(malloc(len / 3 * 4 + 5)), *c;

    EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
    for (c = text; *c && *c != '='; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    *c = '\0';
    return text;
}

uint8_t *
push_decode(const char *text, size_t *ret_len)
{
    size_t len = strlen(text), pad = (4 - len % 4) % 4, i;
    char *plain = must(malloc(len + pad + 1));
    uint8_t *bytes = must(malloc(len + 4));

    for (i = 0; i < len; i++)
        plain[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    memset(plain + len, '=', pad);
    if (EVP_DecodeBlock(bytes, (unsigned char *)plain, (int)(len + pad)) < 0)
        abort();
    free(plain);
    *ret_len = (len + pad) / 4 * 3 - pad;
    return bytes;
}

/* --- Keys --- */

EVP_PKEY *
push_new_key(const char *type)
{
    return must(strcmp(type, "RSA") == 0
                    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
}

char *
push_pem(EVP_PKEY *key)
{
    BIO *bio = must(BIO_new(BIO_s_mem()));
    char *data, *pem;
    long len;

    if (!PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        abort();
    len = BIO_get_mem_data(bio, &data);
    pem = must(strndup(data, (size_t)len));
    BIO_free(bio);
    return pem;
}

/* --- Statements --- */

static char *
encode_json(const json_t *json)
{
    char *text = must(json_dumps(json, JSON_COMPACT));
    char *encoded = push_encode(text, strlen(text));

    free(text);
    return encoded;
}

/* ECDSA's two numbers, which libcrypto has in DER and JWS side by side. */
static void
der_to_raw(const uint8_t *der, size_t len, uint8_t *ret_raw)
{
    const uint8_t *at = der;
    ECDSA_SIG *sig = must(d2i_ECDSA_SIG(NULL, &at, (long)len));

    BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_raw, P256_LEN);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_raw + P256_LEN, P256_LEN);
    ECDSA_SIG_free(sig);
}

static uint8_t *
raw_to_der(const uint8_t *raw, size_t *ret_len)
{
    ECDSA_SIG *sig = must(ECDSA_SIG_new());
    uint8_t *der = NULL;

    ECDSA_SIG_set0(sig, BN_bin2bn(raw, P256_LEN, NULL),
                   BN_bin2bn(raw + P256_LEN, P256_LEN, NULL));
    *ret_len = (size_t)i2d_ECDSA_SIG(sig, &der);
    ECDSA_SIG_free(sig);
    return must(der);
}

static char *
sign_text(EVP_PKEY *key, const char *text)
{
    EVP_MD_CTX *ctx = must(EVP_MD_CTX_new());
    uint8_t sig[512], raw[2 * P256_LEN];
    size_t len = sizeof(sig);

    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) <= 0 ||
        EVP_DigestSign(ctx, sig, &len, (const uint8_t *)text,
                       strlen(text)) <= 0)
        abort();
    EVP_MD_CTX_free(ctx);
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
        return push_encode(sig, len);
    der_to_raw(sig, len, raw);
    return push_encode(raw, sizeof(raw));
}

static factor_status
host_jws_sign(const char *pem, const json_t *header, const json_t *claims,
              char **ret_statement)
{
    BIO *bio = must(BIO_new_mem_buf(pem, -1));
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    json_t *whole = must(json_deep_copy(header));
    char *parts[3], *text = NULL;

    BIO_free(bio);
    if (!key) {
        json_decref(whole);
        return FACTOR_E_CONFIG;
    }
    json_object_set_new(
        whole, "alg",
        json_string(EVP_PKEY_get_base_id(key) == EVP_PKEY_EC ? "ES256"
                                                             : "RS256"));
    parts[0] = encode_json(whole);
    parts[1] = encode_json(claims);
    if (asprintf(&text, "%s.%s", parts[0], parts[1]) < 0)
        abort();
    parts[2] = sign_text(key, text);
    if (asprintf(ret_statement, "%s.%s", text, parts[2]) < 0)
        abort();
    signed_count++;
    free(parts[0]);
    free(parts[1]);
    free(parts[2]);
    free(text);
    json_decref(whole);
    EVP_PKEY_free(key);
    return FACTOR_OK;
}

static bool
signature_fits(EVP_PKEY *key, const char *text, size_t len,
               const char *signature)
{
    EVP_MD_CTX *ctx = must(EVP_MD_CTX_new());
    size_t sig_len;
    uint8_t *sig = push_decode(signature, &sig_len), *der = NULL;
    bool fits = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) > 0;

    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        fits = fits && sig_len == 2 * P256_LEN;
        der = fits ? raw_to_der(sig, &sig_len) : NULL;
    }
    fits = fits && EVP_DigestVerify(ctx, der ? der : sig, sig_len,
                                    (const uint8_t *)text, len) > 0;
    OPENSSL_free(der);
    free(sig);
    EVP_MD_CTX_free(ctx);
    return fits;
}

static json_t *
decode_json(const char *text, size_t len)
{
    char *part = must(strndup(text, len));
    size_t bytes_len;
    uint8_t *bytes = push_decode(part, &bytes_len);
    json_t *json = json_loadb((const char *)bytes, bytes_len, 0, NULL);

    free(part);
    free(bytes);
    return json;
}

json_t *
push_verify(const char *statement, EVP_PKEY *key, json_t **ret_head)
{
    const char *dot = strchr(statement, '.');
    const char *end = dot ? strchr(dot + 1, '.') : NULL;
    json_t *head, *claims = NULL;

    if (!end ||
        !signature_fits(key, statement, (size_t)(end - statement), end + 1))
        return NULL;
    head = decode_json(statement, (size_t)(dot - statement));
    if (push_says(head, "alg",
                  EVP_PKEY_get_base_id(key) == EVP_PKEY_EC ? "ES256"
                                                           : "RS256"))
        claims = decode_json(dot + 1, (size_t)(end - dot - 1));
    if (ret_head && claims)
        *ret_head = json_incref(head);
    json_decref(head);
    return claims;
}

unsigned
push_signed(void)
{
    return signed_count;
}

bool
push_says(const json_t *object, const char *member, const char *text)
{
    const char *found = json_string_value(json_object_get(object, member));

    return found && strcmp(found, text) == 0;
}

/* --- HTTP --- */

static json_t *
copy_headers(const char *const *headers)
{
    json_t *copy = must(json_object());
    const char *colon;
    char *name, *c;

    for (; headers && *headers; headers++) {
        colon = must(strchr(*headers, ':'));
        name = must(strndup(*headers, (size_t)(colon - *headers)));
        for (c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        colon += 1 + strspn(colon + 1, " ");
        CU_ASSERT_PTR_NULL(json_object_get(copy, name)); /* none twice */
        json_object_set_new(copy, name, must(json_string(colon)));
        free(name);
    }
    return copy;
}

static void
take_down(const struct factor_http_request *request)
{
    struct push_call *call = &calls[call_count];

    if (call_count == CALLS_MAX)
        abort();
    call_count++;
    call->flags = request->flags;
    call->timeout_ms = request->timeout_ms;
    call->method = must(strdup(request->method));
    call->url = must(strdup(request->url));
    call->headers = copy_headers(request->headers);
    call->body_len = request->body_len;
    call->body = must(calloc(1, request->body_len + 1));
    memcpy(call->body, request->body, request->body_len);
}

static const struct answer *
next_answer(const struct factor_http_request *request)
{
    void (*run)(void *context) = meanwhile;

    meanwhile = NULL;
    if (run)
        run(meanwhile_context);
    if (answer_next == answer_count) {
        tap_note("no answer for %s", request->url);
        abort();
    }
    return &answers[answer_next++];
}

static factor_status
host_http(const struct factor_http_request *request,
          struct factor_http_answer *ret_answer, struct factor_error *err)
{
    const struct answer *answer;

    CU_ASSERT_EQUAL(request->struct_size, sizeof(*request));
    CU_ASSERT_EQUAL(ret_answer->struct_size, sizeof(*ret_answer));
    take_down(request);
    answer = next_answer(request);
    if (answer->failure) {
        snprintf(err->text, sizeof(err->text), "%s", answer->text);
        return answer->failure;
    }
    ret_answer->status = answer->status;
    ret_answer->retry_after_ms = answer->retry_after_ms;
    ret_answer->held = must(strdup(answer->text));
    ret_answer->body = ret_answer->held;
    ret_answer->body_len = strlen(answer->text);
    unreleased++;
    return FACTOR_OK;
}

static void
host_http_release(struct factor_http_answer *answer)
{
    if (answer->held)
        unreleased--;
    free(answer->held);
    memset(answer, 0, sizeof(*answer));
}

static void
lay_ready(struct answer answer, const char *text)
{
    if (answer_count == CALLS_MAX)
        abort();
    answer.text = must(strdup(text));
    answers[answer_count++] = answer;
}

void
push_answer(uint32_t status, int64_t retry_after_ms, const char *body)
{
    lay_ready((struct answer){ .status = status,
                               .retry_after_ms = retry_after_ms },
              body);
}

void
push_fail(factor_status status, const char *text)
{
    lay_ready((struct answer){ .failure = status }, text);
}

void
push_meanwhile(void (*run)(void *context), void *context)
{
    meanwhile = run;
    meanwhile_context = context;
}

size_t
push_count(void)
{
    return call_count;
}

const struct push_call *
push_call(size_t n)
{
    CU_ASSERT_TRUE_FATAL(n < call_count);
    return &calls[n];
}

const char *
push_header(size_t n, const char *name)
{
    const char *value =
        json_string_value(json_object_get(push_call(n)->headers, name));

    return value ? value : "";
}

json_t *
push_body(size_t n)
{
    json_t *json = json_loadb(push_call(n)->body, push_call(n)->body_len, 0,
                              NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    return json;
}

void
push_forget(void)
{
    size_t i;

    for (i = 0; i < call_count; i++) {
        free(calls[i].method);
        free(calls[i].url);
        free(calls[i].body);
        json_decref(calls[i].headers);
    }
    for (i = 0; i < answer_count; i++)
        free(answers[i].text);
    call_count = answer_count = answer_next = 0;
    CU_ASSERT_EQUAL(unreleased, 0);
}

/* --- The plugin --- */

__attribute__((format(printf, 3, 4))) static void
host_log(const char *name, int level, const char *format, ...)
{
    (void)name;
    (void)level;
    (void)format;
}

static const struct factor_host host = {
    .struct_size = sizeof(host),
    .abi_minor = FACTOR_ABI_MINOR,
    .log = host_log,
    .base_url = "https://sso.example.org",
    .environment = "e4c4d7a0-0000-4000-8000-000000000001",
    .jws_sign = host_jws_sign,
    .http = host_http,
    .http_release = host_http_release,
};

int
push_load(const char *name)
{
    const char *built = getenv("FACTOR_BUILDDIR");
    struct factor_error err = { 0 };
    char path[4096];

    snprintf(path, sizeof(path), "%s/.libs/%s.so", built ? built : ".", name);
    plugin = factor_test_load(path, &err);
    if (!plugin)
        tap_note("%s", err.text);
    variables = must(json_pack("{s:s, s:s}", "device", PUSH_DEVICE, "client",
                               "Demo app"));
    return plugin ? 0 : -1;
}

int
push_unload(void)
{
    json_decref(variables);
    variables = NULL;
    return 0;
}

const struct factor_delivery_ops *
push_ops(void)
{
    return plugin->ops;
}

/* As the host gives it to init(); durations are in whole seconds here. */
static json_t *
default_of(const struct factor_setting *setting)
{
    json_t *value = setting->value
                        ? json_loads(setting->value, JSON_DECODE_ANY, NULL)
                        : json_null();
    json_int_t seconds;

    if (setting->type != FACTOR_SETTING_DURATION)
        return value;
    seconds = strtoll(json_string_value(value), NULL, 10);
    json_decref(value);
    return json_integer(seconds * 1000);
}

static json_t *
complete(json_t *settings)
{
    const struct factor_setting *const *setting = plugin->settings;

    for (; *setting; setting++)
        if (!json_object_get(settings, (*setting)->name))
            json_object_set_new(settings, (*setting)->name,
                                default_of(*setting));
    return settings;
}

struct factor_delivery *
push_open(json_t *settings, struct factor_error *err)
{
    struct factor_delivery *self = NULL;

    complete(must(settings));
    err->code = push_ops()->init(&host, settings, &self, err);
    CU_ASSERT_EQUAL(!err->code, !!self);
    json_decref(settings);
    return self;
}

struct factor_delivery *
push_must_open(json_t *settings)
{
    struct factor_error err = { 0 };
    struct factor_delivery *self = push_open(settings, &err);

    if (!self)
        tap_note("%s", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self);
    return self;
}

void
push_close(struct factor_delivery *self)
{
    push_ops()->fini(self);
    push_forget();
}

/* --- Messages --- */

struct factor_message
push_message(const char *address)
{
    return (struct factor_message){
        .struct_size = sizeof(struct factor_message),
        .attempt = 1,
        .id = PUSH_MESSAGE,
        .channel = "push",
        .address = address,
        .template_id = "mfa.push",
        .language = "de",
        .text = "Anmeldung best\xc3\xa4tigen?",
        .variables = variables,
        .now_ms = PUSH_NOW_MS,
        .timeout_ms = 6000,
        .expires_at_ms = PUSH_NOW_MS + 40000,
    };
}

struct factor_receipt
push_deliver(struct factor_delivery *self,
             const struct factor_message *message)
{
    struct factor_receipt receipt = { .struct_size = sizeof(receipt) };
    struct factor_error err = { 0 };
    char scope[FACTOR_SCOPE_SIZE] = "";

    CU_ASSERT_EQUAL(push_ops()->deliver(self, message, &receipt, &err),
                    FACTOR_OK);
    CU_ASSERT_EQUAL(unreleased, 0);
    /* What it says beforehand is what it then does. */
    CU_ASSERT_EQUAL(push_ops()->scope(self, message->address, scope) ==
                        FACTOR_DELIVERY_NOT_MINE,
                    receipt.result == FACTOR_DELIVERY_NOT_MINE);
    return receipt;
}

factor_status
push_deliver_fails(struct factor_delivery *self,
                   const struct factor_message *message,
                   struct factor_error *ret_err)
{
    struct factor_receipt receipt = { .struct_size = sizeof(receipt) };
    factor_status status;

    *ret_err = (struct factor_error){ 0 };
    status = push_ops()->deliver(self, message, &receipt, ret_err);
    CU_ASSERT_NOT_EQUAL(status, FACTOR_OK);
    CU_ASSERT_EQUAL(unreleased, 0);
    return status;
}

struct factor_receipt
push_result(struct factor_delivery *self, const struct factor_message *message,
            uint32_t status, const char *body)
{
    push_answer(status, 0, body);
    return push_deliver(self, message);
}
