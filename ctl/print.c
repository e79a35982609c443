/* SPDX-License-Identifier: MIT */
/* ctl/print.c - answers of the daemon as text for a terminal. */
#include "ctl/print.h"

#include <qrencode.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *
text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static json_int_t
number_of(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

void
print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
}

/* One of the details, or NULL where there are none. */
static void
print_detail(const json_t *body, const json_t *detail)
{
    const char *reason = text_of(detail, "message");
    const char *target = text_of(detail, "target");

    if (!reason[0])
        reason = text_of(body, "error");
    if (!reason[0])
        reason = text_of(body, "message");
    fprintf(stderr, "factorctl: %s%s%s%s\n", reason, target[0] ? " (" : "",
            target, target[0] ? ")" : "");
}

void
print_refusal(const json_t *body)
{
    const json_t *details = json_object_get(body, "details");
    size_t i;

    if (json_array_size(details) == 0)
        print_detail(body, NULL);
    for (i = 0; i < json_array_size(details); i++)
        print_detail(body, json_array_get(details, i));
}

void
print_user(const json_t *user)
{
    printf("%s  %-24s %s%s\n", text_of(user, "id"), text_of(user, "username"),
           json_is_true(json_object_get(user, "enabled")) ? "enabled"
                                                          : "disabled",
           json_is_true(json_object_get(user, "mfaEnabled"))
               ? ""
               : ", no second factor");
}

static void
time_text(json_int_t at_ms, char *text, size_t size)
{
    time_t at = (time_t)(at_ms / 1000);
    struct tm local;

    text[0] = '\0';
    if (at_ms > 0 && localtime_r(&at, &local))
        strftime(text, size, "%Y-%m-%d %H:%M:%S", &local);
}

void
print_template(const json_t *template)
{
    const json_t *language;
    size_t i;

    printf("%-24s %-6s", text_of(template, "template"),
           text_of(template, "channel"));
    json_array_foreach(json_object_get(template, "languages"), i, language)
        printf(" %s", json_string_value(language));
    putchar('\n');
}

void
print_rendered(const json_t *message)
{
    printf("--- %s, %s\n", text_of(message, "channel"),
           text_of(message, "language"));
    if (json_is_string(json_object_get(message, "subject")))
        printf("Subject: %s\n\n", text_of(message, "subject"));
    printf("%s\n\n", text_of(message, "text"));
}

static void
print_more(const char *before, const json_t *object, const char *member)
{
    if (json_is_string(json_object_get(object, member)))
        printf("%s%s", before, text_of(object, member));
}

void
print_message(const json_t *message)
{
    char due[32];

    time_text(number_of(message, "dueAt"), due, sizeof(due));
    printf("%s  %-9s %-6s %-16s %-24s tries %lld%s%s",
           text_of(message, "id"), text_of(message, "state"),
           text_of(message, "channel"), text_of(message, "template"),
           text_of(message, "to"), (long long)number_of(message, "attempt"),
           due[0] ? ", due " : "", due);
    print_more(", by ", message, "backend");
    print_more(", there ", message, "reference");
    print_more(": ", message, "reason");
    putchar('\n');
}

json_int_t
print_failed(const json_t *answer)
{
    const json_t *failed = json_object_get(answer, "failed");
    json_t *line;
    size_t i;

    json_array_foreach(failed, i, line)
        fprintf(stderr, "factorctl: line %lld: %s\n",
                (long long)number_of(line, "line"), text_of(line, "error"));
    return (json_int_t)json_array_size(failed);
}

static int
dark(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return 0;
    return code->data[y * code->width + x] & 1;
}

/* Two rows of modules in a line of text, light on dark terminals as on light
 * ones, with the quiet zone that scanners need. */
static void
print_qr(const char *text)
{
    static const char *const blocks[] = {"\u2588", "\u2580", "\u2584", " "};
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    int x, y;

    if (!code)
        return;
    for (y = -4; y < code->width + 4; y += 2) {
        for (x = -4; x < code->width + 4; x++)
            fputs(blocks[dark(code, x, y) * 2 + dark(code, x, y + 1)], stdout);
        putchar('\n');
    }
    memset(code->data, 0, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
}

void
print_totp(json_t *answer)
{
    print_qr(text_of(answer, "uri"));
    printf("\nScan it with an authenticator app, or type in:\n  %s\n",
           text_of(answer, "uri"));
}

void
print_pairing_key(json_t *answer)
{
    char until[32];

    time_text(number_of(answer, "expiresAt"), until, sizeof(until));
    print_qr(text_of(answer, "link"));
    printf("\nScan it with the phone, or open there:\n  %s\n"
           "or type in the key:\n  %s\nIt is valid until %s.\n",
           text_of(answer, "link"), text_of(answer, "key"), until);
}

static bool
flag_of(const json_t *json, const char *name)
{
    return json_is_true(json_object_get(json, name));
}

static const char *
device_name(const json_t *device)
{
    static const char *const names[] = {"nickname", "name", "target"};
    const char *name = "";
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]) && !name[0]; i++)
        name = text_of(device, names[i]);
    return name;
}

static void
print_device(const json_t *device)
{
    const char *state = "";

    if (strcmp(text_of(device, "status"), "ACTIVE") != 0)
        state = ", waits for activation";
    else if (flag_of(device, "blocked"))
        state = ", blocked";
    else if (flag_of(device, "locked"))
        state = ", locked";
    printf("%s  %-6s %-24s%s%s\n", text_of(device, "id"),
           text_of(device, "type"), device_name(device), state,
           flag_of(device, "default") ? ", default" : "");
}

void
print_devices(json_t *answer)
{
    const json_t *account = json_object_get(answer, "account");
    json_t *device;
    size_t i;

    json_array_foreach(json_object_get(answer, "devices"), i, device)
        print_device(device);
    if (flag_of(account, "locked"))
        puts("the account is locked after too many failures");
}

void
print_added(json_t *answer)
{
    if (text_of(answer, "uri")[0])
        print_totp(answer);
    else
        print_device(answer);
}

void
print_audit(const json_t *answer)
{
    json_int_t broken = number_of(answer, "firstBroken");
    json_int_t behind = number_of(answer, "behind");
    json_int_t ahead = number_of(answer, "ahead");

    if (broken)
        printf("the chain of %s is broken at event %lld\n",
               text_of(answer, "brokenWriter"), (long long)broken);
    if (behind)
        printf("%lld records are older than the log says, or gone\n",
               (long long)behind);
    if (ahead)
        printf("%lld records are newer than the log says\n",
               (long long)ahead);
    if (behind || ahead)
        printf("one of them is %s\n", text_of(answer, "firstRecord"));
    printf("%lld events, %lld records%s\n",
           (long long)number_of(answer, "events"),
           (long long)number_of(answer, "records"),
           broken || behind || ahead ? "" : ": all holds");
}

void
print_members(json_t *object)
{
    const char *name;
    json_t *value;
    char *text;

    json_object_foreach(object, name, value) {
        text = json_dumps(value, JSON_ENCODE_ANY);
        printf("%-12s %s\n", name, text ? text : "");
        free(text);
    }
}
