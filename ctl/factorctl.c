/* SPDX-License-Identifier: MIT */
/* ctl/factorctl.c - the operator's tool: commands to requests on the daemon's
 * local socket, answers to text.  It never opens the store. */
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "ctl/ask.h"
#include "ctl/call.h"
#include "ctl/mfa.h"
#include "ctl/print.h"

enum { EXIT_USAGE = 64, IMPORT_CHUNK = 1024 * 1024 };

struct command {
    const char *group, *verb; /* verb NULL: the group is all */
    const char *arguments, *text;
    int args_min, args_max;
    int (*run)(const struct request *request);
};

/* Every page of a list, an item a line. */
static int
list(const struct request *request, const char *path,
     void (*print)(const json_t *item))
{
    char *at = strdup(path), *next;
    json_t *page, *item;
    size_t i;

    while (at) {
        page = ask(request, "GET", at, NULL, 0);
        free(at);
        if (!page)
            return EXIT_FAILURE;
        json_array_foreach(json_object_get(page, "items"), i, item) {
            if (request->json)
                print_json(item);
            else
                print(item);
        }
        next = call_next(path, page);
        json_decref(page);
        at = next;
    }
    return EXIT_SUCCESS;
}

/* --- users --- */

/* Whole lines of a file, at most IMPORT_CHUNK bytes; carries the rest over. */
struct chunks {
    FILE *file;
    char *buffer;
    size_t used;
};

static size_t
next_chunk(struct chunks *chunks)
{
    size_t end;

    chunks->used += fread(chunks->buffer + chunks->used, 1,
                          IMPORT_CHUNK - chunks->used, chunks->file);
    for (end = chunks->used; end > 0 && chunks->buffer[end - 1] != '\n'; end--)
        continue;
    return end > 0 ? end : chunks->used;
}

static void
drop_chunk(struct chunks *chunks, size_t len)
{
    memmove(chunks->buffer, chunks->buffer + len, chunks->used - len);
    chunks->used -= len;
}

static int
import_chunks(const struct request *request, struct chunks *chunks)
{
    json_int_t imported = 0, failed = 0;
    json_t *answer;
    size_t len;

    while ((len = next_chunk(chunks)) > 0) {
        answer = ask(request, "POST", "/users/import", chunks->buffer, len);
        if (!answer)
            return EXIT_FAILURE;
        imported +=
            json_integer_value(json_object_get(answer, "imported"));
        failed += print_failed(answer);
        json_decref(answer);
        drop_chunk(chunks, len);
    }
    if (request->json)
        printf("{\"imported\":%lld,\"failed\":%lld}\n", (long long)imported,
               (long long)failed);
    else
        printf("%lld users imported, %lld lines refused\n",
               (long long)imported, (long long)failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
users_import(const struct request *request)
{
    const char *name = request->arg_count ? request->args[0] : "-";
    struct chunks chunks = {0};
    int status;

    chunks.file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    if (!chunks.file) {
        perror(name);
        return EXIT_FAILURE;
    }
    chunks.buffer = malloc(IMPORT_CHUNK);
    status = chunks.buffer ? import_chunks(request, &chunks)
                           : fail("out of memory");
    if (chunks.buffer)
        explicit_bzero(chunks.buffer, IMPORT_CHUNK);
    free(chunks.buffer);
    if (chunks.file != stdin)
        fclose(chunks.file);
    return status;
}

static int
users_list(const struct request *request)
{
    return list(request, "/users", print_user);
}

/* "/users/NAME/rest", the name escaped. */
static char *
user_path(const struct request *request, const char *rest)
{
    return call_path("/users/", request->args[0], rest);
}

static int
user_command(const struct request *request, const char *method,
             const char *rest, const char *done)
{
    char *path = user_path(request, rest);
    int status = path ? tell(request, method, path, NULL, done)
                      : fail("out of memory");

    free(path);
    return status;
}

static int
users_unlock(const struct request *request)
{
    return user_command(request, "POST", "/unlock", "unlocked");
}

static int
users_enable(const struct request *request)
{
    return user_command(request, "POST", "/enable", "enabled");
}

static int
users_disable(const struct request *request)
{
    return user_command(request, "POST", "/disable", "disabled");
}

static int
users_delete(const struct request *request)
{
    return user_command(request, "DELETE", "", "deleted");
}

static int
users_totp(const struct request *request)
{
    char rest[128];

    snprintf(rest, sizeof(rest), "/actions/%s/enrollTotp",
             request->adapter ? request->adapter : "otp");
    return ask_and_print(request, "POST", user_path(request, rest), "{}",
                         print_totp);
}

/* --- outbox, backup, keys, audit, status --- */

static int
outbox_list(const struct request *request)
{
    return list(request, "/outbox", print_message);
}

static int
outbox_command(const struct request *request, const char *rest,
               const char *done)
{
    char *path = call_path("/outbox/", request->args[0], rest);
    int status = path ? tell(request, "POST", path, NULL, done)
                      : fail("out of memory");

    free(path);
    return status;
}

static int
outbox_retry(const struct request *request)
{
    return outbox_command(request, "/retry", "due now");
}

static int
outbox_drop(const struct request *request)
{
    return outbox_command(request, "/drop", "dropped");
}

static int
templates_list(const struct request *request)
{
    return list(request, "/templates", print_template);
}

static int
templates_test(const struct request *request)
{
    const char *language = request->arg_count > 1 ? request->args[1] : "en";
    char *name = call_path("/templates/", request->args[0], "?language=");
    char *path = name ? call_path(name, language, "") : NULL;
    int status = path ? list(request, path, print_rendered)
                      : fail("out of memory");

    free(path);
    free(name);
    return status;
}

static int
backup(const struct request *request)
{
    char *whole = call_absolute(request->args[0]);
    json_t *body = json_pack("{s:s}", "path", whole ? whole : "");
    char *text = json_dumps(body, 0);
    int status = tell(request, "POST", "/backup", text, "backed up");

    if (status == EXIT_SUCCESS && !request->json)
        puts("keep the daemon's keys.json with it: the one is worth nothing "
             "without the other");
    free(text);
    json_decref(body);
    free(whole);
    return status;
}

static int
keys_rotate(const struct request *request)
{
    return tell(request, "POST", "/keys/rotate", NULL, "rotated");
}

static int
keys_forget(const struct request *request)
{
    return tell(request, "POST", "/keys/forget", NULL, "old keys forgotten");
}

static int
sweep(const struct request *request)
{
    json_t *answer = ask(request, "POST", "/sweep", NULL, 0);

    if (!answer)
        return EXIT_FAILURE;
    if (request->json)
        print_json(answer);
    else
        print_members(answer);
    json_decref(answer);
    return EXIT_SUCCESS;
}

static int
audit_verify(const struct request *request)
{
    json_t *answer = ask(request, "GET", "/audit/verify", NULL, 0);
    bool holds = json_is_true(json_object_get(answer, "holds"));

    if (!answer)
        return EXIT_FAILURE;
    if (request->json)
        print_json(answer);
    else
        print_audit(answer);
    json_decref(answer);
    return holds ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
status(const struct request *request)
{
    json_t *answer = ask(request, "GET", "/status", NULL, 0);

    if (!answer)
        return EXIT_FAILURE;
    if (request->json)
        print_json(answer);
    else
        print_members(answer);
    json_decref(answer);
    return EXIT_SUCCESS;
}

/* --- The command line. --- */

static const struct command commands[] = {
    {"users", "import", "[FILE]", "make or update users from lines of JSON", 0,
     1, users_import},
    {"users", "list", "", "every user, one a line", 0, 0, users_list},
    {"users", "unlock", "USERNAME", "lift locks, clear counters", 1, 1,
     users_unlock},
    {"users", "enable", "USERNAME", "let a user sign on", 1, 1, users_enable},
    {"users", "disable", "USERNAME", "keep a user from signing on", 1, 1,
     users_disable},
    {"users", "totp", "USERNAME", "enrol an authenticator app, show its QR "
                                  "code",
     1, 1, users_totp},
    {"users", "delete", "USERNAME", "remove a user and all that is theirs", 1,
     1, users_delete},
    {"devices", "list", "USERNAME", "what a user signs on with", 1, 1,
     devices_list},
    {"devices", "add", "USERNAME TYPE [TO]", "EMAIL, SMS, VOICE or TOTP", 2, 3,
     devices_add},
    {"devices", "remove", "USERNAME ID", "take a device away", 2, 2,
     devices_remove},
    {"devices", "unlock", "USERNAME [ID]", "lift locks, clear counters", 1, 2,
     devices_unlock},
    {"devices", "bypass", "USERNAME MINUTES", "no second factor for a while", 2,
     2, devices_bypass},
    {"pairing-keys", "create", "USERNAME [APP]", "let a user pair a phone", 1,
     2, pairing_keys_create},
    {"policies", "get", "", "device authentication policies", 0, 0,
     policies_get},
    {"policies", "put", "FILE", "put others in force", 1, 1, policies_put},
    {"settings", "get", "", "MFA settings", 0, 0, settings_get},
    {"settings", "put", "FILE", "put others in force", 1, 1, settings_put},
    {"applications", "get", "", "mobile applications of MFA", 0, 0,
     applications_get},
    {"applications", "put", "FILE", "put others in force", 1, 1,
     applications_put},
    {"outbox", "list", "", "messages that wait or were settled", 0, 0,
     outbox_list},
    {"outbox", "retry", "ID", "try a message again now", 1, 1, outbox_retry},
    {"outbox", "drop", "ID", "remove a message", 1, 1, outbox_drop},
    {"templates", "list", "", "messages that texts are known for", 0, 0,
     templates_list},
    {"templates", "test", "TEMPLATE [LANG]", "a message as users get it", 1, 2,
     templates_test},
    {"backup", NULL, "FILE", "copy the store while it runs", 1, 1, backup},
    {"keys", "rotate", "", "seal and sign with new keys from now on", 0, 0,
     keys_rotate},
    {"keys", "forget", "", "drop old keys that no record needs any more", 0, 0,
     keys_forget},
    {"sweep", NULL, "", "remove what has expired, re-seal, now", 0, 0, sweep},
    {"audit", "verify", "", "check the chain of audit events", 0, 0,
     audit_verify},
    {"status", NULL, "", "how the daemon is", 0, 0, status},
};

static void
print_usage(FILE *file)
{
    size_t i;

    fputs("Usage: factorctl [--socket PATH] [--json] COMMAND ...\n\n", file);
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(file, "  %-12s %-7s %-20s %s\n", commands[i].group,
                commands[i].verb ? commands[i].verb : "",
                commands[i].arguments, commands[i].text);
    fputs("\n"
          "  -S, --socket PATH    the daemon's control socket (default\n"
          "                       " FACTOR_CONTROL_SOCKET ")\n"
          "  -j, --json           answers as JSON, lists as lines of it\n"
          "  -a, --adapter NAME   which adapter (default: otp for users totp,\n"
          "                       else mfa)\n"
          "      --version, --help\n",
          file);
}

static const struct command *
find_command(char **words, int count)
{
    size_t i;

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (count >= 1 && strcmp(commands[i].group, words[0]) == 0 &&
            (!commands[i].verb ||
             (count >= 2 && strcmp(commands[i].verb, words[1]) == 0)))
            return &commands[i];
    return NULL;
}

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 'S'},
    {"json", no_argument, NULL, 'j'},
    {"adapter", required_argument, NULL, 'a'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static void
take_option(struct request *request, int option)
{
    switch (option) {
    case 'S':
        request->socket = optarg;
        break;
    case 'j':
        request->json = true;
        break;
    case 'a':
        request->adapter = optarg;
        break;
    case 'V':
        puts("factorctl " PACKAGE_VERSION);
        exit(EXIT_SUCCESS);
    case 'h':
        print_usage(stdout);
        exit(EXIT_SUCCESS);
    default:
        fputs("factorctl: see --help\n", stderr);
        exit(EXIT_USAGE);
    }
}

int
main(int argc, char **argv)
{
    struct request request = {.socket = FACTOR_CONTROL_SOCKET};
    const struct command *command;
    int option;

    while ((option = getopt_long(argc, argv, "S:ja:h", long_options, NULL)) !=
           -1)
        take_option(&request, option);
    command = find_command(argv + optind, argc - optind);
    if (command) {
        request.args = argv + optind + (command->verb ? 2 : 1);
        request.arg_count = argc - optind - (command->verb ? 2 : 1);
    }
    if (!command || request.arg_count < command->args_min ||
        request.arg_count > command->args_max) {
        fputs("factorctl: no such command; see --help\n", stderr);
        return EXIT_USAGE;
    }
    return command->run(&request);
}
