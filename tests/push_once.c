/* SPDX-License-Identifier: MIT */
/* tests/push_once.c - delivers messages by one built plugin, with the host's
 * own loader, table and HTTP client, but without a daemon.
 *
 *     push_once .libs/delivery-fcm.so
 *
 * Standard input has a JSON object a line.  The first is {"settings": {...},
 * "allowed_hosts": [...], "ca_file": "..."}; each further one is a message:
 * id, channel ("push" if none), address, subject, text, code, variables,
 * credential, now_ms, timeout_ms, expires_at_ms.
 * Each is answered by a line: status, error, result, retry_at_ms, reference,
 * reason.  The first too, by {"status": 0, "error": ""}. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/units.h"
#include "host/loader/loader.h"
#include "host/outgoing/outgoing.h"
#include "host/plugin/effects.h"

static const char *const result_names[] = {
    "",
    "SENT",
    "DEFERRED",
    "REFUSED_ADDRESS",
    "REFUSED_ACCOUNT",
    "NOT_MINE",
    "DEFERRED_THERE",
};

/* NULL: the input has ended. */
static json_t *
read_line(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len = getline(&line, &size, stdin);
    json_t *json = len > 0 ? json_loadb(line, (size_t)len, 0, NULL) : NULL;

    free(line);
    return json;
}

static void
write_line(json_t *json)
{
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(json);
}

/* A value as init() wants it; a wrong one is the test's fault.  Steals it. */
static json_t *
converted(const struct factor_setting *setting, json_t *value)
{
    int64_t ms;

    if (setting->type != FACTOR_SETTING_DURATION || !json_is_string(value) ||
        !units_duration(json_string_value(value), &ms))
        return value;
    json_decref(value);
    return json_integer(ms);
}

/* The settings as init() wants them. */
static json_t *
complete(const struct factor_setting *const *table, json_t *given)
{
    json_t *settings = json_object(), *value;

    for (; *table; table++) {
        value = json_incref(json_object_get(given, (*table)->name));
        if (!value && (*table)->value)
            value = json_loads((*table)->value, JSON_DECODE_ANY, NULL);
        json_object_set_new(settings, (*table)->name,
                            value ? converted(*table, value) : json_null());
    }
    return settings;
}

static const char *
text_of(json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));

    return text ? text : "";
}

static int64_t
number_of(json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static void
deliver(const struct factor_delivery_ops *ops, struct factor_delivery *self,
        json_t *json)
{
    const char *channel = text_of(json, "channel");
    struct factor_message message = {
        .struct_size = sizeof(message),
        .attempt = 1,
        .id = text_of(json, "id"),
        .channel = *channel ? channel : "push",
        .address = text_of(json, "address"),
        .template_id = "test",
        .language = "en",
        .subject = json_string_value(json_object_get(json, "subject")),
        .code = json_string_value(json_object_get(json, "code")),
        .text = text_of(json, "text"),
        .variables = json_object_get(json, "variables"),
        .credential = json_object_get(json, "credential"),
        .now_ms = number_of(json, "now_ms"),
        .timeout_ms = number_of(json, "timeout_ms"),
        .expires_at_ms = number_of(json, "expires_at_ms"),
    };
    struct factor_receipt receipt = { .struct_size = sizeof(receipt) };
    struct factor_error err = { 0 };
    factor_status status = ops->deliver(self, &message, &receipt, &err);

    write_line(json_pack("{s:i, s:s, s:s, s:I, s:s, s:s}", "status", status,
                         "error", err.text, "result",
                         result_names[receipt.result], "retry_at_ms",
                         (json_int_t)receipt.retry_at_ms, "reference",
                         receipt.reference, "reason", receipt.reason));
}

static int
run(const struct loaded_plugin *plugin, json_t *setup)
{
    json_t *settings =
        complete(plugin->info->settings, json_object_get(setup, "settings"));
    struct factor_delivery *self = NULL;
    struct factor_error err = { 0 };
    factor_status status;
    json_t *message;

    outgoing_begin(json_object_get(setup, "allowed_hosts"),
                   json_string_value(json_object_get(setup, "ca_file")));
    status = plugin->delivery->init(plugin_host(), settings, &self, &err);
    json_decref(settings);
    write_line(json_pack("{s:i, s:s}", "status", status, "error", err.text));
    while (!status && (message = read_line())) {
        deliver(plugin->delivery, self, message);
        json_decref(message);
    }
    plugin->delivery->fini(self);
    outgoing_end();
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    struct loader *loader = loader_new(".");
    const struct loaded_plugin *plugin = NULL;
    struct factor_error err = { 0 };
    json_t *setup = argc == 2 ? read_line() : NULL;
    int ended = EXIT_FAILURE;

    if (!setup || !loader)
        fprintf(stderr, "usage: push_once PLUGIN.so <LINES\n");
    else if (loader_load_file(loader, argv[1], &plugin, &err))
        fprintf(stderr, "push_once: %s\n", err.text);
    else if (!plugin->delivery)
        fprintf(stderr, "push_once: %s delivers nothing\n", argv[1]);
    else
        ended = run(plugin, setup);
    json_decref(setup);
    loader_release(loader, plugin);
    loader_free(loader);
    return ended;
}
