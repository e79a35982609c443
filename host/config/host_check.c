/* SPDX-License-Identifier: MIT */
/* host/config/host_check.c - how the host's own settings fit together. */
#include "host/config/host_check.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "host/arena.h"
#include "host/config/address.h"
#include "host/config/host_settings.h"
#include "host/config/reference.h"
#include "host/http/forwarded.h"
#include "host/pages/colour.h"

/* What a check works on: a value of the completed tree. */
struct check {
    const struct settings_context *context;
    json_t *host;          /* the whole tree, */
    const json_t *raw;     /* and as it was written */
    json_t *object;        /* the value */
    const json_t *written; /* as it was written, or NULL */
    const char *pointer;
};

static void report(const struct check *check, const char *member,
                   bool warning, const char *format, va_list args)
    FACTOR_PRINTF(4, 0);
static void refuse(const struct check *check, const char *member,
                   const char *format, ...) FACTOR_PRINTF(3, 4);
static void warn(const struct check *check, const char *member,
                 const char *format, ...) FACTOR_PRINTF(3, 4);

static void
report(const struct check *check, const char *member, bool warning,
       const char *format, va_list args)
{
    const char *pointer =
        member ? pointer_member(check->context->arena, check->pointer, member)
               : check->pointer;
    struct origin where = origins_find(check->context->origins, pointer);

    problems_add_args(check->context->problems, warning, &where, pointer,
                      format, args);
}

static void
refuse(const struct check *check, const char *member, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(check, member, false, format, args);
    va_end(args);
}

static void
warn(const struct check *check, const char *member, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    report(check, member, true, format, args);
    va_end(args);
}

/* NULL: not given, or wrong and reported already. */
static const char *
text(const struct check *check, const char *member)
{
    return json_string_value(json_object_get(check->object, member));
}

static bool
flag(const struct check *check, const char *member)
{
    return json_is_true(json_object_get(check->object, member));
}

static bool
given(const struct check *check, const char *member)
{
    return !json_is_null(json_object_get(check->object, member));
}

/* How many elements or members. */
static size_t
count(const struct check *check, const char *member)
{
    json_t *list = json_object_get(check->object, member);

    return json_is_array(list) ? json_array_size(list) : json_object_size(list);
}

static void
fill(const struct check *check, const char *member, const char *value)
{
    if (!value ||
        json_object_set_new(check->object, member, json_string(value)) != 0)
        problems_no_memory(check->context->problems);
}

static struct check
below(const struct check *check, const char *member)
{
    struct check inner = *check;

    inner.object = json_object_get(check->object, member);
    inner.written = json_object_get(check->written, member);
    inner.pointer =
        pointer_member(check->context->arena, check->pointer, member);
    return inner;
}

static struct check
element(const struct check *check, size_t index)
{
    struct check inner = *check;

    inner.object = json_array_get(check->object, index);
    inner.written = json_array_get(check->written, index);
    inner.pointer =
        pointer_element(check->context->arena, check->pointer, index);
    return inner;
}

typedef bool text_ok_fn(const char *text);

/* Each string of a list must be of a form. */
static void
check_list(const struct check *check, const char *member, text_ok_fn *ok,
           const char *what)
{
    struct check list = below(check, member);
    struct check entry;
    const char *value;
    size_t i;

    for (i = 0; i < json_array_size(list.object); i++) {
        value = json_string_value(json_array_get(list.object, i));
        entry = element(&list, i);
        if (value && !ok(value))
            refuse(&entry, NULL, "\"%s\" is not %s", value, what);
    }
}

static void
check_one(const struct check *check, const char *member, text_ok_fn *ok,
          const char *what)
{
    const char *value = text(check, member);

    if (value && !ok(value))
        refuse(check, member, "\"%s\" is not %s", value, what);
}

/* --- server --- */

#define LISTEN_FORM "an address to listen on; write ADDRESS:PORT, [V6]:PORT "  \
                    "or unix:PATH"
#define ORIGIN_FORM "an origin; write http[s]://HOST[:PORT] and nothing more"

/* What it hands out, links and the issuer, begins with base_url. */
static void
check_tls(const struct check *check)
{
    const char *base = text(check, "base_url");
    const char *admin = text(check, "admin_listen");

    if (given(check, "admin_tls") && admin && strncmp(admin, "unix:", 5) == 0)
        refuse(check, "admin_tls", "not for \"%s\", which no network "
                                   "reaches; leave it out", admin);

    if (given(check, "tls") && base && strncmp(base, "http://", 7) == 0)
        refuse(check, "base_url", "\"%s\" is not where a listener with "
                                  "\"tls\" is reached; write https://...",
               base);
}

/* The daemon makes the socket: it goes where the daemon may write. */
static void
complete_unix_path(const struct check *check, const char *member)
{
    const char *where = text(check, member);
    const char *path;

    if (!where || strncmp(where, "unix:", 5) != 0)
        return;
    path = path_under(check->context->arena, check->context->state_directory,
                      where + 5);
    if (path)
        path = arena_format(check->context->arena, "unix:%s", path);
    fill(check, member, path);
}

static void
complete_base_url(const struct check *check)
{
    const char *where = text(check, "listen");

    if (given(check, "base_url") || !where || !address_listen_ok(where))
        return;
    if (strncmp(where, "unix:", 5) == 0 || !address_listen_is_local(where) ||
        strcmp(strrchr(where, ':'), ":0") == 0)
        refuse(check, NULL, "\"base_url\" is missing and does not follow from "
                            "\"listen\" (%s); add the URL that browsers use",
               where);
    else
        fill(check, "base_url",
             arena_format(check->context->arena, "%s://%s",
                          given(check, "tls") ? "https" : "http", where));
}

static void
warn_of_plain_http(const struct check *check, const char *member)
{
    const char *url = text(check, member);

    if (url && strncmp(url, "http://", 7) == 0 && !address_url_is_local(url))
        warn(check, member, "passcodes and cookies go over the network in "
                            "clear; use https");
}

static bool
sign_on_page_ok(const char *page)
{
    return page[0] == '/' ? page[1] != '/' : address_redirect_ok(page);
}

/* Scheme and authority, without a port that goes without saying. */
static size_t
origin_len(const char *url)
{
    const char *port = strncmp(url, "https:", 6) == 0 ? ":443" : ":80";
    size_t port_len = strlen(port), len = strcspn(url, ":");

    len += strspn(url + len, ":/");
    len += strcspn(url + len, "/?#");
    return strncmp(url + len - port_len, port, port_len) == 0 ? len - port_len
                                                              : len;
}

/* An origin and "/authenticator/": its files lie below, and beside it in
 * "/common/". */
static bool
authenticator_url_ok(const char *url)
{
    static const char path[] = "/authenticator/";
    size_t len = strlen(url), path_len = strlen(path);

    return len > path_len && strcmp(url + len - path_len, path) == 0 &&
           address_redirect_ok(url) &&
           len - path_len == strcspn(url + 8, "/") + 8 &&
           (strncmp(url, "https://", 8) == 0 || address_url_is_local(url));
}

/* M12: whatever runs in a page of base_url's origin could sign with the
 * phone's keys. */
static void
check_authenticator(const struct check *check)
{
    const char *base = text(check, "base_url");
    const char *url = text(check, "authenticator_url");

    check_one(check, "authenticator_url", authenticator_url_ok,
              "where a browser keeps keys; write https://HOST[:PORT]"
              "/authenticator/");
    if (!base || !address_origin_ok(base))
        return; /* reported already */
    if (!given(check, "authenticator_url") && address_url_is_local(base))
        fill(check, "authenticator_url",
             arena_format(check->context->arena, "%s/authenticator/", base));
    else if (url && authenticator_url_ok(url) && !address_url_is_local(base) &&
             origin_len(url) == origin_len(base) &&
             strncasecmp(url, base, origin_len(base)) == 0)
        refuse(check, "authenticator_url",
               "of the same origin as \"base_url\", whose pages could use the "
               "phone's keys; give it a host name of its own");
}

static bool
proxy_ok(const char *text)
{
    struct forwarded_proxies proxies = {.count = 0};

    return forwarded_trust(&proxies, text);
}

static void
check_server(const struct check *check)
{
    const char *admin = text(check, "admin_listen");

    check_one(check, "listen", address_listen_ok, LISTEN_FORM);
    check_one(check, "admin_listen", address_listen_ok, LISTEN_FORM);
    check_one(check, "base_url", address_origin_ok, ORIGIN_FORM);
    check_one(check, "admin_base_url", address_base_ok,
              "a URL that paths can be added to; write http[s]://HOST[:PORT] "
              "and no \"/\" at the end");
    check_one(check, "sign_on_page", sign_on_page_ok,
              "a page; write a path that begins with one \"/\", or a URL");
    if (admin && address_listen_ok(admin) && !given(check, "admin_tls") &&
        !address_listen_is_local(admin))
        warn(check, "admin_listen", "others than this machine can reach it, "
                                    "in clear; set \"admin_tls\", or listen "
                                    "on loopback or unix:PATH");
    complete_base_url(check);
    check_tls(check);
    check_authenticator(check);
    warn_of_plain_http(check, "base_url");
    complete_unix_path(check, "listen");
    complete_unix_path(check, "admin_listen");
    check_list(check, "trusted_proxies", proxy_ok,
               "an address; write 192.0.2.7, 10.0.0.0/8, 2001:db8::/32 or "
               "unix");
}

/* --- flow --- */

static void
check_flow(const struct check *check)
{
    json_int_t idle = json_integer_value(
        json_object_get(check->object, "idle_limit"));
    json_int_t absolute = json_integer_value(
        json_object_get(check->object, "absolute_limit"));

    if (idle > absolute && absolute > 0)
        refuse(check, "idle_limit", "longer than \"absolute_limit\"; lower it "
                                    "or raise that");
}

static bool
country_ok(const char *code)
{
    size_t len = code[0] == '+' ? strspn(code + 1, "0123456789") : 0;

    return len > 0 && len < 8 && code[1] != '0' && code[len + 1] == '\0';
}

static void
check_limits(const struct check *check)
{
    check_list(check, "countries", country_ok,
               "a country code; write \"+\" and digits, such as \"+49\"");
}

static void
check_outgoing(const struct check *check)
{
    check_list(check, "allowed_hosts", address_host_ok,
               "a host; write HOST or HOST:PORT");
}

static void
check_outbox(const struct check *check)
{
    json_int_t lease = json_integer_value(
        json_object_get(check->object, "lease"));
    json_int_t timeout = json_integer_value(
        json_object_get(check->object, "timeout"));

    if (timeout >= lease && lease > 0)
        refuse(check, "lease", "not longer than \"timeout\": a message under "
                               "way would be sent again; raise it");
}

/* --- brand --- */

static bool
is_picture(const char *path)
{
    size_t len = strlen(path);

    return len > 4 && (strcmp(path + len - 4, ".svg") == 0 ||
                       strcmp(path + len - 4, ".png") == 0);
}

static void
check_brand(const struct check *check)
{
    const char *accent = text(check, "accent");
    struct colour colour;
    struct palette palette;

    check_one(check, "logo", is_picture,
              "a picture; name an .svg or .png file");
    if (!accent)
        return;
    if (!colour_parse(accent, &colour))
        refuse(check, "accent", "\"%s\" is not a colour; write #RRGGBB",
               accent);
    else if (!palette_light(colour, &palette))
        refuse(check, "accent", "\"%s\" is too pale to be read on white; take "
                                "a darker one", accent);
}

/* --- texts: {"de": {"key": "text"}} --- */

static void
check_texts(const struct check *check)
{
    const char *language, *key;
    json_t *texts, *value;
    struct check inner;

    if (!json_is_object(check->object)) {
        refuse(check, NULL, "not an object; write {\"LANGUAGE\": {\"KEY\": "
                            "\"TEXT\"}}");
        return;
    }
    json_object_foreach(check->object, language, texts) {
        inner = below(check, language);
        if (!json_is_object(texts))
            refuse(&inner, NULL, "not an object; write {\"KEY\": \"TEXT\"}");
        json_object_foreach(texts, key, value)
            if (!json_is_string(value))
                refuse(&inner, key, "not a string; write the text in double "
                                    "quotes");
    }
}

/* --- policies --- */

static bool
is_configured(const struct check *check, const char *section, const char *name)
{
    return json_object_get(json_object_get(check->raw, section), name) != NULL;
}

/* Names of an object's members, ended by NULL; in the arena. */
static const char *const *
names_of(const struct check *check, json_t *object)
{
    const char **names = arena_alloc(
        check->context->arena, (json_object_size(object) + 1) * sizeof(*names));
    const char **next = names;
    const char *name;
    json_t *value;

    if (!names)
        return NULL;
    json_object_foreach(object, name, value)
        *next++ = name;
    *next = NULL;
    return names;
}

static void
refuse_name(const struct check *check, const char *member, const char *what,
            const char *name, json_t *known)
{
    const char *const *names = names_of(check, known);
    const char *meant = names ? settings_nearest(names, name) : NULL;

    if (meant)
        refuse(check, member, "there is no %s \"%s\"; did you mean \"%s\"?",
               what, name, meant);
    else
        refuse(check, member, "there is no %s \"%s\"; add it, or name one "
                              "that is there", what, name);
}

static void
check_step_adapter(const struct check *step, size_t index)
{
    const char *adapter = text(step, "adapter");

    if (!adapter)
        return;
    if (strcmp(adapter, HOST_HINT_STEP) == 0) {
        if (index > 0)
            refuse(step, "adapter", "a hint replaces the first step only; "
                                    "put it first");
    } else if (!is_configured(step, "adapters", adapter)) {
        refuse_name(step, "adapter", "adapter", adapter,
                    json_object_get(step->raw, "adapters"));
    }
}

/* Is "STEP.ATTRIBUTE" of a step before this one? */
static bool
comes_earlier(json_t *steps, size_t index, const char *source)
{
    const char *dot = strchr(source, '.');
    const char *adapter;
    size_t i;

    for (i = 0; dot && dot[1] && i < index; i++) {
        adapter = json_string_value(
            json_object_get(json_array_get(steps, i), "adapter"));
        if (adapter && strlen(adapter) == (size_t)(dot - source) &&
            strncmp(adapter, source, strlen(adapter)) == 0)
            return true;
    }
    return false;
}

/* {"value": JSON} */
static bool
is_constant(const json_t *value)
{
    return json_object_size(value) == 1 && json_object_get(value, "value");
}

static void
check_input(const struct check *steps, size_t index, const struct check *step)
{
    struct check input = below(step, "input");
    const char *name, *source;
    json_t *value;

    if (json_object_size(step->object) > 0 && !json_is_object(input.object))
        refuse(step, "input", "not an object; write {\"NAME\": "
                              "\"STEP.ATTRIBUTE\"}");
    json_object_foreach(input.object, name, value) {
        source = json_string_value(value);
        if (is_constant(value))
            continue;
        if (!source)
            refuse(&input, name, "neither STEP.ATTRIBUTE of an earlier step "
                                 "nor a constant; write {\"value\": JSON} "
                                 "for one");
        else if (!comes_earlier(steps->object, index, source))
            refuse(&input, name, "\"%s\" is of no earlier step; write "
                                 "STEP.ATTRIBUTE, where STEP is an adapter "
                                 "before this one, or {\"value\": \"%s\"} for "
                                 "a constant", source, source);
    }
}

static void
check_step(const struct check *steps, size_t index)
{
    struct check step = element(steps, index);
    json_t *require = json_object_get(step.object, "require");

    check_step_adapter(&step, index);
    if (json_object_size(step.object) > 0 && !json_is_object(require))
        refuse(&step, "require", "not an object; write {\"ATTRIBUTE\": "
                                 "VALUE}");
    check_input(steps, index, &step);
}

static void
check_policy(const struct check *policy)
{
    struct check steps = below(policy, "steps");
    size_t i;

    if (json_is_array(steps.object) && json_array_size(steps.object) == 0)
        refuse(&steps, NULL, "there are no steps; add one: a policy of none "
                             "signs anyone on");
    for (i = 0; i < json_array_size(steps.object); i++)
        check_step(&steps, i);
}

/* Two policies of one acr: which one does a client ask for? */
static void
check_acr(const struct check *policies, const char *name)
{
    json_t *policy = json_object_get(policies->object, name);
    json_t *acr = json_object_get(policy, "acr");
    struct check check = below(policies, name);
    const char *other;
    json_t *value;

    if (!json_is_string(acr))
        return;
    json_object_foreach(policies->object, other, value) {
        if (value == policy)
            return; /* told at the later of the two only */
        if (json_equal(acr, json_object_get(value, "acr")))
            refuse(&check, "acr", "the same as that of policy \"%s\"; give "
                                  "each its own", other);
    }
}

static void
check_policies(const struct check *check)
{
    struct check policy;
    const char *name;
    json_t *value;

    json_object_foreach(check->object, name, value) {
        policy = below(check, name);
        check_policy(&policy);
        check_acr(check, name);
    }
}

/* --- clients --- */

static void
check_client_policies(const struct check *client)
{
    struct check list = below(client, "policies");
    struct check entry;
    json_t *known = json_object_get(client->host, "policies");
    json_t *value;
    size_t i;

    json_array_foreach(list.object, i, value) {
        entry = element(&list, i);
        if (json_is_string(value) &&
            !json_object_get(known, json_string_value(value)))
            refuse_name(&entry, NULL, "policy", json_string_value(value),
                        known);
    }
    if (count(client, "policies") == 0 &&
        (count(client, "redirect_uris") > 0 || flag(client, "pi_flow")))
        refuse(client, NULL, "\"policies\" is empty; name the policies that "
                             "sign its users on");
}

static void
check_client_flow(const struct check *client)
{
    const char *type = text(client, "type");

    if (flag(client, "pi_flow") && type && strcmp(type, "public") == 0 &&
        count(client, "origins") == 0 && !flag(client, "native"))
        refuse(client, "pi_flow", "a public client that runs flows needs "
                                  "\"origins\" (a browser's) or \"native\": "
                                  "true (an app's)");
    if (count(client, "redirect_uris") == 0 && !flag(client, "pi_flow") &&
        count(client, "roles") == 0)
        refuse(client, NULL, "it can do nothing; add \"redirect_uris\", "
                             "\"pi_flow\": true or \"roles\"");
    if (flag(client, "native"))
        warn(client, "native", "an app that shows the sign-on itself sees "
                               "the passwords (against RFC 8252)");
}

static void
check_client_pkce(const struct check *client)
{
    const char *pkce = text(client, "pkce");

    if (pkce && strcmp(pkce, "optional") == 0)
        warn(client, "pkce", "codes can be injected (a departure from RFC "
                             "9700); use \"required\"");
}

/* "/demo/" is a page of this host, wherever base_url puts it; what runs there
 * may call as any page of the client may. */
static void
complete_redirects(const struct check *client)
{
    json_t *list = json_object_get(client->object, "redirect_uris");
    json_t *origins = json_object_get(client->object, "origins");
    const char *base = json_string_value(json_object_get(
        json_object_get(client->host, "server"), "base_url"));
    const char *uri, *origin, *whole;
    size_t i;

    if (!base || !address_origin_ok(base))
        return; /* reported already */
    origin = arena_copy_len(client->context->arena, base,
                            strcspn(base + 8, "/") + 8);
    for (i = 0; origin && i < json_array_size(list); i++) {
        uri = json_string_value(json_array_get(list, i));
        if (!uri || uri[0] != '/' || uri[1] == '/')
            continue;
        whole = arena_format(client->context->arena, "%s%s", origin, uri);
        if (!whole || json_array_set_new(list, i, json_string(whole)) != 0 ||
            json_array_append_new(origins, json_string(origin)) != 0)
            problems_no_memory(client->context->problems);
    }
}

static void
check_redirects(const struct check *client)
{
    struct check list = below(client, "redirect_uris");
    struct check entry;
    const char *uri;
    size_t i;

    complete_redirects(client);
    check_list(client, "redirect_uris", address_redirect_ok,
               "a redirect URI; write an absolute one without a fragment, or "
               "a path of this host");
    check_list(client, "origins", address_client_origin_ok, ORIGIN_FORM);
    for (i = 0; i < json_array_size(list.object); i++) {
        uri = json_string_value(json_array_get(list.object, i));
        entry = element(&list, i);
        if (uri && strncmp(uri, "http://", 7) == 0 &&
            !address_url_is_local(uri))
            warn(&entry, NULL, "codes go over the network in clear; use "
                               "https");
    }
}

/* How a client may prove itself: method, and the setting that it needs. */
static const struct {
    const char *method, *needs; /* needs: or NULL */
} methods[] = {
    {"client_secret_basic", "secret"},
    {"client_secret_post", "secret"},
    {"private_key_jwt", "jwks"},
    {"none", NULL},
};

static void
check_method(const struct check *client, const char *type)
{
    const char *member = "token_endpoint_auth_method";
    const char *method = text(client, member);
    size_t i = 0;

    if (!method)
        return;
    while (strcmp(methods[i].method, method) != 0)
        i++; /* one of its choices */
    if ((strcmp(type, "public") == 0) != !methods[i].needs)
        refuse(client, member, "\"%s\" is not for a %s client; leave it out",
               method, type);
    else if (methods[i].needs && !given(client, methods[i].needs))
        refuse(client, member, "\"%s\" needs \"%s\"; add it", method,
               methods[i].needs);
}

static const char *
usual_method(const struct check *client, const char *type)
{
    if (strcmp(type, "public") == 0)
        return "none";
    return given(client, "jwks") ? "private_key_jwt" : "client_secret_basic";
}

/* A wrong secret became null; it is there all the same. */
static bool
is_written(const struct check *client, const char *member)
{
    json_t *value = json_object_get(client->written, member);

    return value && !json_is_null(value);
}

static void
check_jwks(const struct check *check)
{
    json_t *jwks = json_object_get(check->object, "jwks");

    if (json_is_object(check->object) && jwks && !json_is_null(jwks) &&
        json_array_size(json_object_get(jwks, "keys")) == 0)
        refuse(check, "jwks", "no JWK Set; write {\"keys\": [...]}, or "
                              "{\"$file\": PATH} of one");
}

static void
check_client_proof(const struct check *client)
{
    const char *type = text(client, "type");
    bool can_prove = is_written(client, "secret") || is_written(client, "jwks");
    struct check hint = below(client, "login_hint_token");

    check_jwks(client);
    check_jwks(&hint);
    if (!type)
        return;
    if (strcmp(type, "public") == 0 && is_written(client, "secret"))
        refuse(client, "secret", "a public client keeps no secret; leave it "
                                 "out, or make its type confidential");
    if (strcmp(type, "confidential") == 0 && !can_prove)
        refuse(client, NULL, "a confidential client needs \"secret\" or "
                             "\"jwks\"; add one");
    check_method(client, type);
    if (!given(client, "token_endpoint_auth_method"))
        fill(client, "token_endpoint_auth_method", usual_method(client, type));
}

static void
check_clients(const struct check *check)
{
    struct check client;
    const char *name;
    json_t *value;

    json_object_foreach(check->object, name, value) {
        client = below(check, name);
        if (!json_is_object(value))
            continue; /* reported already */
        check_client_proof(&client);
        check_redirects(&client);
        check_client_policies(&client);
        check_client_flow(&client);
        check_client_pkce(&client);
    }
}

enum { KEYS_SECRET_LEAST = 32 };

static void
check_keys(const struct check *host)
{
    const char *secret = text(host, "keys_secret");

    if (secret && strlen(secret) < KEYS_SECRET_LEAST)
        refuse(host, "keys_secret", "it has less than %d characters; make one "
                                    "by openssl rand -base64 32",
               KEYS_SECRET_LEAST);
}

static const struct {
    const char *section;
    void (*check)(const struct check *check);
} checks[] = {
    {"server", check_server},     {"flow", check_flow},
    {"limits", check_limits},     {"outbox", check_outbox},
    {"brand", check_brand},
    {"texts", check_texts},       {"policies", check_policies},
    {"clients", check_clients},   {"outgoing", check_outgoing},
};

void
host_check(const struct settings_context *context, json_t *host,
           const json_t *raw)
{
    struct check top = {context, host, raw, host, raw, ""};
    struct check section;
    size_t i;

    check_keys(&top);
    for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        section = below(&top, checks[i].section);
        if (json_is_object(section.object) ||
            strcmp(checks[i].section, "texts") == 0)
            checks[i].check(&section);
    }
}
