/* SPDX-License-Identifier: MIT */
/* testlib/factor_step.c - factor-step: runs one step of an adapter from the
 * shell and prints what came of it. */
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factor/test.h"

enum {
    EXIT_RAN = 0,
    EXIT_PLUGIN = 1, /* it broke the contract, or returned an error */
    EXIT_USAGE = 2,  /* usage, or input that cannot be read */
    EXIT_LOAD = 3    /* not loaded, or its settings were refused */
};

static const char help[] =
    "usage: factor-step [OPTION]... PLUGIN.so < step.json\n"
    "\n"
    "Runs one step of an adapter in a host in memory and prints what came of\n"
    "it: what the client would see, what the adapter decided, and its\n"
    "effects.  Nothing is stored or sent.  What is in the step and what the\n"
    "adapter makes of it, secrets included, is printed: use test data.\n"
    "\n"
    "  --settings FILE   settings of the instance, a JSON object\n"
    "  --now MS          the clock, milliseconds since 1970\n"
    "                    (1700000000000)\n"
    "  --seed N          seed of the entropy (1)\n"
    "  --model           only show the state, as for a GET\n"
    "  --help            this text\n"
    "\n"
    "The step is a JSON object; each member may be left out:\n"
    "  state    state of the flow; without it the flow enters the adapter\n"
    "  data     what the flow's last step saved, \"secret\" in clear\n"
    "  action   name of the action; without it the state is shown\n"
    "  fields   the action's fields\n"
    "  as       \"client\", \"device\" or \"operator\" takes the action\n"
    "  resource, path, query\n"
    "           instead of action: a REST resource by its name, objects of\n"
    "           path variables and query strings; fields are its body\n"
    "  records  array of {collection, id, owner, name, version,\n"
    "           expires_at_ms, body}; users are records too\n"
    "  subject  id of the user, once known\n"
    "  inputs   object: what the policy maps from earlier adapters\n"
    "  request  {client, acr, address, user_agent, known_user, languages,\n"
    "           parameters}\n"
    "  answers  object: answers to questions, by name\n"
    "\n"
    "Exit status:\n"
    "  0  the step ran; whatever it decided, also a refusal\n"
    "  1  the plugin broke the contract or returned an error: see \"problem\"\n"
    "  2  wrong usage, or input that cannot be read\n"
    "  3  the plugin was not loaded, or its settings were refused\n";

struct options {
    const char *plugin;
    const char *settings; /* file, or NULL */
    int64_t now_ms;
    uint64_t seed;
    bool model;
};

static int
usage(const char *what)
{
    fprintf(stderr, "factor-step: %s\nTry factor-step --help.\n", what);
    return EXIT_USAGE;
}

static bool
parse_number(const char *text, int64_t *ret_number)
{
    char *end;

    *ret_number = strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

/* -1: go on; else the exit status. */
static int
parse_options(int argc, char **argv, struct options *ret)
{
    static const struct option longs[] = {
        { "settings", required_argument, NULL, 's' },
        { "now", required_argument, NULL, 'n' },
        { "seed", required_argument, NULL, 'e' },
        { "model", no_argument, NULL, 'm' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int64_t number = 0;
    int option;

    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if ((option == 'n' || option == 'e') && !parse_number(optarg, &number))
            return usage("not a number");
        if (option == 'h') {
            fputs(help, stdout);
            return EXIT_RAN;
        }
        if (option == 's')
            ret->settings = optarg;
        else if (option == 'n')
            ret->now_ms = number;
        else if (option == 'e')
            ret->seed = (uint64_t)number;
        else if (option == 'm')
            ret->model = true;
        else
            return usage("unknown option");
    }
    if (optind + 1 != argc)
        return usage("one plugin, please");
    ret->plugin = argv[optind];
    return -1;
}

/* NULL: told on stderr. */
static json_t *
read_json(FILE *file, const char *name)
{
    json_error_t err;
    json_t *json = json_loadf(file, JSON_REJECT_DUPLICATES, &err);

    if (json && json_is_object(json))
        return json;
    if (json)
        fprintf(stderr, "factor-step: %s: no JSON object\n", name);
    else
        fprintf(stderr, "factor-step: %s:%d:%d: %s\n", name, err.line,
                err.column, err.text);
    json_decref(json);
    return NULL;
}

static json_t *
read_settings(const char *name)
{
    FILE *file = fopen(name, "re");
    json_t *json;

    if (!file) {
        fprintf(stderr, "factor-step: %s: cannot be read\n", name);
        return NULL;
    }
    json = read_json(file, name);
    fclose(file);
    return json;
}

/* --- The step --- */

struct member {
    const char *name;
    json_type type;
};

static const struct member members[] = {
    { "state", JSON_STRING },   { "data", JSON_OBJECT },
    { "action", JSON_STRING },  { "fields", JSON_OBJECT },
    { "as", JSON_STRING },      { "resource", JSON_STRING },
    { "path", JSON_OBJECT },    { "query", JSON_OBJECT },
    { "records", JSON_ARRAY },  { "subject", JSON_STRING },
    { "inputs", JSON_OBJECT },  { "request", JSON_OBJECT },
    { "answers", JSON_OBJECT },
};

static bool
member_fits(const char *name, const json_t *value)
{
    size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strcmp(members[i].name, name) == 0)
            return json_typeof(value) == members[i].type;
    return false;
}

static bool
check_records(const json_t *records)
{
    json_t *record;
    size_t i;

    json_array_foreach(records, i, record)
        if (!json_is_string(json_object_get(record, "collection")) ||
            !json_is_string(json_object_get(record, "id")) ||
            !json_is_object(json_object_get(record, "body"))) {
            fprintf(stderr, "factor-step: record %zu: collection, id or body\n",
                    i);
            return false;
        }
    return true;
}

static bool
check_step(json_t *step)
{
    const char *name;
    json_t *value;

    json_object_foreach(step, name, value)
        if (!member_fits(name, value)) {
            fprintf(stderr,
                    "factor-step: step: \"%s\" is unknown or of a "
                    "wrong type\n",
                    name);
            return false;
        }
    return check_records(json_object_get(step, "records"));
}

static const char *
text(const json_t *step, const char *name)
{
    return json_string_value(json_object_get(step, name));
}

/* A reference of its own, to be stolen. */
static json_t *
part(const json_t *step, const char *name)
{
    return json_incref(json_object_get(step, name));
}

static void
set_up(struct factor_test *test, const json_t *step,
       const struct options *options)
{
    json_t *answers = json_object_get(step, "answers"), *answer;
    const char *name;

    factor_test_set_now(test, options->now_ms);
    factor_test_set_seed(test, options->seed);
    factor_test_set_records(test, part(step, "records"));
    factor_test_set_request(test, part(step, "request"));
    factor_test_begin(test, text(step, "subject"), part(step, "inputs"));
    factor_test_set_flow(test, text(step, "state"), part(step, "data"));
    json_object_foreach(answers, name, answer)
        factor_test_set_answer(test, name, json_incref(answer));
}

static const struct factor_test_reply *
run(struct factor_test *test, const json_t *step, bool model)
{
    const char *action = text(step, "action"), *as = text(step, "as");

    if (model)
        return factor_test_get(test);
    if (text(step, "resource"))
        return factor_test_resource(test, text(step, "resource"),
                                    part(step, "path"), part(step, "query"),
                                    part(step, "fields"));
    if (action && as && strcmp(as, "operator") == 0)
        return factor_test_operator(test, action, part(step, "fields"));
    if (action && as && strcmp(as, "device") == 0)
        return factor_test_device(test, action, part(step, "fields"));
    if (action)
        return factor_test_act(test, action, part(step, "fields"));
    return text(step, "state") ? factor_test_get(test)
                               : factor_test_enter(test);
}

/* --- What came of it --- */

static const char *const kinds[] = {
    [FACTOR_TEST_STATE] = "state",     [FACTOR_TEST_ERROR] = "error",
    [FACTOR_TEST_SUCCESS] = "success", [FACTOR_TEST_FAILURE] = "failure",
    [FACTOR_TEST_ASK] = "ask",         [FACTOR_TEST_REFUSED] = "refused",
    [FACTOR_TEST_ANSWER] = "answer",   [FACTOR_TEST_UNEXPECTED] = "unexpected",
    [FACTOR_TEST_BROKEN] = "broken",   [FACTOR_TEST_WAIT] = "wait",
};

/* A shared reference; NULL is left out by json_pack's "o*". */
static json_t *
share(const json_t *json)
{
    return json ? json_deep_copy(json) : NULL;
}

/* Effects stand beside the outcome, not in it. */
static json_t *
outcome_of(const struct factor_test_reply *reply)
{
    static const char *const effects[] = { "puts", "removes", "sends",
                                           "audits", "unknown" };
    json_t *outcome = share(reply->decision);
    size_t i;

    for (i = 0; outcome && i < sizeof(effects) / sizeof(effects[0]); i++)
        json_object_del(outcome, effects[i]);
    if (outcome)
        json_object_del(outcome, "verdict"); /* "kind" says it in words */
    return outcome;
}

static void
print(const struct factor_test *test, const struct factor_test_reply *reply)
{
    json_t *flow =
        json_pack("{s:s*, s:o*}", "state", factor_test_flow_state(test), "data",
                  share(factor_test_flow_data(test)));
    json_t *all = json_pack(
        "{s:s, s:s*, s:s*, s:o*, s:o, s:o*, s:o*, s:o, s:o, s:o, s:o, s:o}",
        "kind",
        kinds[reply->kind], "problem",
        reply->problem[0] ? reply->problem : NULL, "code", reply->code, "model",
        share(reply->model), "details", share(reply->details), "outcome",
        outcome_of(reply), "flow", flow, "puts", share(reply->puts), "removes",
        share(reply->removes), "sends", share(reply->sends), "audits",
        share(reply->audits), "unknown", share(reply->unknown));

    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static int
run_step(const struct factor_plugin *plugin, const json_t *step,
         json_t *settings, const struct options *options)
{
    struct factor_error err = { 0 };
    struct factor_test *test = factor_test_new(plugin, settings, &err);
    const struct factor_test_reply *reply;
    bool bad;

    if (!test) {
        fprintf(stderr, "factor-step: %s: %s\n", options->plugin, err.text);
        return EXIT_LOAD;
    }
    set_up(test, step, options);
    reply = run(test, step, options->model);
    print(test, reply);
    bad = reply->kind == FACTOR_TEST_BROKEN ||
          reply->kind == FACTOR_TEST_UNEXPECTED;
    factor_test_free(test);
    return bad ? EXIT_PLUGIN : EXIT_RAN;
}

int
main(int argc, char **argv)
{
    struct options options = { .now_ms = INT64_C(1700000000000), .seed = 1 };
    int status = parse_options(argc, argv, &options);
    const struct factor_plugin *plugin;
    struct factor_error err = { 0 };
    json_t *settings = NULL, *step;

    if (status >= 0)
        return status;
    plugin = factor_test_load(options.plugin, &err);
    if (!plugin || plugin->kind != FACTOR_KIND_ADAPTER) {
        fprintf(stderr, "factor-step: %s: %s\n", options.plugin,
                plugin ? "no adapter" : err.text);
        return EXIT_LOAD;
    }
    if (options.settings) {
        settings = read_settings(options.settings);
        if (!settings)
            return EXIT_USAGE;
    }
    step = read_json(stdin, "step");
    if (step && check_step(step)) {
        status = run_step(plugin, step, settings, &options);
    } else {
        json_decref(settings);
        status = EXIT_USAGE;
    }
    json_decref(step);
    return status;
}
