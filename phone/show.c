/* SPDX-License-Identifier: MIT */
/* phone/show.c - what factor-phone prints. */
#include "phone/show.h"

#include <string.h>
#include <time.h>

/* --- text --- */

/* The character at a text, which is UTF-8, and its length. */
static unsigned
character(const char *text, size_t *ret_len)
{
    static const unsigned char firsts[] = { 0x7f, 0x1f, 0x0f, 0x07 };
    unsigned value = (unsigned char)text[0];
    size_t more = value < 0xc0 ? 0 : value < 0xe0 ? 1 : value < 0xf0 ? 2 : 3;
    size_t i;

    value &= value < 0x80 ? 0x7f : firsts[more];
    for (i = 1; i <= more && text[i]; i++)
        value = value << 6 | ((unsigned char)text[i] & 0x3f);
    *ret_len = i;
    return value;
}

static bool
obeyed(unsigned value)
{
    return value < 0x20 || (value >= 0x7f && value < 0xa0) ||
           value == 0x200e || value == 0x200f || value == 0x061c ||
           (value >= 0x2028 && value <= 0x202e) ||
           (value >= 0x2066 && value <= 0x2069);
}

void
show_text(FILE *file, const char *text)
{
    size_t len;

    for (; *text; text += len)
        if (obeyed(character(text, &len)))
            fputc('?', file);
        else
            fwrite(text, 1, len, file);
}

/* "  label     text", or nothing. */
static void
line(const char *label, const char *text)
{
    if (!text || !text[0])
        return;
    printf("  %-9s ", label);
    show_text(stdout, text);
    putchar('\n');
}

void
show_check(FILE *file, const char *check)
{
    fprintf(file, "%.3s %.3s", check, check + 3);
}

/* --- JSON --- */

void
show_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

static json_t *
pairing_json(const struct factor_phone_pairing *pairing)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:b}",
                     "device", pairing->device, "issuer", pairing->issuer,
                     "user", "id", pairing->user_id, "name",
                     pairing->user_name, "application", pairing->application,
                     "name", pairing->name, "status", pairing->status,
                     "check", pairing->check, "passcodes",
                     pairing->has_passcodes);
}

static json_t *
number_json(const struct factor_phone_request *request)
{
    json_t *choices;
    size_t i;

    if (request->number == FACTOR_PHONE_NO_NUMBER)
        return NULL;
    if (request->number == FACTOR_PHONE_ENTER)
        return json_pack("{s:s, s:i}", "type", "ENTER_MANUALLY", "digits",
                         (int)request->digits);
    choices = json_array();
    for (i = 0; i < request->choice_count; i++)
        json_array_append_new(choices, json_string(request->choices[i]));
    return json_pack("{s:s, s:o}", "type", "SELECT_NUMBER", "choices",
                     choices);
}

static json_t *
request_json(const struct factor_phone_pairing *pairing,
             const struct factor_phone_request *request)
{
    json_t *context = request->context ? json_deep_copy(request->context)
                                       : NULL;

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s, s:s*, s:s*, s:I, "
                     "s:I, s:o*, s:o*}",
                     "request", request->id, "device", pairing->device,
                     "issuer", pairing->issuer, "user", pairing->user_name,
                     "client", request->client, "client_name",
                     request->client_name, "host", request->host, "address",
                     request->address, "agent", request->agent, "issued_at",
                     (json_int_t)request->issued_at_s, "expires_at",
                     (json_int_t)request->expires_at_s, "number",
                     number_json(request), "context", context);
}

/* --- things --- */

static void
user_line(const struct factor_phone_pairing *pairing)
{
    show_text(stdout, pairing->user_name);
    fputs(" at ", stdout);
    show_text(stdout, pairing->issuer);
    putchar('\n');
}

void
show_pairing(const struct factor_phone_pairing *pairing, bool json)
{
    if (json) {
        show_json(pairing_json(pairing));
        return;
    }
    user_line(pairing);
    line("device", pairing->device);
    line("name", pairing->name);
    line("status", pairing->status);
    fputs("  check     ", stdout);
    show_check(stdout, pairing->check);
    putchar('\n');
}

void
show_paired(const struct factor_phone_pairing *pairing, bool json)
{
    if (json) {
        show_json(pairing_json(pairing));
        return;
    }
    fputs("Paired as ", stdout);
    user_line(pairing);
    fputs("Compare with the page: ", stdout);
    show_check(stdout, pairing->check);
    putchar('\n');
}

static void
show_number(const struct factor_phone_request *request)
{
    size_t i;

    if (request->number == FACTOR_PHONE_ENTER)
        printf("  number    the page shows %u digits: --number\n",
               request->digits);
    if (request->number != FACTOR_PHONE_SELECT)
        return;
    fputs("  number    the page shows one of", stdout);
    for (i = 0; i < request->choice_count; i++)
        printf(" %s", request->choices[i]);
    fputs(": --number\n", stdout);
}

static void
show_when(const struct factor_phone_request *request, int64_t host_time_s)
{
    time_t at = (time_t)request->issued_at_s;
    char text[32] = "?";
    struct tm local;

    if (localtime_r(&at, &local))
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
    printf("  when      %s", text);
    if (host_time_s >= 0 && request->expires_at_s > host_time_s)
        printf(", %lld s left",
               (long long)(request->expires_at_s - host_time_s));
    putchar('\n');
}

void
show_request(const struct factor_phone_pairing *pairing,
             const struct factor_phone_request *request, int64_t host_time_s,
             bool json)
{
    if (json) {
        show_json(request_json(pairing, request));
        return;
    }
    show_text(stdout, request->client_name && request->client_name[0]
                          ? request->client_name
                          : request->client);
    fputs(" asks: is this you, ", stdout);
    show_text(stdout, pairing->user_name);
    fputs("?\n", stdout);
    line("request", request->id);
    line("page", request->host);
    line("client", request->client);
    line("address", request->address);
    line("browser", request->agent);
    show_when(request, host_time_s);
    show_number(request);
    fflush(stdout);
}

void
show_result(const struct factor_phone_request *request,
            enum factor_phone_result result, bool json)
{
    const char *text = result == FACTOR_PHONE_APPROVED ? "approved"
                                                       : "denied";

    if (json) {
        show_json(json_pack("{s:s, s:s}", "request", request->id, "result",
                            text));
        return;
    }
    printf("%s\n", text);
    fflush(stdout);
}
