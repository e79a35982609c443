/* SPDX-License-Identifier: MIT */
/* plugin/delivery-smtp/smtp_reply.c - what a mail server's answer means. */
#include "plugin/delivery-smtp/smtp_reply.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "factor/delivery.h"

enum { QUIET_CHARS = 80, QUIET_DIGITS = 3 };

static const struct {
    const char *command;
    enum smtp_stage stage;
} commands[] = {
    {"EHLO", SMTP_STAGE_GREETING}, {"HELO", SMTP_STAGE_GREETING},
    {"STARTTLS", SMTP_STAGE_GREETING}, {"AUTH", SMTP_STAGE_AUTH},
    {"MAIL", SMTP_STAGE_SENDER},   {"RCPT", SMTP_STAGE_RECIPIENT},
    {"DATA", SMTP_STAGE_DATA},
};

/* Permanent failures by their enhanced status code: subject and detail.  The
 * first that the code begins with decides. */
static const struct {
    const char *code;
    uint32_t verdict;
} enhanced[] = {
    {"5.1.7", FACTOR_DELIVERY_REFUSED_ACCOUNT}, /* the sender's syntax */
    {"5.1.8", FACTOR_DELIVERY_REFUSED_ACCOUNT}, /* the sender's domain */
    {"5.1.", FACTOR_DELIVERY_REFUSED_ADDRESS},  /* the recipient */
    {"5.2.3", FACTOR_DELIVERY_REFUSED_ACCOUNT}, /* our message is too long */
    {"5.2.", FACTOR_DELIVERY_REFUSED_ADDRESS},  /* the mailbox */
    {"5.", FACTOR_DELIVERY_REFUSED_ACCOUNT},    /* system, protocol, policy */
};

/* And without one, by the command that was refused. */
static const uint32_t refused_at[] = {
    [SMTP_STAGE_GREETING] = FACTOR_DELIVERY_REFUSED_ACCOUNT,
    [SMTP_STAGE_AUTH] = FACTOR_DELIVERY_REFUSED_ACCOUNT,
    [SMTP_STAGE_SENDER] = FACTOR_DELIVERY_REFUSED_ACCOUNT,
    [SMTP_STAGE_RECIPIENT] = FACTOR_DELIVERY_REFUSED_ADDRESS,
    [SMTP_STAGE_DATA] = FACTOR_DELIVERY_REFUSED_ACCOUNT,
};

enum smtp_stage
smtp_stage_of(const char *command, size_t len, enum smtp_stage before)
{
    size_t i, word;

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        word = strlen(commands[i].command);
        if (len >= word &&
            strncasecmp(command, commands[i].command, word) == 0)
            return commands[i].stage;
    }
    return before;
}

/* Three digits, and a space, a hyphen or the end. */
static bool
is_reply(const char *reply)
{
    return isdigit((unsigned char)reply[0]) &&
           isdigit((unsigned char)reply[1]) &&
           isdigit((unsigned char)reply[2]) &&
           (reply[3] == ' ' || reply[3] == '-' || reply[3] == '\0');
}

uint32_t
smtp_verdict(enum smtp_stage stage, const char *reply)
{
    size_t i;

    if (!is_reply(reply) || reply[0] != '5')
        return FACTOR_DELIVERY_DEFERRED;
    for (i = 0; reply[3] && i < sizeof(enhanced) / sizeof(enhanced[0]); i++)
        if (strncmp(reply + 4, enhanced[i].code, strlen(enhanced[i].code)) ==
            0)
            return enhanced[i].verdict;
    return refused_at[stage];
}

/* How a word stands in a log, or NULL: as it is. */
static const char *
instead_of(const char *word, size_t len)
{
    size_t i, digits = 0;

    if (memchr(word, '@', len))
        return "...";
    for (i = 0; i < len; i++) {
        digits = isdigit((unsigned char)word[i]) ? digits + 1 : 0;
        if (digits > QUIET_DIGITS)
            return "...";
    }
    return NULL;
}

static size_t
append(char *text, size_t used, size_t size, const char *more, size_t len)
{
    size_t i;

    for (i = 0; i < len && used + 1 < size; i++)
        text[used++] = isprint((unsigned char)more[i]) ? more[i] : '?';
    return used;
}

void
smtp_quiet(const char *reply, char *ret_text, size_t size)
{
    size_t used = 0, len;
    const char *instead;

    if (size > QUIET_CHARS + 1)
        size = QUIET_CHARS + 1;
    while (*reply) {
        reply += strspn(reply, " \r\n\t");
        len = strcspn(reply, " \r\n\t");
        if (len > 0 && used > 0)
            used = append(ret_text, used, size, " ", 1);
        instead = instead_of(reply, len);
        used = append(ret_text, used, size, instead ? instead : reply,
                      instead ? strlen(instead) : len);
        reply += len;
    }
    ret_text[used] = '\0';
}
