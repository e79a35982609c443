/* SPDX-License-Identifier: MIT */
/* plugin/delivery-smtp/smtp_mail.c - the header fields of a mail. */
#include "plugin/delivery-smtp/smtp_mail.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* RFC 2047: an encoded word has 75 characters at most; 45 bytes make 60 of
 * base64, and its frame 12. */
enum { WORD_BYTES = 45, WORD_SIZE = 12 + WORD_BYTES / 3 * 4 + 1 };

enum { ADDRESS_MAX = 254 }; /* RFC 5321, 4.5.3.1.3, without the brackets */

static char *
join(const char *a, const char *b, const char *c, const char *d)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + strlen(d) + 1;
    char *text = malloc(size);

    if (text)
        snprintf(text, size, "%s%s%s%s", a, b, c, d);
    return text;
}

static void
add(struct smtp_headers *headers, char *field)
{
    if (field)
        headers->fields[headers->count++] = field;
}

/* --- Values. --- */

/* Text that may stand in a header field as it is: short, printable ASCII, and
 * no encoded word by itself. */
static bool
is_plain(const char *text)
{
    const char *c;

    for (c = text; *c; c++)
        if (!isprint((unsigned char)*c))
            return false;
    return c - text <= WORD_BYTES && !strstr(text, "=?");
}

/* Bytes of text for the next word: whole characters of UTF-8. */
static size_t
word_len(const char *text)
{
    size_t len = strnlen(text, WORD_BYTES);

    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len > 0 ? len : strnlen(text, WORD_BYTES);
}

static void
put_word(FILE *to, const char *text, size_t len, bool first)
{
    char base64[WORD_SIZE];

    EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)text,
                    (int)len);
    fprintf(to, "%s=?UTF-8?B?%s?=", first ? "" : "\r\n ", base64);
}

/* In encoded words. */
static void
put_words(FILE *to, const char *text)
{
    const char *at = text;
    size_t len;

    for (; *at; at += len) {
        len = word_len(at);
        put_word(to, at, len, at == text);
    }
}

static void
put_quoted(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text; text++)
        fprintf(to, "%s%c", strchr("\"\\", *text) ? "\\" : "", *text);
    fputc('"', to);
}

/* Unstructured text of a header field, or a display name, which is quoted. */
static char *
header_text(const char *text, bool quoted)
{
    char *value = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&value, &size);

    if (!to)
        return NULL;
    if (!is_plain(text))
        put_words(to, text);
    else if (quoted)
        put_quoted(to, text);
    else
        fputs(text, to);
    if (fclose(to) == 0)
        return value;
    free(value);
    return NULL;
}

bool
smtp_address_ok(const char *address)
{
    const char *at = strchr(address, '@'), *c;

    for (c = address; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("<>,;:\"\\()", *c))
            return false;
    return at && at > address && at[1] && !strchr(at + 1, '@') &&
           c - address <= ADDRESS_MAX;
}

/* --- Fields. --- */

/* RFC 5322, 3.3, in UTC: names of days and months are English everywhere. */
static char *
date_field(int64_t now_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
                                       "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                         "May", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm = { .tm_mday = 1, .tm_year = 70 };
    char *field = NULL;

    gmtime_r(&seconds, &tm);
    if (asprintf(&field, "Date: %s, %d %s %d %02d:%02d:%02d +0000",
                 days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec) < 0)
        return NULL;
    return field;
}

static char *
from_field(const struct smtp_sender *sender)
{
    char *name = sender->name ? header_text(sender->name, true) : strdup("");
    char *address = join(name && *name ? " <" : "<", sender->address, ">", "");
    char *field = name && address ? join("From: ", name, address, "") : NULL;

    free(name);
    free(address);
    return field;
}

static char *
subject_field(const char *subject)
{
    char *text = header_text(subject ? subject : "", false);
    char *field = text ? join("Subject: ", text, "", "") : NULL;

    free(text);
    return field;
}

static char *
id_field(const char *id, const char *domain)
{
    char *right = join("@", domain, ">", "");
    char *field = right ? join("Message-ID: <", id, right, "") : NULL;

    free(right);
    return field;
}

bool
smtp_headers_make(struct smtp_headers *headers,
                  const struct factor_message *message,
                  const struct smtp_sender *sender)
{
    unsigned wanted = sender->reply_to ? 8 : 7;

    *headers = (struct smtp_headers){ .count = 0 };
    add(headers, date_field(message->now_ms));
    add(headers, from_field(sender));
    add(headers, join("To: <", message->address, ">", ""));
    if (sender->reply_to)
        add(headers, join("Reply-To: <", sender->reply_to, ">", ""));
    add(headers, subject_field(message->subject));
    add(headers, id_field(message->id, sender->domain));
    /* No answers of machines: RFC 3834, and what Exchange asks for. */
    add(headers, strdup("Auto-Submitted: auto-generated"));
    add(headers, strdup("X-Auto-Response-Suppress: All"));
    return headers->count == wanted;
}

void
smtp_headers_free(struct smtp_headers *headers)
{
    unsigned i;

    for (i = 0; i < headers->count; i++)
        free(headers->fields[i]);
    headers->count = 0;
}
