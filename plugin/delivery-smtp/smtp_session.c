/* SPDX-License-Identifier: MIT */
/* plugin/delivery-smtp/smtp_session.c - a conversation with a mail server. */
#include "plugin/delivery-smtp/smtp_session.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/delivery-smtp/smtp_reply.h"

enum { IDLE_SECONDS = 60 }; /* servers close after some minutes */

struct smtp_session {
    const struct smtp_server *server;
    CURL *curl;
    enum smtp_stage stage;
    bool leaving;    /* QUIT was said: its answer is of no interest */
    char reply[512]; /* the last line; RFC 5321, 4.5.3.1.5 */
};

/* What one mail holds while it is sent. */
struct mail {
    struct curl_slist *fields, *recipients;
    curl_mime *mime;
};

/* --- What is said. --- */

static void
heard(struct smtp_session *session, const char *data, size_t len)
{
    const char *end = memchr(data, '\r', len);

    if (end)
        len = (size_t)(end - data);
    if (len >= sizeof(session->reply))
        len = sizeof(session->reply) - 1;
    memcpy(session->reply, data, len);
    session->reply[len] = '\0';
}

/* The only place where libcurl tells a reply's text.  What we say is looked at
 * for its verb only: it may be a password. */
static int
listen_in(CURL *curl, curl_infotype type, char *data, size_t len, void *self)
{
    struct smtp_session *session = self;

    (void)curl;
    if (type == CURLINFO_HEADER_OUT) {
        session->stage = smtp_stage_of(data, len, session->stage);
        session->leaving |= len >= 4 && memcmp(data, "QUIT", 4) == 0;
    }
    if (type == CURLINFO_HEADER_IN && !session->leaving)
        heard(session, data, len);
    return 0;
}

static size_t
drop(char *data, size_t size, size_t count, void *self)
{
    (void)data;
    (void)self;
    return size * count;
}

/* --- The session. --- */

/* What holds for all mails.  The address of the server is the operator's, so
 * it may be any; a proxy of the environment would see the codes. */
static void
set_server(struct smtp_session *session)
{
    const struct smtp_server *server = session->server;
    CURL *curl = session->curl;

    curl_easy_setopt(curl, CURLOPT_URL, server->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, listen_in);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, session);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    if (server->tls != SMTP_NO_TLS)
        curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (server->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca_file);
    if (server->username) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, server->username);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, server->password);
    }
}

struct smtp_session *
smtp_session_new(const struct smtp_server *server)
{
    struct smtp_session *session = calloc(1, sizeof(*session));

    if (!session)
        return NULL;
    session->server = server;
    session->curl = curl_easy_init();
    if (session->curl) {
        set_server(session);
        return session;
    }
    free(session);
    return NULL;
}

void
smtp_session_free(struct smtp_session *session)
{
    if (!session)
        return;
    /* Says QUIT, and nobody listens any more. */
    curl_easy_cleanup(session->curl);
    free(session);
}

/* --- One mail. --- */

static bool
append(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);

    if (longer)
        *list = longer;
    return longer != NULL;
}

static bool
add_part(curl_mime *mime, const char *text, const char *type)
{
    curl_mimepart *part = curl_mime_addpart(mime);

    return part && curl_mime_data(part, text, CURL_ZERO_TERMINATED) == 0 &&
           curl_mime_type(part, type) == 0 &&
           curl_mime_encoder(part, "quoted-printable") == 0;
}

static bool
add_logo(curl_mime *mime, const struct smtp_sender *sender)
{
    curl_mimepart *part = curl_mime_addpart(mime);
    struct curl_slist *fields = NULL;

    if (!part || !append(&fields, "Content-ID: <" SMTP_LOGO_ID ">") ||
        !append(&fields, "Content-Disposition: inline") ||
        curl_mime_headers(part, fields, 1) != 0) {
        curl_slist_free_all(fields);
        return false;
    }
    return curl_mime_data(part, sender->logo, sender->logo_len) == 0 &&
           curl_mime_type(part, "image/png") == 0 &&
           curl_mime_encoder(part, "base64") == 0;
}

/* The HTML, and the picture that it shows (RFC 2387). */
static bool
add_related(struct mail *mail, CURL *curl, const char *html,
            const struct smtp_sender *sender)
{
    curl_mime *related = curl_mime_init(curl);
    curl_mimepart *part = related ? curl_mime_addpart(mail->mime) : NULL;

    if (!part || curl_mime_subparts(part, related) != 0) {
        curl_mime_free(related);
        return false;
    }
    return curl_mime_type(part, "multipart/related") == 0 &&
           add_part(related, html, "text/html; charset=utf-8") &&
           add_logo(related, sender);
}

/* Both parts say the same: the last that a program understands is shown (RFC
 * 2046, 5.1.4). */
static bool
add_parts(struct mail *mail, CURL *curl, const char *text, const char *html,
          const struct smtp_sender *sender)
{
    mail->mime = curl_mime_init(curl);
    if (!mail->mime ||
        !add_part(mail->mime, text, "text/plain; charset=utf-8"))
        return false;
    if (html && sender->logo)
        return add_related(mail, curl, html, sender);
    return !html || add_part(mail->mime, html, "text/html; charset=utf-8");
}

static bool
add_fields(struct mail *mail, const struct factor_message *message,
           const struct smtp_sender *sender)
{
    struct smtp_headers headers;
    bool done = smtp_headers_make(&headers, message, sender);
    unsigned i;

    for (i = 0; done && i < headers.count; i++)
        done = append(&mail->fields, headers.fields[i]);
    smtp_headers_free(&headers);
    /* The library adds the boundary. */
    return done &&
           append(&mail->fields, "Content-Type: multipart/alternative");
}

static bool
set_mail(struct smtp_session *session, struct mail *mail,
         const struct factor_message *message,
         const struct smtp_sender *sender, const char *html)
{
    CURL *curl = session->curl;

    if (!add_fields(mail, message, sender) ||
        !append(&mail->recipients, message->address) ||
        !add_parts(mail, curl, message->text, html, sender))
        return false;
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, sender->address);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, mail->recipients);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, mail->fields);
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, mail->mime);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)message->timeout_ms);
    return true;
}

static void
drop_mail(struct smtp_session *session, struct mail *mail)
{
    curl_easy_setopt(session->curl, CURLOPT_MAIL_RCPT, NULL);
    curl_easy_setopt(session->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(session->curl, CURLOPT_MIMEPOST, NULL);
    curl_mime_free(mail->mime);
    curl_slist_free_all(mail->fields);
    curl_slist_free_all(mail->recipients);
}

/* --- What came of it. --- */

/* A refusal has a reply; everything else may be better later. */
static void
tell_failure(const struct smtp_session *session, CURLcode code,
             struct factor_receipt *receipt)
{
    bool replied = session->reply[0] == '4' || session->reply[0] == '5';

    receipt->result = smtp_verdict(session->stage, session->reply);
    if (replied)
        smtp_quiet(session->reply, receipt->reason, sizeof(receipt->reason));
    else
        snprintf(receipt->reason, sizeof(receipt->reason), "%s",
                 curl_easy_strerror(code));
}

/* True if a kept connection proved dead before it answered anything: nothing
 * of the mail can have been taken. */
static bool
was_stale(const struct smtp_session *session, CURLcode code)
{
    long opened = 0;

    curl_easy_getinfo(session->curl, CURLINFO_NUM_CONNECTS, &opened);
    return code != CURLE_OK && opened == 0 && session->reply[0] == '\0';
}

static CURLcode
converse(struct smtp_session *session, bool fresh)
{
    session->stage = SMTP_STAGE_GREETING;
    session->leaving = false;
    session->reply[0] = '\0';
    curl_easy_setopt(session->curl, CURLOPT_FRESH_CONNECT, (long)fresh);
    return curl_easy_perform(session->curl);
}

void
smtp_session_send(struct smtp_session *session,
                  const struct factor_message *message,
                  const struct smtp_sender *sender, const char *html,
                  struct factor_receipt *ret_receipt)
{
    struct mail mail = { .mime = NULL };
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (set_mail(session, &mail, message, sender, html)) {
        code = converse(session, false);
        if (was_stale(session, code))
            code = converse(session, true);
    }
    drop_mail(session, &mail);
    if (code != CURLE_OK) {
        tell_failure(session, code, ret_receipt);
        return;
    }
    ret_receipt->result = FACTOR_DELIVERY_SENT;
    snprintf(ret_receipt->reference, sizeof(ret_receipt->reference), "%s",
             message->id);
}
