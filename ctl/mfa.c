/* SPDX-License-Identifier: MIT */
/* ctl/mfa.c - commands that the MFA adapter answers: devices, pairing keys,
 * its configuration. */
#include "ctl/mfa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/call.h"
#include "ctl/print.h"

static const char *
adapter_of(const struct request *request)
{
    return request->adapter ? request->adapter : "mfa";
}

/* --- Of a user --- */

/* "/users/NAME/actions/ADAPTER/ACTION" */
static char *
user_action(const struct request *request, const char *action)
{
    char *before = call_path("/users/", request->args[0], "/actions/");
    char rest[64];
    char *path = NULL;

    snprintf(rest, sizeof(rest), "/%s", action);
    if (before)
        path = call_path(before, adapter_of(request), rest);
    free(before);
    return path;
}

/* Takes the fields over. */
static int
act(const struct request *request, const char *action, json_t *fields,
    void (*print)(json_t *answer))
{
    char *body = json_dumps(fields, JSON_COMPACT);
    int status = ask_and_print(request, "POST", user_action(request, action),
                               body ? body : "{}", print);

    free(body);
    json_decref(fields);
    return status;
}

/* The n-th argument behind the user's name, or NULL. */
static const char *
argument(const struct request *request, int n)
{
    return n < request->arg_count ? request->args[n] : NULL;
}

int
devices_list(const struct request *request)
{
    return act(request, "listDevices", json_object(), print_devices);
}

int
devices_add(const struct request *request)
{
    return act(request, "addDevice",
               json_pack("{s:s, s:s*}", "type", argument(request, 1),
                         "target", argument(request, 2)),
               print_added);
}

static void
print_removed(json_t *answer)
{
    (void)answer;
    puts("removed");
}

int
devices_remove(const struct request *request)
{
    return act(request, "dropDevice",
               json_pack("{s:s}", "id", argument(request, 1)), print_removed);
}

static void
print_unlocked(json_t *answer)
{
    printf("%lld unlocked\n", (long long)json_integer_value(json_object_get(
                                  answer, "unlocked")));
}

int
devices_unlock(const struct request *request)
{
    return act(request, "unlock",
               json_pack("{s:s*}", "id", argument(request, 1)),
               print_unlocked);
}

static void
print_bypass(json_t *answer)
{
    puts(json_integer_value(json_object_get(answer, "bypassUntil"))
             ? "signs on without a second factor"
             : "needs a second factor");
}

int
devices_bypass(const struct request *request)
{
    const char *typed = argument(request, 1);
    char *end;
    long minutes = strtol(typed, &end, 10);

    if (end == typed || *end) {
        fprintf(stderr, "factorctl: MINUTES is a whole number, not \"%s\"\n",
                typed);
        return 2;
    }
    return act(request, "bypass",
               json_pack("{s:I}", "minutes", (json_int_t)minutes),
               print_bypass);
}

int
pairing_keys_create(const struct request *request)
{
    return act(request, "createPairingKey",
               json_pack("{s:s*}", "application", argument(request, 1)),
               print_pairing_key);
}

/* --- The configuration --- */

/* "/actions/ADAPTER/ACTION" */
static char *
adapter_action(const struct request *request, const char *action)
{
    char rest[64];

    snprintf(rest, sizeof(rest), "/%s", action);
    return call_path("/actions/", adapter_of(request), rest);
}

/* This part of it, as a file that can be put again. */
static int
get_part(const struct request *request, const char *part)
{
    char *path = adapter_action(request, "getConfig");
    json_t *answer = path ? ask(request, "POST", path, "{}", 2) : NULL;
    char *text = json_dumps(json_object_get(answer, part),
                            request->json ? JSON_COMPACT : JSON_INDENT(4));

    if (text)
        puts(text);
    free(text);
    free(path);
    json_decref(answer);
    return text ? EXIT_SUCCESS : EXIT_FAILURE;
}

static json_t *
read_file(const char *name)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    json_error_t error;
    json_t *json;

    if (!file) {
        perror(name);
        return NULL;
    }
    json = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fprintf(stderr, "factorctl: %s:%d: %s\n", name, error.line,
                error.text);
    if (file != stdin)
        fclose(file);
    return json;
}

/* The file as the text that the action takes: {"config": "{\"PART\":...}"}. */
static char *
put_body(const char *part, json_t *given)
{
    json_t *config = json_pack("{s:O}", part, given);
    char *text = json_dumps(config, JSON_COMPACT), *body;
    json_t *fields = json_pack("{s:s*}", "config", text);

    body = json_dumps(fields, JSON_COMPACT);
    json_decref(fields);
    free(text);
    json_decref(config);
    return body;
}

static int
put_part(const struct request *request, const char *part)
{
    json_t *given = read_file(request->args[0]);
    char *path, *body;
    int status;

    if (!given)
        return EXIT_FAILURE;
    path = adapter_action(request, "putConfig");
    body = put_body(part, given);
    status = path && body ? tell(request, "POST", path, body, "put in force")
                          : fail("out of memory");
    free(body);
    free(path);
    json_decref(given);
    return status;
}

int
policies_get(const struct request *request)
{
    return get_part(request, "policies");
}

int
policies_put(const struct request *request)
{
    return put_part(request, "policies");
}

int
settings_get(const struct request *request)
{
    return get_part(request, "settings");
}

int
settings_put(const struct request *request)
{
    return put_part(request, "settings");
}

int
applications_get(const struct request *request)
{
    return get_part(request, "applications");
}

int
applications_put(const struct request *request)
{
    return put_part(request, "applications");
}
