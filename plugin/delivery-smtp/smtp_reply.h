/* SPDX-License-Identifier: MIT */
/* plugin/delivery-smtp/smtp_reply.h - what a mail server's answer means (RFC
 * 5321, 4.2; RFC 3463): pure. */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stddef.h>
#include <stdint.h>

/* The command that was answered. */
enum smtp_stage {
    SMTP_STAGE_GREETING, /* connection, EHLO, STARTTLS */
    SMTP_STAGE_AUTH,
    SMTP_STAGE_SENDER,    /* MAIL FROM */
    SMTP_STAGE_RECIPIENT, /* RCPT TO */
    SMTP_STAGE_DATA       /* DATA, and the message itself */
};

/* The stage that a command begins; the one before for any other line. */
enum smtp_stage smtp_stage_of(const char *command, size_t len,
                              enum smtp_stage before);

/* FACTOR_DELIVERY_... for a reply line ("550 5.1.1 No such user") to the
 * command of a stage.  What is no reply is deferred. */
uint32_t smtp_verdict(enum smtp_stage stage, const char *reply);

/* The reply as a log may have it (D3): its first 80 characters, printable
 * ones, without runs of four digits and more and without words that hold an
 * "@".  size is at least 1. */
void smtp_quiet(const char *reply, char *ret_text, size_t size);

#endif
