/* SPDX-License-Identifier: MIT */
/* plugin/delivery-http/delivery_http.c - messages by an HTTP gateway: SMS,
 * voice, or whatever takes a request.
 *
 * Method, URL, header fields and body are texts with {{names}} in them, whose
 * values are escaped for where they stand.  The call is made by the host, which
 * keeps the rules for calls to the outside.
 */
#include <ctype.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/declare.h"
#include "factor/plugin.h"
#include "plugin/delivery-http/http_answer.h"
#include "plugin/delivery-http/http_gateways.h"
#include "plugin/delivery-http/http_template.h"

enum { HEADERS_MAX = 24, BODY_TYPES = 4 };

struct factor_delivery {
    const struct factor_host *host;
    json_t *settings; /* with those of the gateway filled in */
    json_t *fixed;    /* values that no message changes; secrets among them */
    const struct body_type *type;
};

struct body_type {
    const char *name;
    const char *mime;
    enum http_escape escape;
};

static const struct body_type body_types[BODY_TYPES] = {
    {"form", "application/x-www-form-urlencoded",
     HTTP_ESCAPE_URL},
    {"json", "application/json", HTTP_ESCAPE_JSON},
    {"xml", "application/xml; charset=utf-8", HTTP_ESCAPE_XML},
    {"text", "text/plain; charset=utf-8", HTTP_ESCAPE_NONE},
};

static const struct factor_setting *const rule_members[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "status",
                   .text = "HTTP status: \"200\", \"4xx\", \"400-499\"."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "pointer",
                   .text = "JSON pointer into the answer (RFC 6901)."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRINGS, .name = "values",
                   .value = "[]",
                   .text = "What stands there; none: anything."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "result",
                   .flags = FACTOR_SETTING_REQUIRED,
                   .choices = FACTOR_NAMES("sent", "later", "refused_address",
                                           "refused_account"),
                   .text = "What it means."),
    NULL,
};

static const struct factor_setting *const report_members[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "pointer",
                   .flags = FACTOR_SETTING_REQUIRED,
                   .text = "JSON pointer (RFC 6901) into what it says, a form "
                           "and a query too: \"/status\"."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRINGS, .name = "values",
                   .value = "[]",
                   .text = "What stands there; none: anything."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "result",
                   .flags = FACTOR_SETTING_REQUIRED,
                   .choices = FACTOR_NAMES("delivered", "undelivered"),
                   .text = "What it means."),
    NULL,
};

/* Those without a default here may come from the gateway. */
static const struct factor_setting *const settings[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "gateway",
                   .choices = http_gateway_names,
                   .text = "A known gateway, whose settings these stand over."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "method",
                   .choices = FACTOR_NAMES("GET", "POST", "PUT"),
                   .text = "Method of the request; without it POST."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "url",
                   .text = "URL of the request, with {{names}}."),
    FACTOR_SETTING(.type = FACTOR_SETTING_MAP, .name = "headers",
                   .text = "Header fields of the request, with {{names}}."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "body_type",
                   .choices = FACTOR_NAMES("form", "json", "xml", "text"),
                   .text = "What the body is, and how values are escaped in "
                           "it; without it form."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "body",
                   .text = "Body of the request, with {{names}}."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "from",
                   .text = "Sender: a number or name that the gateway knows "
                           "({{from}})."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "username",
                   .text = "Account at the gateway ({{username}})."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "password",
                   .flags = FACTOR_SETTING_SECRET,
                   .text = "Its password, key or token ({{password}})."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "authorization",
                   .choices = FACTOR_NAMES("none", "basic", "bearer"),
                   .text = "Whether an Authorization header says username and "
                           "password, or password as a bearer token; without "
                           "it none."),
    FACTOR_SETTING(.type = FACTOR_SETTING_OBJECTS, .name = "rules",
                   .members = rule_members,
                   .text = "What answers mean; the first that fits decides."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "reference",
                   .text = "JSON pointer to the gateway's id of a message."),
    FACTOR_SETTING(.type = FACTOR_SETTING_BOOLEAN, .name = "reports",
                   .value = "false",
                   .text = "Ask the gateway to report whether a message has "
                           "arrived; it must reach server.base_url."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "report_request",
                   .text = "What asks for that, with {{report_url}}: added to "
                           "the end of the body (of a json one, before its "
                           "last brace), or of the URL if there is none."),
    FACTOR_SETTING(.type = FACTOR_SETTING_OBJECTS, .name = "report_rules",
                   .members = report_members,
                   .text = "What a report means; the first that fits "
                           "decides."),
    NULL,
};

/* --- The instance. --- */

static const struct body_type *
find_type(const char *name)
{
    size_t i;

    for (i = 0; name && i < BODY_TYPES; i++)
        if (strcmp(body_types[i].name, name) == 0)
            return &body_types[i];
    return &body_types[0];
}

static const char *
text_of(const struct factor_delivery *self, const char *name)
{
    return json_string_value(json_object_get(self->settings, name));
}

/* What is not given comes from the gateway. */
static bool
fill_in(json_t *given, const char *gateway)
{
    json_t *known = gateway ? http_gateway(gateway) : NULL, *value;
    const char *name;
    bool done = !gateway || known;

    json_object_foreach(known, name, value) {
        json_t *own = json_object_get(given, name);

        if (!own || json_is_null(own))
            done = json_object_set(given, name, value) == 0 && done;
    }
    json_decref(known);
    return done;
}

static bool
asks_reports(const struct factor_delivery *self)
{
    return json_is_true(json_object_get(self->settings, "reports"));
}

/* What asks for reports becomes a part of the request. */
static bool
add_report_request(struct factor_delivery *self)
{
    const char *part = text_of(self, "report_request");
    const char *body = text_of(self, "body"), *end;
    const char *name = body ? "body" : "url";
    const char *text = body ? body : text_of(self, "url");
    bool json = body && find_type(text_of(self, "body_type"))->escape ==
                            HTTP_ESCAPE_JSON;
    size_t len;

    if (!asks_reports(self) || !part || !text)
        return true;
    end = json ? strrchr(text, '}') : NULL;
    len = end ? (size_t)(end - text) : strlen(text);
    return json_object_set_new(self->settings, name,
                               json_sprintf("%.*s%s%s", (int)len, text, part,
                                            text + len)) == 0;
}

/* The names of values that messages bring: see fill_values(). */
static const char *const message_names[] = {
    "to", "to_digits", "text", "speech", "code",
    "subject", "id", "language", "brand", "report_url",
};

static const char *const setting_names[] = {"from", "username", "password"};

/* All values that templates may name, those of messages empty. */
static bool
make_fixed(struct factor_delivery *self)
{
    bool done = (self->fixed = json_object()) != NULL;
    size_t i;

    for (i = 0; i < sizeof(message_names) / sizeof(message_names[0]); i++)
        done = done && json_object_set_new(self->fixed, message_names[i],
                                           json_string("")) == 0;
    for (i = 0; i < sizeof(setting_names) / sizeof(setting_names[0]); i++)
        if (text_of(self, setting_names[i]))
            done = done && json_object_set(self->fixed, setting_names[i],
                                           json_object_get(self->settings,
                                                           setting_names[i])) ==
                               0;
    return done;
}

static factor_status
wrong(struct factor_error *err, const char *what, const char *how)
{
    err->code = FACTOR_E_CONFIG;
    snprintf(err->text, sizeof(err->text), "%s%s", what, how);
    return FACTOR_E_CONFIG;
}

static factor_status
check_template(const struct factor_delivery *self, const char *where,
               const char *text, struct factor_error *err)
{
    char name[64];

    if (!text || !http_unknown(text, self->fixed, name, sizeof(name)))
        return FACTOR_OK;
    err->code = FACTOR_E_CONFIG;
    snprintf(err->text, sizeof(err->text),
             "%s names {{%s}}, which is not known, or not set", where, name);
    return FACTOR_E_CONFIG;
}

static factor_status
check_headers(const struct factor_delivery *self, struct factor_error *err)
{
    json_t *headers = json_object_get(self->settings, "headers"), *value;
    factor_status st = FACTOR_OK;
    const char *name;

    if (json_object_size(headers) > HEADERS_MAX)
        return wrong(err, "headers: ", "too many");
    json_object_foreach(headers, name, value)
        if (st == FACTOR_OK)
            st = check_template(self, "headers", json_string_value(value), err);
    return st;
}

static bool
is_kind(const struct factor_delivery *self, const char *kind)
{
    const char *given = text_of(self, "authorization");

    return given && strcmp(given, kind) == 0;
}

/* Whether what the Authorization header says is there. */
static bool
is_authorized(const struct factor_delivery *self)
{
    bool user = text_of(self, "username"), word = text_of(self, "password");

    return is_kind(self, "basic") ? user && word
                                  : !is_kind(self, "bearer") || word;
}

static factor_status
check(const struct factor_delivery *self, struct factor_error *err)
{
    const char *url = text_of(self, "url"), *why;
    const char *reference = text_of(self, "reference");
    factor_status st;

    if (!url)
        return wrong(err, "url: ", "give one, or a gateway");
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return wrong(err, "url: ", "begins neither with https: nor http:");
    if (reference && *reference != '/')
        return wrong(err, "reference: ", "does not begin with \"/\"");
    if (!http_rules_ok(json_object_get(self->settings, "rules"), &why))
        return wrong(err, "rules: ", why);
    if (!http_rules_ok(json_object_get(self->settings, "report_rules"), &why))
        return wrong(err, "report_rules: ", why);
    if (asks_reports(self) && !text_of(self, "report_request"))
        return wrong(err, "reports: ", "report_request is missing");
    if (!is_authorized(self))
        return wrong(err, "authorization: ", "username or password missing");
    st = check_template(self, "url", url, err);
    if (st == FACTOR_OK)
        st = check_template(self, "body", text_of(self, "body"), err);
    return st == FACTOR_OK ? check_headers(self, err) : st;
}

static void
fini(struct factor_delivery *self)
{
    if (!self)
        return;
    json_decref(self->fixed);
    json_decref(self->settings);
    free(self);
}

static factor_status
init(const struct factor_host *host, const json_t *given,
     struct factor_delivery **ret_self, struct factor_error *err)
{
    struct factor_delivery *self = calloc(1, sizeof(*self));
    factor_status st = FACTOR_E_NOMEM;

    if (!self)
        return FACTOR_E_NOMEM;
    self->host = host;
    self->settings = json_deep_copy(given);
    if (self->settings &&
        fill_in(self->settings, text_of(self, "gateway")) &&
        add_report_request(self) && make_fixed(self))
        st = check(self, err);
    self->type = find_type(text_of(self, "body_type"));
    if (st == FACTOR_OK)
        *ret_self = self;
    else
        fini(self);
    return st;
}

/* --- The values of a message. --- */

static bool
set(json_t *values, const char *name, const char *text)
{
    return json_object_set_new(values, name, json_string(text ? text : "")) ==
           0;
}

/* Without what is no digit. */
static bool
set_digits(json_t *values, const char *name, const char *text)
{
    char digits[32];
    size_t used = 0;

    for (; *text && used + 1 < sizeof(digits); text++)
        if (isdigit((unsigned char)*text))
            digits[used++] = *text;
    digits[used] = '\0';
    return set(values, name, digits);
}

/* The text as a voice is to read it: the code digit by digit. */
static char *
make_speech(const struct factor_message *message)
{
    size_t code_len = message->code ? strlen(message->code) : 0, size = 0, i;
    char *speech = NULL;
    FILE *to = open_memstream(&speech, &size);
    const char *at;

    for (at = message->text; to && *at;)
        if (code_len > 0 && strncmp(at, message->code, code_len) == 0) {
            for (i = 0; i < code_len; i++)
                fprintf(to, "%s%c", i ? ", " : "", at[i]);
            at += code_len;
        } else {
            fputc(*at++, to);
        }
    if (!to || fclose(to) == 0)
        return speech;
    http_wipe(speech);
    return NULL;
}

static json_t *
values_of(const struct factor_delivery *self,
          const struct factor_message *message)
{
    json_t *values = json_copy(self->fixed);
    char *speech = make_speech(message);
    bool done = values && speech && set(values, "to", message->address) &&
                set_digits(values, "to_digits", message->address) &&
                set(values, "text", message->text) &&
                set(values, "speech", speech) &&
                set(values, "code", message->code) &&
                set(values, "subject", message->subject) &&
                set(values, "id", message->id) &&
                set(values, "language", message->language) &&
                set(values, "report_url", message->report_url) &&
                set(values, "brand",
                    json_string_value(
                        json_object_get(message->variables, "brand")));

    http_wipe(speech);
    if (done)
        return values;
    json_decref(values);
    return NULL;
}

/* --- The request. --- */

/* What was filled in, to be wiped. */
struct filled {
    char *url, *body;
    char *headers[HEADERS_MAX + 3]; /* Authorization, Content-Type, NULL */
    size_t header_count;
};

static void
drop(struct filled *filled)
{
    http_wipe(filled->url);
    http_wipe(filled->body);
    while (filled->header_count > 0)
        http_wipe(filled->headers[--filled->header_count]);
}

static bool
add_header(struct filled *filled, const char *name, const char *value)
{
    char *header = NULL;

    if (!value || asprintf(&header, "%s: %s", name, value) < 0)
        return false;
    filled->headers[filled->header_count++] = header;
    return true;
}

/* RFC 7617.  NULL: no memory. */
static char *
basic(const char *user, const char *password)
{
    char *pair = NULL, *value = NULL;
    int len = asprintf(&pair, "%s:%s", user, password);

    if (len < 0)
        return NULL;
    value = malloc((size_t)len * 4 / 3 + 16);
    if (value) {
        memcpy(value, "Basic ", 6);
        EVP_EncodeBlock((unsigned char *)value + 6,
                        (const unsigned char *)pair, len);
    }
    http_wipe(pair);
    return value;
}

/* RFC 6750.  NULL: no memory. */
static char *
bearer(const char *token)
{
    char *value = NULL;

    return asprintf(&value, "Bearer %s", token) < 0 ? NULL : value;
}

static bool
add_authorization(const struct factor_delivery *self, struct filled *filled)
{
    const char *password = text_of(self, "password");
    char *value;
    bool done;

    if (!is_kind(self, "basic") && !is_kind(self, "bearer"))
        return true;
    value = is_kind(self, "basic") ? basic(text_of(self, "username"), password)
                                   : bearer(password);
    done = add_header(filled, "Authorization", value);
    http_wipe(value);
    return done;
}

static bool
add_headers(const struct factor_delivery *self, const json_t *values,
            struct filled *filled)
{
    json_t *headers = json_object_get(self->settings, "headers"), *value;
    const char *name;
    char *text;
    bool done = add_authorization(self, filled);

    json_object_foreach(headers, name, value) {
        text = http_fill(json_string_value(value), HTTP_ESCAPE_HEADER, values);
        done = done && add_header(filled, name, text);
        http_wipe(text);
    }
    return done;
}

static bool
fill(const struct factor_delivery *self, const json_t *values,
     struct filled *filled)
{
    const char *body = text_of(self, "body");

    filled->url = http_fill(text_of(self, "url"), HTTP_ESCAPE_URL, values);
    if (body)
        filled->body = http_fill(body, self->type->escape, values);
    return filled->url && !filled->body == !body &&
           add_headers(self, values, filled) &&
           (!body || add_header(filled, "Content-Type", self->type->mime));
}

static factor_status
call(struct factor_delivery *self, const struct factor_message *message,
     const struct filled *filled, struct factor_receipt *ret_receipt,
     struct factor_error *err)
{
    const char *method = text_of(self, "method");
    const struct factor_http_request request = {
        .struct_size = sizeof(request),
        .method = method ? method : "POST",
        .url = filled->url,
        .headers = (const char *const *)filled->headers,
        .body = filled->body,
        .body_len = filled->body ? strlen(filled->body) : 0,
        .timeout_ms = message->timeout_ms,
    };
    struct factor_http_answer answer = { .struct_size = sizeof(answer) };
    factor_status st = self->host->http(&request, &answer, err);

    if (st != FACTOR_OK)
        return st;
    http_judge(json_object_get(self->settings, "rules"),
               text_of(self, "reference"), message, &answer, ret_receipt);
    self->host->http_release(&answer);
    return FACTOR_OK;
}

static factor_status
deliver(struct factor_delivery *self, const struct factor_message *message,
        struct factor_receipt *ret_receipt, struct factor_error *err)
{
    json_t *values = values_of(self, message);
    struct filled filled = { .header_count = 0 };
    factor_status st = FACTOR_E_NOMEM;

    if (values && fill(self, values, &filled))
        st = call(self, message, &filled, ret_receipt, err);
    drop(&filled);
    json_decref(values);
    return st;
}

static uint32_t
report(const struct factor_delivery *self, const json_t *fields,
       char ret_reason[FACTOR_REASON_SIZE])
{
    if (!asks_reports(self))
        return FACTOR_REPORT_NOTHING;
    return http_judge_report(json_object_get(self->settings, "report_rules"),
                             fields, ret_reason);
}

static const struct factor_delivery_ops ops = {
    .struct_size = sizeof(ops),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .init = init,
    .deliver = deliver,
    .fini = fini,
    .report = report,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_DELIVERY, "http", "1.0",
                       "Messages by an HTTP gateway.", settings, &ops)
