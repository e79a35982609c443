/* SPDX-License-Identifier: MIT */
/* phone/factor_phone.c - factor-phone, a phone on the command line: options,
 * pairing and what needs no request. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "phone/cli.h"
#include "phone/show.h"

/* The application that this phone is, if the issuer has one of that name. */
#define OUR_NAME "factor-phone"

enum { TIMEOUT_MAX_S = 1000000000 };

/* --- failures --- */

static const struct {
    int exit_status;
    const char *name; /* in JSON */
} outcomes[] = {
    [FACTOR_PHONE_OK] = { CLI_DONE, "ok" },
    [FACTOR_PHONE_USAGE] = { CLI_USAGE, "usage" },
    [FACTOR_PHONE_NOT_FOUND] = { CLI_NOTHING, "not_found" },
    [FACTOR_PHONE_MEMORY] = { CLI_STATE, "memory" },
    [FACTOR_PHONE_STORAGE] = { CLI_STATE, "storage" },
    [FACTOR_PHONE_NETWORK] = { CLI_NETWORK, "network" },
    [FACTOR_PHONE_ANSWER] = { CLI_NETWORK, "answer" },
    [FACTOR_PHONE_UNTRUSTED] = { CLI_REFUSED, "untrusted" },
    [FACTOR_PHONE_REFUSED] = { CLI_REFUSED, "refused" },
    [FACTOR_PHONE_CLOCK] = { CLI_REFUSED, "clock" },
    [FACTOR_PHONE_GONE] = { CLI_REFUSED, "gone" },
    [FACTOR_PHONE_LIMITED] = { CLI_REFUSED, "limited" },
    [FACTOR_PHONE_NOT_PAIRED] = { CLI_REFUSED, "not_paired" },
};

int
cli_fail(const struct cli *cli, enum factor_phone_status status,
         const char *text)
{
    if (cli->json)
        show_json(json_pack("{s:s, s:s}", "error", outcomes[status].name,
                            "message", text));
    fprintf(stderr, "factor-phone: %s\n", text);
    return outcomes[status].exit_status;
}

int
cli_exit_status(enum factor_phone_status status)
{
    return outcomes[status].exit_status;
}

int
cli_failed(struct cli *cli)
{
    const struct factor_phone_error *error = factor_phone_why(cli->phone);

    if (cli->json)
        show_json(json_pack("{s:s, s:s*, s:s}", "error",
                            outcomes[error->status].name, "code",
                            error->code[0] ? error->code : NULL, "message",
                            error->text));
    fputs("factor-phone: ", stderr);
    show_text(stderr, error->text);
    if (error->status == FACTOR_PHONE_STORAGE && cli->system.why[0]) {
        fputs(": ", stderr);
        show_text(stderr, cli->system.why);
    }
    if (error->code[0])
        fprintf(stderr, " (%s)", error->code);
    fputc('\n', stderr);
    return cli_exit_status(error->status);
}

/* --- which pairing --- */

bool
cli_means(const struct factor_phone_pairing *pairing, const char *word)
{
    return !word || strncmp(pairing->device, word, strlen(word)) == 0 ||
           strcmp(pairing->user_name, word) == 0 ||
           strcmp(pairing->issuer, word) == 0;
}

int
cli_pairings(struct cli *cli, struct factor_phone_pairings **ret_list)
{
    struct factor_phone_pairings *list;
    size_t i, kept = 0;

    if (factor_phone_list(cli->phone, &list))
        return cli_failed(cli);
    for (i = 0; i < list->count; i++)
        if (cli_means(&list->items[i], cli->device))
            list->items[kept++] = list->items[i];
    list->count = kept;
    if (kept == 0) {
        factor_phone_pairings_free(list);
        return cli_fail(cli, FACTOR_PHONE_NOT_FOUND,
                        cli->device ? "there is no such pairing"
                                    : "this phone is not paired");
    }
    *ret_list = list;
    return CLI_DONE;
}

typedef int pairing_fn(struct cli *cli,
                       const struct factor_phone_pairing *pairing);

/* Of the one pairing that there is, or that is named. */
static int
with_one(struct cli *cli, pairing_fn *run)
{
    struct factor_phone_pairings *list = NULL;
    int status = cli_pairings(cli, &list);

    if (status != CLI_DONE)
        return status;
    if (list->count > 1)
        status = cli_fail(cli, FACTOR_PHONE_USAGE,
                          "there are several pairings; say which by "
                          "--device");
    else
        status = run(cli, &list->items[0]);
    factor_phone_pairings_free(list);
    return status;
}

/* --- pairing --- */

struct factor_phone_about
cli_about(const struct cli *cli)
{
    static char host[65];
    const struct factor_phone_about about = {
        .application = cli->application,
        .name = cli->name ? cli->name : host,
        .push = cli->push,
    };

    if (gethostname(host, sizeof(host) - 1) || !host[0])
        snprintf(host, sizeof(host), "factor-phone");
    return about;
}

/* What to pair with; an exit status. */
static int
find_link(struct cli *cli, struct factor_phone_link *ret_link)
{
    enum factor_phone_status status;

    if (cli->arg_count == 1 && !cli->issuer && !cli->key)
        status = factor_phone_link_parse(cli->args[0], ret_link);
    else if (cli->arg_count == 0 && cli->issuer && cli->key)
        status = factor_phone_link_typed(cli->issuer, cli->key, ret_link);
    else
        return cli_fail(cli, FACTOR_PHONE_USAGE,
                        "pair wants a link, or --issuer and --key");
    if (status == FACTOR_PHONE_UNTRUSTED)
        return cli_fail(cli, FACTOR_PHONE_UNTRUSTED,
                        "the issuer is no https URL (plain http is for this "
                        "very machine)");
    return status ? cli_fail(cli, FACTOR_PHONE_USAGE,
                             "this is no pairing link or key")
                  : CLI_DONE;
}

/* Pairs as the application that the link names; else as OUR_NAME if the issuer
 * has such an application, or as its only one. */
static int
pair_as(struct cli *cli, const char *link_text,
        const struct factor_phone_link *link)
{
    struct factor_phone_about about = cli_about(cli);
    struct factor_phone_pairings *list;
    enum factor_phone_status status;
    struct factor_phone_link named = { .key = "" };

    if (link)
        named = *link;
    else
        factor_phone_link_parse(link_text, &named);
    if (!about.application && !named.application[0])
        about.application = OUR_NAME;
    explicit_bzero(&named, sizeof(named));
    for (;;) {
        status = link_text ? factor_phone_claim(cli->phone, link_text, &about,
                                                &list)
                           : factor_phone_pair(cli->phone, link, &about,
                                               &list);
        if (status != FACTOR_PHONE_USAGE || cli->application ||
            !about.application)
            break;
        about.application = NULL;
    }
    if (status)
        return cli_failed(cli);
    show_paired(&list->items[0], cli->json);
    factor_phone_pairings_free(list);
    return CLI_DONE;
}

static int
command_pair(struct cli *cli)
{
    struct factor_phone_link link;
    int status = find_link(cli, &link);

    if (status == CLI_DONE)
        status = pair_as(cli, NULL, &link);
    explicit_bzero(&link, sizeof(link));
    return status;
}

static int
command_claim(struct cli *cli)
{
    return pair_as(cli, cli->args[0], NULL);
}

static int
command_payload(struct cli *cli)
{
    const struct factor_phone_payload payload = {
        .issuer = cli->issuer, .client = cli->client, .device = cli->device
    };
    struct factor_phone_about about = cli_about(cli);
    enum factor_phone_status status;
    char *text;

    if (!cli->issuer || !cli->client)
        return cli_fail(cli, FACTOR_PHONE_USAGE,
                        "payload wants --issuer and --client");
    if (!about.application)
        about.application = OUR_NAME;
    status = factor_phone_payload(cli->phone, &payload, &about, &text);
    if (status == FACTOR_PHONE_USAGE && !cli->application) {
        about.application = NULL;
        status = factor_phone_payload(cli->phone, &payload, &about, &text);
    }
    if (status)
        return cli_failed(cli);
    if (cli->json)
        show_json(json_pack("{s:s}", "mobilePayload", text));
    else
        puts(text);
    explicit_bzero(text, strlen(text));
    free(text);
    return CLI_DONE;
}

/* --- pairings that are there --- */

static int
command_list(struct cli *cli)
{
    struct factor_phone_pairings *list = NULL;
    int status = cli_pairings(cli, &list);
    size_t i;

    if (status != CLI_DONE)
        return status;
    for (i = 0; i < list->count; i++)
        show_pairing(&list->items[i], cli->json);
    factor_phone_pairings_free(list);
    return CLI_DONE;
}

static int
print_passcode(struct cli *cli, const struct factor_phone_pairing *pairing)
{
    struct factor_phone_passcode passcode;

    if (factor_phone_passcode(cli->phone, pairing->device, &passcode))
        return cli_failed(cli);
    if (cli->json)
        show_json(json_pack("{s:s, s:i, s:i}", "passcode", passcode.code,
                            "left", (int)passcode.left_s, "period",
                            (int)passcode.period_s));
    else
        printf("%s  (%u s)\n", passcode.code, passcode.left_s);
    explicit_bzero(&passcode, sizeof(passcode));
    return CLI_DONE;
}

static int
command_totp(struct cli *cli)
{
    return with_one(cli, print_passcode);
}

/* "done", or why not. */
static int
tell(struct cli *cli, const struct factor_phone_pairing *pairing,
     enum factor_phone_status status, const char *done)
{
    if (status)
        return cli_failed(cli);
    if (cli->json)
        show_json(json_pack("{s:s, s:s}", "device", pairing->device,
                            "result", done));
    else
        puts(done);
    return CLI_DONE;
}

static int
unpair_one(struct cli *cli, const struct factor_phone_pairing *pairing)
{
    enum factor_phone_status status;

    status = factor_phone_unpair(cli->phone, pairing->device);
    if (status && cli->force) {
        cli_failed(cli);
        status = factor_phone_forget(cli->phone, pairing->device);
        if (status == FACTOR_PHONE_NOT_FOUND)
            status = FACTOR_PHONE_OK;
        return tell(cli, pairing, status, "forgotten");
    }
    return tell(cli, pairing, status, "unpaired");
}

static int
command_unpair(struct cli *cli)
{
    if (cli->arg_count > 0)
        cli->device = cli->args[0];
    return with_one(cli, unpair_one);
}

static int
rotate_one(struct cli *cli, const struct factor_phone_pairing *pairing)
{
    return tell(cli, pairing, factor_phone_rotate(cli->phone, pairing->device),
                "rotated");
}

static int
command_rotate(struct cli *cli)
{
    if (cli->arg_count > 0)
        cli->device = cli->args[0];
    return with_one(cli, rotate_one);
}

static int
push_one(struct cli *cli, const struct factor_phone_pairing *pairing)
{
    const char *push = strcmp(cli->args[0], "none") == 0 ? NULL
                                                         : cli->args[0];

    return tell(cli, pairing,
                factor_phone_set_push(cli->phone, pairing->device, push),
                "changed");
}

static int
command_push(struct cli *cli)
{
    return with_one(cli, push_one);
}

/* --- the command line --- */

struct command {
    const char *name, *arguments, *text;
    int args_min, args_max;
    int (*run)(struct cli *cli);
};

static const struct command commands[] = {
    { "pair", "LINK", "pair with the host of a pairing link", 0, 1,
      command_pair },
    { "wait", "", "wait for requests, and print or approve them", 0, 0,
      cli_wait },
    { "approve", "[REQUEST]", "approve a request", 0, 1, cli_approve },
    { "deny", "[REQUEST]", "deny a request", 0, 1, cli_deny },
    { "totp", "", "print the passcode of now", 0, 0, command_totp },
    { "list", "", "print the pairings", 0, 0, command_list },
    { "unpair", "[DEVICE]", "end a pairing", 0, 1, command_unpair },
    { "rotate", "[DEVICE]", "give a pairing a new key", 0, 1,
      command_rotate },
    { "push", "ADDRESS|none", "change how the host wakes this phone", 1, 1,
      command_push },
    { "payload", "", "print a mobilePayload, for an app's own sign-on", 0, 0,
      command_payload },
    { "claim", "LINK", "pair by the serverPayload of that sign-on", 1, 1,
      command_claim },
};

enum {
    OPTION_STATE = 256,
    OPTION_CA_FILE,
    OPTION_DEVICE,
    OPTION_ISSUER,
    OPTION_KEY,
    OPTION_NAME,
    OPTION_APPLICATION,
    OPTION_PUSH,
    OPTION_CLIENT,
    OPTION_NUMBER,
    OPTION_NUMBER_FILE,
    OPTION_METHOD,
    OPTION_REASON,
    OPTION_TIMEOUT,
    OPTION_AUTO,
    OPTION_ONCE,
    OPTION_FORCE,
    OPTION_JSON,
    OPTION_VERSION,
    OPTION_HELP
};

static const struct option long_options[] = {
    { "state", required_argument, NULL, OPTION_STATE },
    { "ca-file", required_argument, NULL, OPTION_CA_FILE },
    { "device", required_argument, NULL, OPTION_DEVICE },
    { "issuer", required_argument, NULL, OPTION_ISSUER },
    { "key", required_argument, NULL, OPTION_KEY },
    { "name", required_argument, NULL, OPTION_NAME },
    { "application", required_argument, NULL, OPTION_APPLICATION },
    { "push", required_argument, NULL, OPTION_PUSH },
    { "client", required_argument, NULL, OPTION_CLIENT },
    { "number", required_argument, NULL, OPTION_NUMBER },
    { "number-file", required_argument, NULL, OPTION_NUMBER_FILE },
    { "method", required_argument, NULL, OPTION_METHOD },
    { "reason", required_argument, NULL, OPTION_REASON },
    { "timeout", required_argument, NULL, OPTION_TIMEOUT },
    { "auto", no_argument, NULL, OPTION_AUTO },
    { "once", no_argument, NULL, OPTION_ONCE },
    { "force", no_argument, NULL, OPTION_FORCE },
    { "json", no_argument, NULL, OPTION_JSON },
    { "version", no_argument, NULL, OPTION_VERSION },
    { "help", no_argument, NULL, OPTION_HELP },
    { 0 },
};

/* Where the texts of options go. */
static const struct {
    int option;
    size_t at;
} text_options[] = {
    { OPTION_STATE, offsetof(struct cli, state) },
    { OPTION_CA_FILE, offsetof(struct cli, ca_file) },
    { OPTION_DEVICE, offsetof(struct cli, device) },
    { OPTION_ISSUER, offsetof(struct cli, issuer) },
    { OPTION_KEY, offsetof(struct cli, key) },
    { OPTION_NAME, offsetof(struct cli, name) },
    { OPTION_APPLICATION, offsetof(struct cli, application) },
    { OPTION_PUSH, offsetof(struct cli, push) },
    { OPTION_CLIENT, offsetof(struct cli, client) },
    { OPTION_NUMBER, offsetof(struct cli, number) },
    { OPTION_NUMBER_FILE, offsetof(struct cli, number_file) },
    { OPTION_METHOD, offsetof(struct cli, method) },
    { OPTION_REASON, offsetof(struct cli, reason) },
};

static void
print_usage(FILE *file)
{
    size_t i;

    fputs("Usage: factor-phone [OPTION ...] COMMAND [ARGUMENT]\n\n", file);
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(file, "  %-8s %-13s %s\n", commands[i].name,
                commands[i].arguments, commands[i].text);
    fputs("\n"
          "  --state FILE         where the phone keeps its keys\n"
          "  --ca-file FILE       whom to trust, instead of the system's\n"
          "  --json               answers as JSON, one object a line\n"
          "  --device ID          which pairing: id, its beginning, user, "
          "issuer\n"
          "  pair, claim:         --name NAME --application NAME "
          "--push ADDRESS\n"
          "  pair, typed:         --issuer URL --key KEY\n"
          "  wait:                --timeout SECONDS --auto --once\n"
          "  approve, wait:       --number N --number-file FILE --method "
          "WORD\n"
          "  deny:                --reason none|fraud|biometrics\n"
          "  unpair:              --force (also if the host does not "
          "answer)\n"
          "  payload:             --issuer URL --client ID\n"
          "  --version, --help\n\n"
          "Exit: 0 done, 1 refused, 2 usage, 3 network, 4 nothing waits, "
          "5 state\n",
          file);
}

static _Noreturn void
bad_usage(const char *text)
{
    fprintf(stderr, "factor-phone: %s; see --help\n", text);
    exit(CLI_USAGE);
}

static int64_t
seconds(const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 10);

    if (end == text || *end || value < 0 || value > TIMEOUT_MAX_S)
        bad_usage("--timeout wants seconds");
    return value;
}

static void
take_text(struct cli *cli, int option)
{
    size_t i;

    for (i = 0; i < sizeof(text_options) / sizeof(text_options[0]); i++)
        if (text_options[i].option == option)
            *(const char **)(void *)((char *)cli + text_options[i].at) =
                optarg;
}

static void
take_option(struct cli *cli, int option)
{
    switch (option) {
    case OPTION_TIMEOUT:
        cli->timeout_s = seconds(optarg);
        break;
    case OPTION_AUTO:
        cli->automatic = true;
        break;
    case OPTION_ONCE:
        cli->once = true;
        break;
    case OPTION_FORCE:
        cli->force = true;
        break;
    case OPTION_JSON:
        cli->json = true;
        break;
    case OPTION_VERSION:
        puts("factor-phone " PACKAGE_VERSION);
        exit(CLI_DONE);
    case OPTION_HELP:
        print_usage(stdout);
        exit(CLI_DONE);
    case '?':
        bad_usage("no such option");
        break;
    default:
        take_text(cli, option);
    }
}

static const struct command *
find_command(const char *name)
{
    size_t i;

    for (i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int
run(struct cli *cli, const struct command *command)
{
    char *path = cli->state ? strdup(cli->state) : system_default_path();
    struct factor_phone_io io;
    int status;

    if (!path)
        return cli_fail(cli, FACTOR_PHONE_STORAGE,
                        "there is no home; use --state FILE");
    system_init(&cli->system, path, cli->ca_file);
    io = system_io(&cli->system);
    cli->phone = factor_phone_new(&io);
    status = cli->phone ? command->run(cli)
                        : cli_fail(cli, FACTOR_PHONE_MEMORY, "out of memory");
    factor_phone_free(cli->phone);
    system_close(&cli->system);
    free(path);
    return status;
}

int
main(int argc, char **argv)
{
    const struct rlimit no_core = { 0, 0 };
    struct cli cli = { .timeout_s = -1 };
    const struct command *command;
    int option;

    factor_phone_wipe_json();
    setrlimit(RLIMIT_CORE, &no_core); /* keys are in memory at times */
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        take_option(&cli, option);
    command = find_command(argv[optind]);
    if (!command)
        bad_usage("no such command");
    cli.args = argv + optind + 1;
    cli.arg_count = argc - optind - 1;
    if (cli.arg_count < command->args_min ||
        cli.arg_count > command->args_max)
        bad_usage("too few arguments, or too many");
    return run(&cli, command);
}
