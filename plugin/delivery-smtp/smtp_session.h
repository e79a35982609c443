/* SPDX-License-Identifier: MIT */
/* plugin/delivery-smtp/smtp_session.h - connections to one mail server, by
 * libcurl, kept open for the next mail. */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include "plugin/delivery-smtp/smtp_mail.h"

enum smtp_tls { SMTP_STARTTLS, SMTP_TLS, SMTP_NO_TLS };

/* The mail server.  Borrowed as long as there are sessions. */
struct smtp_server {
    const char *url;      /* "smtp://mail.example:587/our.name" */
    enum smtp_tls tls;    /* always demanded, never tried only */
    const char *ca_file;  /* or NULL: the system's */
    const char *username; /* or NULL: no AUTH */
    const char *password;
};

struct smtp_session;

/* Alone.  NULL: no memory. */
struct smtp_session *smtp_session_new(const struct smtp_server *server);
/* NULL is allowed. */
void smtp_session_free(struct smtp_session *session);

/* Hand over one mail; html may be NULL.  Blocks up to message.timeout_ms.  One
 * mail at a time in a session. */
void smtp_session_send(struct smtp_session *session,
                       const struct factor_message *message,
                       const struct smtp_sender *sender, const char *html,
                       struct factor_receipt *ret_receipt);

#endif
