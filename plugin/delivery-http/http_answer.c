/* SPDX-License-Identifier: MIT */
/* plugin/delivery-http/http_answer.c - what a gateway's answer means. */
#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/receipt.h"
#include "plugin/delivery-http/http_answer.h"

static const struct {
    const char *name;
    uint32_t result;
} results[] = {
    {"sent", FACTOR_DELIVERY_SENT},
    {"later", FACTOR_DELIVERY_DEFERRED},
    {"refused_address", FACTOR_DELIVERY_REFUSED_ADDRESS},
    {"refused_account", FACTOR_DELIVERY_REFUSED_ACCOUNT},
};

static const struct {
    const char *name;
    uint32_t result;
} reports[] = {
    {"delivered", FACTOR_REPORT_DELIVERED},
    {"undelivered", FACTOR_REPORT_UNDELIVERED},
};

/* When no rule fits. */
static const struct factor_status_range usual_results[] = {
    {200, 299, FACTOR_DELIVERY_SENT},     {408, 408, FACTOR_DELIVERY_DEFERRED},
    {425, 425, FACTOR_DELIVERY_DEFERRED}, {429, 429, FACTOR_DELIVERY_DEFERRED},
    {500, 599, FACTOR_DELIVERY_DEFERRED},
    {0, UINT32_MAX, FACTOR_DELIVERY_REFUSED_ACCOUNT},
};

/* --- Statuses. --- */

struct range {
    uint32_t first, last;
};

/* "404", "4xx", "400-499". */
static bool
read_range(const char *text, struct range *ret)
{
    static const char forms[][8] = {"ddd", "dxx", "ddd-ddd"};
    size_t form, i;

    for (form = 0; form < 3; form++) {
        for (i = 0; text[i] && forms[form][i]; i++)
            if (forms[form][i] == 'd' ? !isdigit((unsigned char)text[i])
                                      : text[i] != forms[form][i])
                break;
        if (text[i] || forms[form][i])
            continue;
        ret->first = (uint32_t)strtoul(text, NULL, 10);
        ret->last = ret->first;
        if (form == 1)
            *ret = (struct range){ ret->first * 100, ret->first * 100 + 99 };
        if (form == 2)
            ret->last = (uint32_t)strtoul(text + 4, NULL, 10);
        return ret->first <= ret->last;
    }
    return false;
}

/* --- JSON pointers. --- */

/* RFC 6901, 4: "~1" is a slash, "~0" a tilde. */
static void
read_token(const char *from, size_t len, char *to)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (from[i] == '~' && i + 1 < len)
            *to++ = from[++i] == '1' ? '/' : '~';
        else
            *to++ = from[i];
    }
    *to = '\0';
}

static const json_t *
member(const json_t *json, const char *token)
{
    if (json_is_array(json) && isdigit((unsigned char)token[0]))
        return json_array_get(json, (size_t)strtoul(token, NULL, 10));
    return json_object_get(json, token);
}

static const json_t *
follow(const json_t *json, const char *pointer)
{
    char token[64];
    size_t len;

    while (json && *pointer == '/') {
        len = strcspn(++pointer, "/");
        if (len >= sizeof(token))
            return NULL;
        read_token(pointer, len, token);
        json = member(json, token);
        pointer += len;
    }
    return json;
}

/* A scalar as text. */
static const char *
scalar(const json_t *json, char *buffer, size_t size)
{
    if (json_is_string(json))
        return json_string_value(json);
    if (json_is_integer(json))
        snprintf(buffer, size, "%lld", (long long)json_integer_value(json));
    else if (json_is_boolean(json))
        snprintf(buffer, size, "%s", json_is_true(json) ? "true" : "false");
    else
        return NULL;
    return buffer;
}

/* --- Rules. --- */

static const char *
text_of(const json_t *rule, const char *name)
{
    return json_string_value(json_object_get(rule, name));
}

static bool
is_among(const json_t *values, const char *text)
{
    const json_t *value;
    size_t i;

    json_array_foreach(values, i, value)
        if (text && strcmp(json_string_value(value), text) == 0)
            return true;
    return false;
}

/* A rule without values wants the pointed at to be there. */
static bool
rule_fits(const json_t *rule, uint32_t status, const json_t *body)
{
    const char *statuses = text_of(rule, "status");
    const char *pointer = text_of(rule, "pointer");
    const json_t *values = json_object_get(rule, "values"), *found;
    struct range range;
    char buffer[32];

    if (statuses && (!read_range(statuses, &range) || status < range.first ||
                     status > range.last))
        return false;
    if (!pointer)
        return true;
    found = follow(body, pointer);
    return json_array_size(values) > 0
               ? is_among(values, scalar(found, buffer, sizeof(buffer)))
               : found != NULL;
}

static uint32_t
result_named(const char *name)
{
    size_t i;

    for (i = 0; name && i < sizeof(results) / sizeof(results[0]); i++)
        if (strcmp(results[i].name, name) == 0)
            return results[i].result;
    return FACTOR_DELIVERY_DEFERRED;
}

static uint32_t
result_of(const json_t *rules, uint32_t status, const json_t *body)
{
    const json_t *rule;
    size_t i;

    json_array_foreach(rules, i, rule)
        if (rule_fits(rule, status, body))
            return result_named(text_of(rule, "result"));
    return factor_status_result(usual_results, status);
}

bool
http_rules_ok(const json_t *rules, const char **ret_why)
{
    const json_t *rule;
    const char *status, *pointer;
    struct range range;
    size_t i;

    json_array_foreach(rules, i, rule) {
        status = text_of(rule, "status");
        pointer = text_of(rule, "pointer");
        *ret_why = status && !read_range(status, &range)
                       ? "a status is none of \"404\", \"4xx\", \"400-499\""
                   : pointer && *pointer != '/'
                       ? "a pointer does not begin with \"/\""
                   : !pointer &&
                           json_array_size(json_object_get(rule, "values"))
                       ? "values without a pointer"
                   : !pointer && !status ? "a rule says nothing"
                                         : NULL;
        if (*ret_why)
            return false;
    }
    return true;
}

/* --- The receipt. --- */

void
http_judge(const json_t *rules, const char *reference,
           const struct factor_message *message,
           const struct factor_http_answer *answer,
           struct factor_receipt *ret_receipt)
{
    json_t *body = json_loadb(answer->body, answer->body_len,
                              JSON_REJECT_DUPLICATES, NULL);
    char buffer[32];
    const char *id = reference ? scalar(follow(body, reference), buffer,
                                        sizeof(buffer))
                               : NULL;

    factor_receipt_answer(ret_receipt, message, answer,
                          result_of(rules, answer->status, body), NULL);
    if (ret_receipt->result == FACTOR_DELIVERY_SENT && id)
        snprintf(ret_receipt->reference, sizeof(ret_receipt->reference), "%s",
                 id);
    json_decref(body);
}

/* --- The report. --- */

static uint32_t
report_named(const char *name)
{
    size_t i;

    for (i = 0; name && i < sizeof(reports) / sizeof(reports[0]); i++)
        if (strcmp(reports[i].name, name) == 0)
            return reports[i].result;
    return FACTOR_REPORT_NOTHING;
}

uint32_t
http_judge_report(const json_t *rules, const json_t *fields,
                  char ret_reason[FACTOR_REASON_SIZE])
{
    const json_t *rule;
    const char *pointer, *said;
    char buffer[32];
    size_t i;

    json_array_foreach(rules, i, rule) {
        pointer = text_of(rule, "pointer");
        if (!pointer || !rule_fits(rule, 0, fields))
            continue;
        said = scalar(follow(fields, pointer), buffer, sizeof(buffer));
        snprintf(ret_reason, FACTOR_REASON_SIZE, "%s %s", pointer + 1,
                 said ? said : "");
        return report_named(text_of(rule, "result"));
    }
    return FACTOR_REPORT_NOTHING;
}
