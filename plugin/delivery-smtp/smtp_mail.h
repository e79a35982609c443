/* SPDX-License-Identifier: MIT */
/* plugin/delivery-smtp/smtp_mail.h - a message as a mail: its header fields
 * (RFC 5322, 2047, 3834) and its HTML part.  Pure; libcurl puts the parts
 * together and encodes them. */
#ifndef SMTP_MAIL_H
#define SMTP_MAIL_H

#include <stdbool.h>

#include "factor/delivery.h"

/* Who sends.  Borrowed for the plugin's life. */
struct smtp_sender {
    const char *address;
    const char *name;     /* or NULL */
    const char *reply_to; /* or NULL */
    const char *domain;   /* of Message-ID */
    const char *logo;     /* a PNG of logo_len bytes, or NULL */
    size_t logo_len;
};

enum { SMTP_HEADERS_MAX = 8 };

/* The header fields, "Name: value" each, without line ends at their ends.
 * The library adds MIME-Version and Content-Type. */
struct smtp_headers {
    char *fields[SMTP_HEADERS_MAX];
    unsigned count;
};

/* False: no memory; free what is there all the same. */
bool smtp_headers_make(struct smtp_headers *headers,
                       const struct factor_message *message,
                       const struct smtp_sender *sender);
void smtp_headers_free(struct smtp_headers *headers);

/* An address that may stand in a command and in a header field: one "@", no
 * space, no bracket, no control character, at most 254 bytes. */
bool smtp_address_ok(const char *address);

/* The text as HTML: layout with {{subject}}, {{body}}, {{brand}}, {{accent}}
 * and {{logo}} (of the sender; NULL: none) filled in, all escaped, the code
 * made to stand out.  It holds a live code: wipe it.  Owner: caller, free().
 * NULL: no memory. */
char *smtp_html(const char *layout, const struct smtp_sender *sender,
                const struct factor_message *message);

/* How the logo is named within a mail. */
#define SMTP_LOGO_ID "logo"


/* The layout if the operator gives none. */
extern const char smtp_layout[];

#endif
