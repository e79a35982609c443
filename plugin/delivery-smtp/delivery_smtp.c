/* SPDX-License-Identifier: MIT */
/* plugin/delivery-smtp/delivery_smtp.c - e-mail by a mail server (RFC 5321,
 * 3207, 4954, 6409).
 *
 * The connection is encrypted or there is none; a server that cannot, or whose
 * certificate is not right, gets no mail.  Sessions are kept for the next
 * mail, as many as there are workers that send at once.
 */
#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "factor/declare.h"
#include "factor/plugin.h"
#include "plugin/delivery-smtp/smtp_session.h"

enum { SESSIONS_KEPT = 8, LAYOUT_MAX = 256 * 1024 };

struct factor_delivery {
    json_t *settings; /* what server and sender point into */
    struct smtp_server server;
    struct smtp_sender sender;
    char *url;
    char *layout; /* or NULL: no HTML part */
    char *logo;   /* the sender's, or NULL */
    pthread_mutex_t mutex;
    struct smtp_session *idle[SESSIONS_KEPT];
    unsigned idle_count;
};

static const struct factor_setting *const settings[] = {
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "host",
                   .flags = FACTOR_SETTING_REQUIRED,
                   .text = "The mail server's name or address."),
    FACTOR_SETTING(.type = FACTOR_SETTING_INTEGER, .name = "port", .min = 1,
                   .max = 65535,
                   .text = "Its port; without one 465 for tls, else 587."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "security",
                   .value = "\"starttls\"",
                   .choices = FACTOR_NAMES("starttls", "tls", "none"),
                   .text = "How the connection is encrypted: STARTTLS, TLS "
                           "from its first byte, or not at all (only to this "
                           "machine)."),
    FACTOR_SETTING(.type = FACTOR_SETTING_PATH, .name = "ca_file",
                   .text = "Certificates that the server's is verified by; "
                           "without it the system's."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "username",
                   .text = "Name for AUTH; without it there is none."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "password",
                   .flags = FACTOR_SETTING_SECRET,
                   .text = "Password for AUTH."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "from",
                   .flags = FACTOR_SETTING_REQUIRED,
                   .text = "Address that mails are from."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "from_name",
                   .text = "Name that mails are from."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "reply_to",
                   .text = "Address that answers go to."),
    FACTOR_SETTING(.type = FACTOR_SETTING_STRING, .name = "hello_name",
                   .text = "Name that the daemon gives of itself; without it "
                           "the domain of \"from\"."),
    FACTOR_SETTING(.type = FACTOR_SETTING_BOOLEAN, .name = "html",
                   .value = "true",
                   .text = "Whether a mail has an HTML part beside its text."),
    FACTOR_SETTING(.type = FACTOR_SETTING_PATH, .name = "html_layout",
                   .text = "The HTML around it, with {{brand}}, {{subject}} "
                           "and {{body}}; without it the built-in one."),
    FACTOR_SETTING(.type = FACTOR_SETTING_PATH, .name = "logo",
                   .text = "Picture at the head of the HTML part ({{logo}}), a "
                           ".png file; it is sent with each mail."),
    NULL,
};

/* --- The instance. --- */

static const char *
text_of(const struct factor_delivery *self, const char *name)
{
    return json_string_value(json_object_get(self->settings, name));
}

static factor_status
wrong(struct factor_error *err, const char *text)
{
    snprintf(err->text, sizeof(err->text), "%s", text);
    return FACTOR_E_INPUT;
}

static char *
read_file(const char *name, const char *path, size_t *ret_len,
          struct factor_error *err)
{
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(LAYOUT_MAX + 1) : NULL;
    size_t len = text ? fread(text, 1, LAYOUT_MAX + 1, file) : 0;

    if (file)
        fclose(file);
    if (text && len > 0 && len <= LAYOUT_MAX) {
        text[len] = '\0';
        *ret_len = len;
        return text;
    }
    free(text);
    snprintf(err->text, sizeof(err->text),
             "%s \"%s\" cannot be read, is empty or too long", name, path);
    return NULL;
}

static factor_status
read_layout(struct factor_delivery *self, struct factor_error *err)
{
    const char *path = text_of(self, "html_layout");
    size_t len;

    if (!json_is_true(json_object_get(self->settings, "html")))
        return FACTOR_OK;
    self->layout = path ? read_file("html_layout", path, &len, err)
                        : strdup(smtp_layout);
    if (self->layout && !strstr(self->layout, "{{body}}"))
        return wrong(err, "html_layout has no {{body}}");
    return self->layout ? FACTOR_OK : path ? FACTOR_E_INPUT : FACTOR_E_NOMEM;
}

static factor_status
read_logo(struct factor_delivery *self, struct factor_error *err)
{
    static const char png[] = "\x89PNG";
    const char *path = text_of(self, "logo");

    if (!path)
        return FACTOR_OK;
    self->logo = read_file("logo", path, &self->sender.logo_len, err);
    if (!self->logo)
        return FACTOR_E_INPUT;
    self->sender.logo = self->logo;
    return strncmp(self->logo, png, 4) == 0 ? FACTOR_OK
                                            : wrong(err, "logo is no PNG file");
}

static enum smtp_tls
security_of(const char *name)
{
    if (strcmp(name, "none") == 0)
        return SMTP_NO_TLS;
    return strcmp(name, "tls") == 0 ? SMTP_TLS : SMTP_STARTTLS;
}

static bool
is_this_machine(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(host, names[i]) == 0)
            return true;
    return false;
}

/* A name or an address, and nothing that a URL or a command ends with. */
static bool
name_ok(const char *name)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:";

    return *name && name[strspn(name, good)] == '\0';
}

static factor_status
check(const struct factor_delivery *self, struct factor_error *err)
{
    const char *host = text_of(self, "host");
    const char *reply_to = text_of(self, "reply_to");

    if (!name_ok(host))
        return wrong(err, "host is no name and no address");
    if (!smtp_address_ok(self->sender.address))
        return wrong(err, "from is no e-mail address");
    if (reply_to && !smtp_address_ok(reply_to))
        return wrong(err, "reply_to is no e-mail address");
    if (!name_ok(self->sender.domain))
        return wrong(err, "hello_name is no name");
    if (!self->server.username != !self->server.password)
        return wrong(err, "username and password: both or none");
    if (self->server.tls == SMTP_NO_TLS && !is_this_machine(host))
        return wrong(err, "security \"none\": mails hold codes; only to "
                          "localhost, or use starttls or tls");
    return FACTOR_OK;
}

/* "smtp://host:port/name": libcurl takes the name for EHLO from there. */
static bool
make_url(struct factor_delivery *self)
{
    const char *host = text_of(self, "host");
    bool tls = self->server.tls == SMTP_TLS, six = strchr(host, ':') != NULL;
    json_int_t port =
        json_integer_value(json_object_get(self->settings, "port"));

    if (port == 0)
        port = tls ? 465 : 587;
    if (asprintf(&self->url, "%s://%s%s%s:%d/%s", tls ? "smtps" : "smtp",
                 six ? "[" : "", host, six ? "]" : "", (int)port,
                 self->sender.domain) < 0)
        self->url = NULL;
    self->server.url = self->url;
    return self->url != NULL;
}

static void
take_settings(struct factor_delivery *self)
{
    const char *from = text_of(self, "from"), *at = strchr(from, '@');
    const char *name = text_of(self, "hello_name");

    self->sender = (struct smtp_sender){
        .address = from,
        .name = text_of(self, "from_name"),
        .reply_to = text_of(self, "reply_to"),
        .domain = name ? name : at ? at + 1 : "",
    };
    self->server = (struct smtp_server){
        .tls = security_of(text_of(self, "security")),
        .ca_file = text_of(self, "ca_file"),
        .username = text_of(self, "username"),
        .password = text_of(self, "password"),
    };
}

static void
fini(struct factor_delivery *self)
{
    if (!self)
        return;
    while (self->idle_count > 0)
        smtp_session_free(self->idle[--self->idle_count]);
    pthread_mutex_destroy(&self->mutex);
    json_decref(self->settings);
    free(self->layout);
    free(self->logo);
    free(self->url);
    free(self);
    curl_global_cleanup();
}

static factor_status
set_up(struct factor_delivery *self, struct factor_error *err)
{
    factor_status st;

    if (!self->settings)
        return FACTOR_E_NOMEM;
    take_settings(self);
    st = check(self, err);
    if (st == FACTOR_OK)
        st = read_layout(self, err);
    if (st == FACTOR_OK)
        st = read_logo(self, err);
    return st == FACTOR_OK && !make_url(self) ? FACTOR_E_NOMEM : st;
}

static factor_status
init(const struct factor_host *host, const json_t *given,
     struct factor_delivery **ret_self, struct factor_error *err)
{
    struct factor_delivery *self = calloc(1, sizeof(*self));
    factor_status st;

    (void)host;
    if (!self)
        return FACTOR_E_NOMEM;
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
        free(self);
        return FACTOR_E_NOMEM;
    }
    pthread_mutex_init(&self->mutex, NULL);
    self->settings = json_deep_copy(given);
    st = set_up(self, err);
    if (st == FACTOR_OK)
        *ret_self = self;
    else
        fini(self);
    return st;
}

/* --- A mail. --- */

static struct smtp_session *
take_session(struct factor_delivery *self)
{
    struct smtp_session *session = NULL;

    pthread_mutex_lock(&self->mutex);
    if (self->idle_count > 0)
        session = self->idle[--self->idle_count];
    pthread_mutex_unlock(&self->mutex);
    return session ? session : smtp_session_new(&self->server);
}

static void
give_back(struct factor_delivery *self, struct smtp_session *session)
{
    bool kept;

    pthread_mutex_lock(&self->mutex);
    kept = self->idle_count < SESSIONS_KEPT;
    if (kept)
        self->idle[self->idle_count++] = session;
    pthread_mutex_unlock(&self->mutex);
    if (!kept)
        smtp_session_free(session);
}

static factor_status
refuse_address(struct factor_receipt *receipt)
{
    receipt->result = FACTOR_DELIVERY_REFUSED_ADDRESS;
    snprintf(receipt->reason, sizeof(receipt->reason),
             "not an e-mail address");
    return FACTOR_OK;
}

static factor_status
deliver(struct factor_delivery *self, const struct factor_message *message,
        struct factor_receipt *ret_receipt, struct factor_error *err)
{
    struct smtp_session *session;
    char *html = NULL;

    (void)err;
    if (!smtp_address_ok(message->address))
        return refuse_address(ret_receipt);
    if (self->layout &&
        !(html = smtp_html(self->layout, &self->sender, message)))
        return FACTOR_E_NOMEM;
    session = take_session(self);
    if (session) {
        smtp_session_send(session, message, &self->sender, html, ret_receipt);
        give_back(self, session);
    }
    if (html)
        explicit_bzero(html, strlen(html));
    free(html);
    return session ? FACTOR_OK : FACTOR_E_NOMEM;
}

static const struct factor_delivery_ops ops = {
    .struct_size = sizeof(ops),
    .flags = FACTOR_DELIVERY_PARALLEL,
    .channels = FACTOR_NAMES("email"),
    .init = init,
    .deliver = deliver,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_DELIVERY, "smtp", "1.0",
                       "E-mail by a mail server.", settings, &ops)
