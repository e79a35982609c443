/* SPDX-License-Identifier: MIT */
/* host/main.c - factord: options, start, signals, stop. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "host/clock.h"
#include "host/config/config.h"
#include "host/config/host_settings.h"
#include "host/config/schema.h"
#include "host/json.h"
#include "host/loader/loader.h"
#include "host/log.h"
#include "host/notify.h"
#include "host/start.h"

enum { SETS_MAX = 64, EXIT_USAGE = 64, EXIT_START = 1 };

/* What the command line asks for. */
enum task { RUN, CHECK, PRINT_CONFIG, PRINT_SCHEMA, PRINT_MANUAL, LIST };

struct options {
    enum task task;
    const char *file;
    const char *plugin; /* PRINT_SCHEMA, PRINT_MANUAL */
    const char *sets[SETS_MAX];
    size_t set_count;
};

static const char usage[] =
    "Usage: factord [--config FILE] [--set a.b.c=VALUE]... [TASK]\n"
    "\n"
    "  -c, --config FILE          configuration (default " FACTOR_CONFIG_FILE
    ")\n"
    "  -s, --set a.b.c=VALUE      override one setting; may be repeated\n"
    "\n"
    "Tasks, instead of running in the foreground:\n"
    "      --check-config         tell every problem; exit 78 if there is one\n"
    "      --print-config         the completed configuration, without "
    "secrets\n"
    "      --print-schema PLUGIN  JSON Schema of KIND-NAME, or of \"host\"\n"
    "      --print-manual PLUGIN  its settings for a manual page\n"
    "      --list-plugins         what is in the plugin directory\n"
    "      --version, --help\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, 's'},
    {"check-config", no_argument, NULL, 'C'},
    {"print-config", no_argument, NULL, 'P'},
    {"print-schema", required_argument, NULL, 'S'},
    {"print-manual", required_argument, NULL, 'M'},
    {"list-plugins", no_argument, NULL, 'L'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static void
print_version(void)
{
    printf("factord %s, plugin contract %u.%u%s\n", PACKAGE_VERSION,
           FACTOR_ABI_MAJOR, FACTOR_ABI_MINOR,
#ifdef FACTOR_TEST_CLOCK
           ", with a test clock (not for use)"
#else
           ""
#endif
    );
}

static void
take_set(struct options *options, const char *set)
{
    if (options->set_count == SETS_MAX) {
        fprintf(stderr, "factord: more than %d --set\n", SETS_MAX);
        exit(EXIT_USAGE);
    }
    options->sets[options->set_count++] = set;
}

static void
take_option(struct options *options, int option)
{
    static const struct {
        int option;
        enum task task;
    } tasks[] = {{'C', CHECK},        {'P', PRINT_CONFIG}, {'S', PRINT_SCHEMA},
                 {'M', PRINT_MANUAL}, {'L', LIST}};
    size_t i;

    for (i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
        if (tasks[i].option == option)
            options->task = tasks[i].task;
    switch (option) {
    case 'c':
        options->file = optarg;
        break;
    case 's':
        take_set(options, optarg);
        break;
    case 'S':
    case 'M':
        options->plugin = optarg;
        break;
    case 'V':
        print_version();
        exit(EXIT_SUCCESS);
    case 'h':
        fputs(usage, stdout);
        exit(EXIT_SUCCESS);
    default:
        break;
    }
}

static void
read_options(struct options *options, int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "c:s:h", long_options, NULL)) !=
           -1) {
        if (option == '?') {
            fputs("factord: see --help\n", stderr);
            exit(EXIT_USAGE);
        }
        take_option(options, option);
    }
    if (optind < argc) {
        fprintf(stderr, "factord: \"%s\" is no option; see --help\n",
                argv[optind]);
        exit(EXIT_USAGE);
    }
}

/* --- Small tasks. --- */

static void
tell_problems(const struct problems *problems)
{
    size_t i;

    for (i = 0; i < problems->count; i++)
        fprintf(stderr, "factord: %s%s\n",
                problems->lines[i].warning ? "warning: " : "",
                problems->lines[i].text);
}

static void
list_one(void *context, const char *file, const struct loaded_plugin *plugin,
         const struct factor_error *err)
{
    (void)context;
    if (plugin)
        printf("%-10s %-14s %-8s %s\n", loader_kind_name(plugin->info->kind),
               plugin->info->name, plugin->info->version, plugin->info->text);
    else
        printf("%-10s %s: %s\n", "refused", file, err->text);
}

static int
list_plugins(const struct config *config)
{
    struct factor_error err;

    if (loader_list(config_text(config, "/plugin_directory"), list_one, NULL,
                    &err) == FACTOR_OK)
        return EXIT_SUCCESS;
    fprintf(stderr, "factord: %s\n", err.text);
    return CONFIG_EXIT;
}

static void
print_table(const struct options *options,
            const struct factor_setting *const *table, const char *plugin)
{
    if (options->task == PRINT_MANUAL)
        schema_manual(stdout, table, "");
    else
        schema_print(stdout, table, plugin, options->plugin);
}

static int
print_plugin(const struct options *options, const struct config *config)
{
    const char *directory = config_text(config, "/plugin_directory");
    struct loader *loader = loader_new(directory);
    const struct loaded_plugin *plugin;
    struct factor_error err;
    char file[4096];
    int status = CONFIG_EXIT;

    snprintf(file, sizeof(file), "%s/%s.so", directory, options->plugin);
    if (loader_load_file(loader, file, &plugin, &err) == FACTOR_OK) {
        print_table(options, plugin->info->settings, plugin->info->name);
        loader_release(loader, plugin);
        status = EXIT_SUCCESS;
    } else {
        fprintf(stderr, "factord: %s\n", err.text);
    }
    loader_free(loader);
    return status;
}

static int
check(struct config *config, struct problems *problems)
{
    start_check(config, problems);
    tell_problems(problems);
    if (problems->errors)
        return CONFIG_EXIT;
    puts("factord: the configuration is good");
    return EXIT_SUCCESS;
}

static int
print_config(struct config *config, struct problems *problems)
{
    if (problems->errors == 0)
        start_check(config, problems);
    tell_problems(problems);
    if (problems->errors)
        return CONFIG_EXIT;
    return config_print(stdout, config) ? EXIT_SUCCESS : EXIT_START;
}

/* --- Running. --- */

/* K4: no core dumps, and nobody attaches.  Leak checkers must. */
static void
protect_memory(void)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
    if (!getenv("FACTOR_KEEP_PLUGINS"))
        prctl(PR_SET_DUMPABLE, 0);
#endif
}

static void
raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void
set_level(const char *name)
{
    static const char *const names[] = {"", "error", "warning", "info",
                                        "debug"};
    int level;

    for (level = 1; level < (int)(sizeof(names) / sizeof(names[0])); level++)
        if (strcmp(names[level], name) == 0)
            log_set_level(level);
}

static bool
make_state_directory(const char *path)
{
    struct stat st;

    if (mkdir(path, 0700) == 0 || (errno == EEXIST && stat(path, &st) == 0 &&
                                   S_ISDIR(st.st_mode)))
        return true;
    fprintf(stderr,
            "factord: %s: %s; create it for the user that runs factord, or "
            "set state_directory\n",
            path, strerror(errno));
    return false;
}

static void
say_where(const struct config *config, const struct host *host)
{
    log_event("factord", FACTOR_LOG_INFO, "listening on %s, serving %s",
              host->listen, host->base_url);
    if (config_flag(config, "/pages/demo"))
        log_event("factord", FACTOR_LOG_INFO, "the demo: open %s/demo/",
                  host->base_url);
    if (config_flag(config, "/pages/messages"))
        log_event("factord", FACTOR_LOG_INFO, "its messages: open %s/messages/",
                  host->base_url);
}

/* On a terminal SIGHUP says that it was closed. */
static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

enum { STOP_SIGNALS = sizeof(stop_signals) / sizeof(stop_signals[0]) };

static void
take_signals(sigset_t *ret_signals)
{
    size_t i;

    sigemptyset(ret_signals);
    for (i = 0; i < STOP_SIGNALS; i++)
        sigaddset(ret_signals, stop_signals[i]);
}

static void
reload(struct running *running)
{
    char lines[64];

    snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%" PRId64
             "000", clock_steady_ms());
    notify(lines);
    start_reload(running);
    notify("READY=1");
}

static void
serve(struct running *running)
{
    const bool on_terminal = isatty(STDERR_FILENO);
    sigset_t signals;
    int signal_number = 0;

    notify("READY=1");
    take_signals(&signals);
    while (sigwait(&signals, &signal_number) == 0 &&
           signal_number == SIGHUP && !on_terminal)
        reload(running);
    notify("STOPPING=1");
}

static int
run(struct config *config, struct problems *problems)
{
    const char *state = NULL;
    struct factor_error err = {0};
    struct running *running = NULL;
    bool clean;

    if (problems->errors == 0) {
        state = config_text(config, "/state_directory");
        if (!make_state_directory(state))
            return CONFIG_EXIT;
        running = start(config, problems, &err);
    }
    tell_problems(problems);
    if (err.text[0])
        fprintf(stderr, "factord: %s\n", err.text);
    if (!running)
        return problems->errors || err.code == FACTOR_E_CONFIG ? CONFIG_EXIT
                                                               : EXIT_START;
    say_where(config, start_host(running));
    malloc_trim(0); /* what starting took and gave back */
    serve(running);
    log_event("factord", FACTOR_LOG_INFO, "stopping");
    clean = start_stop(running);
    log_event("factord", FACTOR_LOG_INFO, "stopped");
    if (!clean)
        _exit(EXIT_SUCCESS); /* all is written; what is left is a thread */
    return EXIT_SUCCESS;
}

static void
set_test_clock(const struct config *config)
{
#ifdef FACTOR_TEST_CLOCK
    char path[4096];

    snprintf(path, sizeof(path), "%s/clock",
             config_text(config, "/state_directory"));
    clock_test_file(path);
#else
    (void)config;
#endif
}

static int
do_task(const struct options *options, struct config *config,
        struct problems *problems)
{
    switch (options->task) {
    case CHECK:
        return check(config, problems);
    case PRINT_CONFIG:
        return print_config(config, problems);
    case LIST:
        return list_plugins(config);
    case PRINT_SCHEMA:
    case PRINT_MANUAL:
        return print_plugin(options, config);
    case RUN:
        break;
    }
    set_test_clock(config);
    set_level(config_text(config, "/log_level"));
    return run(config, problems);
}

/* Plugins can be looked at before anything is configured: the installed file
 * may be missing then, one that was named may not. */
static bool
does_without_file(const struct options *options)
{
    return (options->task == LIST || options->task == PRINT_SCHEMA ||
            options->task == PRINT_MANUAL) &&
           strcmp(options->file, FACTOR_CONFIG_FILE) == 0 &&
           access(options->file, F_OK) != 0;
}

/* Signals are waited for in main() alone: every thread inherits this. */
static void
block_signals(void)
{
    sigset_t signals;

    take_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int
main(int argc, char **argv)
{
    struct options options = {.file = FACTOR_CONFIG_FILE};
    struct config_options wanted = {0};
    struct problems problems = {0};
    struct config *config;
    int status = CONFIG_EXIT;

    read_options(&options, argc, argv);
    umask(077);
    protect_memory();
    raise_descriptors();
    block_signals();
    json_setup();
    if (options.plugin && strcmp(options.plugin, "host") == 0) {
        print_table(&options, host_settings, NULL);
        return EXIT_SUCCESS;
    }
    wanted.file = does_without_file(&options) ? NULL : options.file;
    wanted.sets = options.sets;
    wanted.set_count = options.set_count;
    config = config_load(&wanted, &problems);
    if (config)
        status = do_task(&options, config, &problems);
    else
        tell_problems(&problems);
    config_free(config);
    problems_clear(&problems);
    return status;
}
