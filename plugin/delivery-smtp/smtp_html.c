/* SPDX-License-Identifier: MIT */
/* plugin/delivery-smtp/smtp_html.c - the HTML part of a mail. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "plugin/delivery-smtp/smtp_mail.h"

/* Tables and inline styles: mail programs know little else.  No picture and no
 * address from outside, so that nothing is fetched when it is read. */
const char smtp_layout[] =
    "<!doctype html>\n"
    "<html><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>{{subject}}</title></head>\n"
    "<body style=\"margin:0;padding:24px 12px;background:#f2f4f7;"
    "font:16px/1.5 system-ui,'Segoe UI',Helvetica,Arial,sans-serif;"
    "color:#1b2430\">\n"
    "<table role=\"presentation\" align=\"center\" width=\"100%\""
    " style=\"max-width:480px;background:#ffffff;border-radius:12px\"><tr>"
    "<td style=\"padding:28px 32px;border-top:4px solid {{accent}};"
    "border-radius:12px\">\n"
    "{{logo}}"
    "<p style=\"margin:0 0 16px;font-weight:600;color:#1b2430\">{{brand}}</p>\n"
    "{{body}}"
    "</td></tr></table>\n"
    "</body></html>\n";

static const char paragraph[] =
    "<p style=\"margin:0 0 12px;color:#1b2430\">";
static const char accent_default[] = "#0b6b6f";
static const char picture[] =
    "<img src=\"cid:" SMTP_LOGO_ID "\" alt=\"\" height=\"32\">\n";
static const char code_begin[] =
    "<strong style=\"font:600 24px/1.6 ui-monospace,Menlo,Consolas,monospace;"
    "letter-spacing:3px\">";

static const struct {
    char c;
    const char *escaped;
} escapes[] = {
    {'&', "&amp;"},  {'<', "&lt;"},   {'>', "&gt;"},
    {'"', "&quot;"}, {'\'', "&#39;"},
};

static const char *
escape_of(char c)
{
    size_t i;

    for (i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
        if (escapes[i].c == c)
            return escapes[i].escaped;
    return NULL;
}

static void
put_escaped(FILE *to, char c)
{
    const char *escaped = escape_of(c);

    if (escaped)
        fputs(escaped, to);
    else
        fputc(c, to);
}

static void
put_text(FILE *to, const char *text)
{
    for (; text && *text; text++)
        put_escaped(to, *text);
}

/* Blank lines part paragraphs, line ends lines; the code stands out. */
static void
put_body(FILE *to, const struct factor_message *message)
{
    const char *at = message->text, *code = message->code;
    size_t code_len = code ? strlen(code) : 0;

    fputs(paragraph, to);
    while (*at) {
        if (code_len > 0 && strncmp(at, code, code_len) == 0) {
            fputs(code_begin, to);
            put_text(to, code);
            fputs("</strong>", to);
            at += code_len;
        } else if (at[0] == '\n' && at[1] == '\n') {
            fprintf(to, "</p>\n%s", paragraph);
            at += strspn(at, "\n");
        } else {
            if (*at == '\n')
                fputs("<br>", to);
            put_escaped(to, *at++);
        }
    }
    fputs("</p>\n", to);
}

/* What stands for a name of the layout. */
static void
put_variable(FILE *to, const struct factor_message *message, const char *name,
             const char *otherwise)
{
    const char *text =
        json_string_value(json_object_get(message->variables, name));

    put_text(to, text ? text : otherwise);
}

static void
put_value(FILE *to, const char *name, size_t len,
          const struct smtp_sender *sender,
          const struct factor_message *message)
{
    if (len == 4 && memcmp(name, "logo", len) == 0)
        fputs(sender && sender->logo ? picture : "", to);
    else if (len == 6 && memcmp(name, "accent", len) == 0)
        put_variable(to, message, "accent", accent_default);
    else if (len == 4 && memcmp(name, "body", len) == 0)
        put_body(to, message);
    else if (len == 7 && memcmp(name, "subject", len) == 0)
        put_text(to, message->subject);
    else if (len == 5 && memcmp(name, "brand", len) == 0)
        put_variable(to, message, "brand", NULL);
}

char *
smtp_html(const char *layout, const struct smtp_sender *sender,
          const struct factor_message *message)
{
    char *html = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&html, &size);
    const char *open, *end;

    if (!to)
        return NULL;
    while ((open = strstr(layout, "{{")) && (end = strstr(open, "}}"))) {
        fwrite(layout, 1, (size_t)(open - layout), to);
        put_value(to, open + 2, (size_t)(end - open - 2), sender, message);
        layout = end + 2;
    }
    fputs(layout, to);
    if (fclose(to) == 0)
        return html;
    free(html);
    return NULL;
}
