/* SPDX-License-Identifier: MIT */
/* tests/test_delivery_smtp.c - mails: header fields, HTML, and what replies
 * mean.  The conversation is tested by tests/http/smtp.test.mjs. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/delivery-smtp/smtp_mail.h"
#include "plugin/delivery-smtp/smtp_reply.h"
#include "tests/tap.h"

static const struct smtp_sender sender = {
    .address = "codes@acme.test",
    .domain = "acme.test",
};

static struct factor_message
message_of(const char *subject, const char *text)
{
    return (struct factor_message){
        .struct_size = sizeof(struct factor_message),
        .id = "m-1",
        .address = "joe@example.test",
        .subject = subject,
        .text = text,
        .code = "483920",
        .now_ms = INT64_C(1772323199999), /* 28 February 2026, 23:59:59 */
    };
}

static const char *
field(const struct smtp_headers *headers, const char *name)
{
    size_t len = strlen(name);
    unsigned i;

    for (i = 0; i < headers->count; i++)
        if (strncmp(headers->fields[i], name, len) == 0)
            return headers->fields[i] + len;
    return "";
}

/* --- Header fields. --- */

static void
fields_of_a_mail(void)
{
    struct factor_message message = message_of("Your code", "x");
    struct smtp_sender named = sender;
    struct smtp_headers headers;

    named.name = "Acme \"Sign-on\"";
    named.reply_to = "help@acme.test";
    CU_ASSERT_TRUE(smtp_headers_make(&headers, &message, &named));
    CU_ASSERT_STRING_EQUAL(field(&headers, "Date: "),
                           "Sat, 28 Feb 2026 23:59:59 +0000");
    CU_ASSERT_STRING_EQUAL(field(&headers, "From: "),
                           "\"Acme \\\"Sign-on\\\"\" <codes@acme.test>");
    CU_ASSERT_STRING_EQUAL(field(&headers, "To: "), "<joe@example.test>");
    CU_ASSERT_STRING_EQUAL(field(&headers, "Reply-To: "),
                           "<help@acme.test>");
    CU_ASSERT_STRING_EQUAL(field(&headers, "Subject: "), "Your code");
    CU_ASSERT_STRING_EQUAL(field(&headers, "Message-ID: "),
                           "<m-1@acme.test>");
    CU_ASSERT_STRING_EQUAL(field(&headers, "Auto-Submitted: "),
                           "auto-generated");
    smtp_headers_free(&headers);
}

static void
no_field_is_smuggled_in(void)
{
    struct factor_message message =
        message_of("Code\r\nBcc: all@acme.test", "x");
    struct smtp_sender named = sender;
    struct smtp_headers headers;
    unsigned i;

    named.name = "Acme\nX: y";
    CU_ASSERT_TRUE(smtp_headers_make(&headers, &message, &named));
    CU_ASSERT_EQUAL(strncmp(field(&headers, "Subject: "), "=?UTF-8?B?", 10),
                    0);
    for (i = 0; i < headers.count; i++)
        CU_ASSERT_PTR_NULL(strchr(headers.fields[i], '\n'));
    smtp_headers_free(&headers);
}

/* Any length, so that a character falls on every place of a word's end: no
 * word is too long, and none ends within a character. */
static void
words_hold_whole_characters(void)
{
    char subject[256];
    struct smtp_headers headers;
    size_t length, used;
    const char *at, *end;

    for (length = 1; length < 60; length++) {
        used = (size_t)snprintf(subject, sizeof(subject), "%.*s",
                                (int)(length % 4), "aaa");
        while (used < 3 * length)
            used += (size_t)snprintf(subject + used, sizeof(subject) - used,
                                     "株");
        struct factor_message message = message_of(subject, "x");
        CU_ASSERT_TRUE(smtp_headers_make(&headers, &message, &sender));
        for (at = field(&headers, "Subject: "); *at; at = end + 2) {
            at += strspn(at, "\r\n ");
            end = strstr(at + strlen("=?UTF-8?B?"), "?=");
            CU_ASSERT_TRUE_FATAL(end && end + 2 - at <= 75);
            /* A word of whole three-byte characters and some ASCII. */
            CU_ASSERT_EQUAL((end - at - 10) % 4, 0);
        }
        smtp_headers_free(&headers);
    }
}

/* --- HTML. --- */

static void
html_escapes_all(void)
{
    struct factor_message message =
        message_of("<s>", "Dear <b> & 'c',\n\ncode 483920.\nNext\n");
    json_t *variables = json_pack("{s:s}", "brand", "\"A\"");
    char *html;

    message.variables = variables;
    html = smtp_html("{{brand}}|{{subject}}|{{no}}|{{body}}|{{", NULL,
                     &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(html);
    CU_ASSERT_EQUAL(strncmp(html, "&quot;A&quot;|&lt;s&gt;||<p", 27), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(html, "Dear &lt;b&gt; &amp; &#39;c&#39;,"));
    CU_ASSERT_PTR_NOT_NULL(strstr(html, ">483920</strong>.<br>\nNext"));
    CU_ASSERT_STRING_EQUAL(html + strlen(html) - 3, "|{{");
    free(html);
    json_decref(variables);
}

static void
html_has_accent_and_logo(void)
{
    static const char layout[] = "{{accent}}|{{logo}}|{{body}}";
    const struct smtp_sender with = {.logo = "\x89PNG", .logo_len = 4};
    const struct smtp_sender without = {.logo = NULL};
    struct factor_message message = message_of(NULL, "x");
    json_t *variables = json_pack("{s:s}", "accent", "#7a\"1fa2");
    char *html;

    html = smtp_html(layout, &without, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(html);
    CU_ASSERT_EQUAL(strncmp(html, "#0b6b6f||<p", 11), 0);
    free(html);
    message.variables = variables;
    html = smtp_html(layout, &with, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(html);
    CU_ASSERT_EQUAL(strncmp(html, "#7a&quot;1fa2|<img src=\"cid:logo\"", 33),
                    0);
    free(html);
    json_decref(variables);
}

static void
html_without_a_code(void)
{
    struct factor_message message = message_of(NULL, "A device was added.");
    char *html;

    message.code = NULL;
    html = smtp_html(smtp_layout, NULL, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(html);
    CU_ASSERT_PTR_NOT_NULL(strstr(html, ">A device was added.</p>"));
    CU_ASSERT_PTR_NULL(strstr(html, "<strong"));
    CU_ASSERT_PTR_NULL(strstr(html, "{{"));
    free(html);
}

/* --- Replies. --- */

static void
commands_begin_stages(void)
{
    CU_ASSERT_EQUAL(smtp_stage_of("RCPT TO:<x>", 11, SMTP_STAGE_SENDER),
                    SMTP_STAGE_RECIPIENT);
    CU_ASSERT_EQUAL(smtp_stage_of("c2VjcmV0", 8, SMTP_STAGE_AUTH),
                    SMTP_STAGE_AUTH);
    CU_ASSERT_EQUAL(smtp_stage_of("RC", 2, SMTP_STAGE_SENDER),
                    SMTP_STAGE_SENDER);
}

static void
replies_are_judged(void)
{
    static const struct {
        enum smtp_stage stage;
        const char *reply;
        uint32_t verdict;
    } cases[] = {
        {SMTP_STAGE_RECIPIENT, "550 No such user",
         FACTOR_DELIVERY_REFUSED_ADDRESS},
        {SMTP_STAGE_RECIPIENT, "550", FACTOR_DELIVERY_REFUSED_ADDRESS},
        {SMTP_STAGE_RECIPIENT, "550 5.7.1 Policy",
         FACTOR_DELIVERY_REFUSED_ACCOUNT},
        {SMTP_STAGE_DATA, "550 5.1.1 Unknown",
         FACTOR_DELIVERY_REFUSED_ADDRESS},
        {SMTP_STAGE_SENDER, "553 5.1.8 Sender",
         FACTOR_DELIVERY_REFUSED_ACCOUNT},
        {SMTP_STAGE_DATA, "552 5.2.3 Too long",
         FACTOR_DELIVERY_REFUSED_ACCOUNT},
        {SMTP_STAGE_GREETING, "554 Go away",
         FACTOR_DELIVERY_REFUSED_ACCOUNT},
        {SMTP_STAGE_RECIPIENT, "451 4.7.1 Greylisted",
         FACTOR_DELIVERY_DEFERRED},
        {SMTP_STAGE_RECIPIENT, "", FACTOR_DELIVERY_DEFERRED},
        {SMTP_STAGE_RECIPIENT, "5", FACTOR_DELIVERY_DEFERRED},
        {SMTP_STAGE_RECIPIENT, "5500 x", FACTOR_DELIVERY_DEFERRED},
    };
    size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++)
        CU_ASSERT_EQUAL(smtp_verdict(cases[i].stage, cases[i].reply),
                        cases[i].verdict);
}

static void
logs_get_little(void)
{
    char text[160], small[8];

    smtp_quiet("550 5.1.1 <joe@x.test>: 483920 is\x1b no\r\n", text,
               sizeof(text));
    CU_ASSERT_STRING_EQUAL(text, "550 5.1.1 ... ... is? no");
    memset(text, 'x', sizeof(text));
    text[159] = '\0';
    smtp_quiet("550 a a a a a a a a a a a a a a a a a a a a a a a a a a a a a"
               " a a a a a a a a a a a a a a a a a a a a a",
               text, sizeof(text));
    CU_ASSERT_EQUAL(strlen(text), 80);
    smtp_quiet("550 Not here", small, sizeof(small));
    CU_ASSERT_STRING_EQUAL(small, "550 Not");
}

static const struct tap_test tests[] = {
    {"a mail has the fields that it needs", fields_of_a_mail},
    {"no field is smuggled in", no_field_is_smuggled_in},
    {"encoded words hold whole characters", words_hold_whole_characters},
    {"HTML escapes all", html_escapes_all},
    {"HTML has the accent and the logo", html_has_accent_and_logo},
    {"HTML of a message without a code", html_without_a_code},
    {"commands begin stages", commands_begin_stages},
    {"replies are judged by enhanced code, else by stage",
     replies_are_judged},
    {"a log gets no address and no code", logs_get_little},
};

int
main(void)
{
    return tap_main("delivery smtp", tests, TAP_COUNT(tests));
}
