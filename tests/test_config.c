/* SPDX-License-Identifier: MIT */
/* tests/test_config.c - configurations, right and wrong, with the exact line
 * that each problem gives. */
#include <CUnit/CUnit.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/config/config.h"
#include "host/config/host_settings.h"
#include "host/config/schema.h"
#include "host/config/settings.h"
#include "tests/folder.h"
#include "tests/tap.h"

/* --- tools --- */

static struct problems problems;

static int
set_up(void)
{
    /* Names in problems are then as they are written here. */
    return folder_make() || chdir(folder_path());
}

static int
tear_down(void)
{
    problems_clear(&problems);
    return chdir("/") || folder_remove();
}

static struct config *
load_with(const char *text, const char *const *sets)
{
    struct config_options options = {
        .file = "factord.json",
        .sets = sets,
        .build_directory = "/nonexistent",
    };

    problems_clear(&problems);
    if (text)
        folder_write_text("factord.json", text);
    while (sets && sets[options.set_count])
        options.set_count++;
    return config_load(&options, &problems);
}

static struct config *
load(const char *text)
{
    return load_with(text, NULL);
}

static void
expect_problems(const char *expected)
{
    char *text = NULL;
    size_t len, i;
    FILE *out = open_memstream(&text, &len);

    for (i = 0; i < problems.count; i++)
        fprintf(out, "%s%s\n", problems.lines[i].warning ? "warning: " : "",
                problems.lines[i].text);
    fclose(out);
    folder_expect_text(expected, text);
    free(text);
}

static void
expect_file(const char *text, const char *expected)
{
    config_free(load(text));
    expect_problems(expected);
}

static struct config *
load_right(const char *text)
{
    struct config *config = load(text);

    expect_problems("");
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    return config;
}

#define STORE "\"store\": {\"plugin\": \"sqlite\"}"

/* --- files --- */

static void
fills_every_default(void)
{
    struct config *config = load_right("{" STORE "}");

    CU_ASSERT_EQUAL(900000, config_number(config, "/flow/idle_limit"));
    CU_ASSERT_EQUAL(64 << 20, config_number(config, "/flow/volatile_memory"));
    CU_ASSERT_EQUAL(2, config_number(config, "/server/loops"));
    CU_ASSERT_EQUAL(32, config_number(config, "/limits/queue_per_subject"));
    CU_ASSERT_FALSE(config_flag(config, "/server/rest_on_public"));
    CU_ASSERT_PTR_NULL(config_text(config, "/server/admin_listen"));
    CU_ASSERT_PTR_NULL(config_text(config, "/users_file"));
    folder_expect_text("127.0.0.1:9031", config_text(config, "/server/listen"));
    folder_expect_text("http://127.0.0.1:9031",
                       config_text(config, "/server/base_url"));
    CU_ASSERT_PTR_NOT_NULL(strstr(config_text(config, "/keys_file"),
                                  "/lib/factord/keys.json"));
    CU_ASSERT_EQUAL(0, json_object_size(config_at(config, "/clients")));
    CU_ASSERT_PTR_NULL(json_object_get(config_host(config), "store"));
    CU_ASSERT_PTR_NULL(json_object_get(config_host(config), "adapters"));
    config_free(config);
}

static void
names_file_and_line_of_bad_json(void)
{
    CU_ASSERT_PTR_NULL(load("{\n  \"store\": {\"plugin\": }\n}\n"));
    expect_problems("factord.json:2: no JSON: unexpected token near '}', at "
                    "column 23\n");
    CU_ASSERT_PTR_NULL(load("{\n  \"a\": 1,\n  \"a\": 2\n}\n"));
    expect_problems("factord.json:3: the same name twice in one object "
                    "(duplicate object key near '\"a\"'); keep one\n");
    CU_ASSERT_PTR_NULL(load("[]"));
    expect_problems("factord.json:1: not an object; a configuration is "
                    "{...}\n");
    CU_ASSERT_EQUAL(0, unlink("factord.json"));
    CU_ASSERT_PTR_NULL(load(NULL));
    expect_problems("factord.json: cannot be read: No such file or directory; "
                    "correct the path or the file's rights\n");
}

static void
allows_comments_anywhere(void)
{
    config_free(load_right(
        "{\"$schema\": \"x\", \"$comment\": [1],\n"
        " \"store\": {\"$comment\": \"here\", \"plugin\": \"sqlite\"},\n"
        " \"server\": {\"$comment\": \"there\", \"loops\": 3},\n"
        " \"adapters\": {\"$comment\": \"and here\"},\n"
        " \"policies\": {\"$comment\": \"none\"}}"));
}

static void
suggests_what_was_meant(void)
{
    expect_file("{" STORE ",\n"
                " \"sever\": {},\n"
                " \"server\": {\"lissten\": 1,\n"
                "  \"adminlisten\": 2,\n"
                "  \"xyzzy\": 3},\n"
                " \"session\": {\"color\": 1}}",
                "factord.json:2: /sever: unknown setting \"sever\"; did you "
                "mean \"server\"?\n"
                "factord.json:3: /server/lissten: unknown setting "
                "\"lissten\"; did you mean \"listen\"?\n"
                "factord.json:4: /server/adminlisten: unknown setting "
                "\"adminlisten\"; did you mean \"admin_listen\"?\n"
                "factord.json:5: /server/xyzzy: unknown setting \"xyzzy\"; "
                "known here are \"listen\", \"base_url\", \"tls\", "
                "\"strict_transport\", \"admin_listen\", \"admin_tls\", "
                "\"admin_base_url\", \"trusted_proxies\", \"rest_on_public\", "
                "\"web_directory\", \"sign_on_page\", "
                "\"authenticator_url\", \"loops\", \"connections\", "
                "\"idle_timeout\", "
                "\"control_socket\", \"stop_grace\"\n"
                "factord.json:6: /session/color: unknown setting \"color\"; "
                "known here are \"lifetime\", \"old_id_grace\"\n");
}

static void
tells_all_problems_at_once(void)
{
    expect_file("{\n"
                " \"server\": {\n"
                "  \"loops\": 0,\n"
                "  \"rest_on_public\": \"yes\",\n"
                "  \"listen\": 9031},\n"
                " \"limits\": {\"countries\": [\"+49\", \"proxy\",\n"
                "    7]\n"
                " },\n"
                " \"flow\": {\"idle_limit\": 90,\n"
                "  \"volatile_memory\": \"64M\", \"absolute_limit\": \"2d\"},\n"
                " \"log_level\": \"warn\",\n"
                " \"session\": [],\n"
                " \"clients\": {\"a/b\": {}}\n"
                "}",
                "factord.json:5: /server/listen: not a string; write it in "
                "double quotes\n"
                "factord.json:4: /server/rest_on_public: neither true nor "
                "false; write one of them without quotes\n"
                "factord.json:3: /server/loops: 0 is out of range; from 1 to "
                "64 are allowed\n"
                "factord.json:11: /log_level: \"warn\" is not a choice; "
                "choose one of \"error\", \"warning\", \"info\", \"debug\"\n"
                "factord.json:13: /clients/a~1b: \"type\" is missing; add it "
                "(Can the client keep a secret?)\n"
                "factord.json:1: \"store\" is missing; add it (Where records "
                "are kept.)\n"
                "factord.json:9: /flow/idle_limit: not a duration; write a "
                "whole number and a unit (ms, s, min, h, d), such as "
                "\"90s\"\n"
                "factord.json:10: /flow/absolute_limit: 2d is out of range; "
                "from 1s to 1d are allowed\n"
                "factord.json:10: /flow/volatile_memory: not a size; write a "
                "whole number and a unit (B, KiB, MiB, GiB), such as "
                "\"64KiB\"\n"
                "factord.json:12: /session: not an object; write {...}\n"
                "factord.json:7: /limits/countries/2: not a string; write it "
                "in double quotes\n"
                "factord.json:6: /limits/countries/1: \"proxy\" is not a "
                "country code; write \"+\" and digits, such as \"+49\"\n"
                "factord.json:13: /clients/a~1b: it can do nothing; add "
                "\"redirect_uris\", \"pi_flow\": true or \"roles\"\n");
}

/* So that what comes after can be checked as well. */
static void
can_be_read_all_the_same(void)
{
    struct config *config =
        load("{" STORE ", \"plugin_directory\": 1, \"server\": 7,\n"
             "\"flow\": {\"idle_limit\": 1}}");

    CU_ASSERT_EQUAL(3, problems.errors);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_PTR_NOT_NULL(config_text(config, "/plugin_directory"));
    CU_ASSERT_EQUAL(2, config_number(config, "/server/loops"));
    CU_ASSERT_EQUAL(900000, config_number(config, "/flow/idle_limit"));
    config_free(config);
}

static void
takes_null_as_not_given(void)
{
    struct config *config =
        load_right("{" STORE ", \"log_level\": null, \"server\": null}");

    folder_expect_text("info", config_text(config, "/log_level"));
    CU_ASSERT_EQUAL(2, config_number(config, "/server/loops"));
    config_free(config);
}

static void
makes_paths_absolute(void)
{
    static const char *const sets[] = {"users_file=there/users.ndjson", NULL};
    struct config *config;

    folder_write_text("sub/factord.json",
                      "{" STORE ", \"plugin_directory\": \"plugins\",\n"
                      " \"server\": {\"web_directory\": \"./web\",\n"
                      "   \"admin_listen\": \"unix:admin.sock\"},\n"
                      " \"users_file\": \"users.ndjson\",\n"
                      " \"keys_file\": \"k.json\",\n"
                      " \"state_directory\": \"state\"}");
    config = config_load(
        &(struct config_options){.file = "sub/factord.json",
                                 .build_directory = "/nonexistent"},
        &problems);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    folder_expect_text(folder_in("sub/plugins"),
                       config_text(config, "/plugin_directory"));
    folder_expect_text(folder_in("sub/web"),
                       config_text(config, "/server/web_directory"));
    folder_expect_text(folder_in("sub/users.ndjson"),
                       config_text(config, "/users_file"));
    folder_expect_text(folder_in("sub/state"),
                       config_text(config, "/state_directory"));
    folder_expect_text(folder_in("sub/state/k.json"),
                       config_text(config, "/keys_file"));
    folder_expect_text(folder_text("unix:%s/sub/state/admin.sock",
                                   folder_path()),
                       config_text(config, "/server/admin_listen"));
    config_free(config);
    config = load_with("{" STORE ", \"users_file\": \"/x\"}", sets);
    folder_expect_text(folder_in("there/users.ndjson"),
                       config_text(config, "/users_file"));
    config_free(config);
}

/* --- conf.d --- */

static void
clear_conf_d(void)
{
    static const char *const names[] = {"conf.d/10-a.json", "conf.d/20-b.json",
                                        "conf.d/.hidden.json",
                                        "conf.d/README"};
    size_t i;

    for (i = 0; i < TAP_COUNT(names); i++)
        unlink(names[i]);
    rmdir("conf.d");
}

static void
merges_conf_d(void)
{
    struct config *config;

    folder_write_text("conf.d/10-a.json",
                      "{\"adapters\": {\"otp\": {\"plugin\": \"otp\"}},\n"
                      " \"server\": {\"loops\": 4}}");
    folder_write_text("conf.d/20-b.json",
                      "{\"adapters\": {\"mfa\": {\"plugin\": \"mfa\"}},\n"
                      " \"delivery\": {\"sms\": [{\"plugin\": \"file\"}]}}");
    folder_write_text("conf.d/.hidden.json", "no");
    folder_write_text("conf.d/README", "no");
    config = load_right("{" STORE ", \"server\": {\"connections\": 99},\n"
                        " \"delivery\": {\"email\": [{\"plugin\": \"file\"},\n"
                        "    {\"plugin\": \"smtp\"}]}}");
    CU_ASSERT_EQUAL(99, config_number(config, "/server/connections"));
    CU_ASSERT_EQUAL(4, config_number(config, "/server/loops"));
    CU_ASSERT_EQUAL(6, config_instance_count(config));
    folder_expect_text("otp", config_instance(config, 0)->name);
    folder_expect_text("/adapters/mfa", config_instance(config, 1)->pointer);
    CU_ASSERT_EQUAL(FACTOR_KIND_DELIVERY, config_instance(config, 3)->kind);
    folder_expect_text("email", config_instance(config, 3)->name);
    CU_ASSERT_EQUAL(1, config_instance(config, 3)->index);
    folder_expect_text("smtp", config_instance(config, 3)->plugin);
    folder_expect_text("/delivery/email/1",
                       config_instance(config, 3)->pointer);
    folder_expect_text("sms", config_instance(config, 4)->name);
    CU_ASSERT_EQUAL(FACTOR_KIND_STORE, config_instance(config, 5)->kind);
    CU_ASSERT_PTR_NULL(config_instance(config, 6));
    config_free(config);
    clear_conf_d();
}

static void
names_both_files_of_a_conflict(void)
{
    folder_write_text("conf.d/10-a.json",
                      "{\"adapters\": {\n"
                      "  \"otp\": {\"plugin\": \"otp\"}},\n"
                      " \"log_level\": \"debug\"}");
    folder_write_text("conf.d/20-b.json",
                      "{\"adapters\": {\"otp\": {\"plugin\": \"otp\"}},\n"
                      "\n"
                      " \"store\": {\"plugin\": \"other\"},\n"
                      " \"server\": {\"loops\": 3}}");
    expect_file("{" STORE ",\n"
                " \"server\": {\"loops\": 2},\n"
                " \"log_level\": \"info\"}",
                "conf.d/10-a.json:3: /log_level: already defined at "
                "factord.json:3; keep one of the two\n"
                "conf.d/20-b.json:1: /adapters/otp: already defined at "
                "conf.d/10-a.json:2; keep one of the two\n"
                "conf.d/20-b.json:3: /store: already defined at "
                "factord.json:1; keep one of the two\n"
                "conf.d/20-b.json:4: /server/loops: already defined at "
                "factord.json:2; keep one of the two\n");
    clear_conf_d();
}

static void
names_the_file_in_conf_d(void)
{
    folder_write_text("conf.d/10-a.json", "{\"adapters\": }");
    folder_write_text("conf.d/20-b.json", "{\n\"flow\": {\n\"idle\": 1}}");
    expect_file("{" STORE "}",
                "conf.d/10-a.json:1: no JSON: unexpected token near '}', at "
                "column 14\n"
                "conf.d/20-b.json:3: /flow/idle: unknown setting \"idle\"; "
                "known here are \"idle_limit\", \"absolute_limit\", "
                "\"finished_grace\", \"volatile_memory\", \"parked_max\", "
                "\"parked_limit\", \"stream_limit\", "
                "\"stream_heartbeat\"\n");
    clear_conf_d();
}

/* --- --set --- */

static void
sets_override(void)
{
    static const char *const sets[] = {
        "server.listen=127.0.0.1:1",
        "flow.idle_limit=5min",
        "server.rest_on_public=true",
        "session.lifetime=1h",
        "delivery.email.0.path=a",
        "delivery.email.1={\"plugin\": \"smtp\"}",
        "log_level=\"debug\"",
        "clients.a\\.b.type=public",
        "clients.a\\.b.roles=[\"x\"]",
        "clients.a\\.b.name=42",
        NULL};
    struct config *config =
        load_with("{" STORE ", \"flow\": {\"idle_limit\": \"1min\"},\n"
                  "\"delivery\": {\"email\": [{\"plugin\": \"file\"}]}}", sets);

    expect_problems("");
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    folder_expect_text("127.0.0.1:1", config_text(config, "/server/listen"));
    CU_ASSERT_EQUAL(300000, config_number(config, "/flow/idle_limit"));
    CU_ASSERT(config_flag(config, "/server/rest_on_public"));
    CU_ASSERT_EQUAL(3600000, config_number(config, "/session/lifetime"));
    folder_expect_text("debug", config_text(config, "/log_level"));
    folder_expect_text("42", config_text(config, "/clients/a.b/name"));
    folder_expect_text("a", json_string_value(json_object_get(
                                config_instance(config, 0)->raw, "path")));
    folder_expect_text("smtp", config_instance(config, 1)->plugin);
    config_free(config);
}

static void
names_the_set_that_is_wrong(void)
{
    static const char *const sets[] = {
        "log_level",       "=1",      "server..x=1", "log_level.x=1",
        "server.loops=0",  "sever.x=secret", "delivery.email.7=1",
        "flow.idle_limit=90", "users_file=\xff", NULL};

    config_free(load_with("{" STORE ", \"log_level\": \"info\",\n"
                          "\"delivery\": {\"email\": []}}", sets));
    expect_problems(
        "--set log_level: it has no \"=\"; write --set a.b.c=value\n"
        "--set : a name is empty; write a.b.c=value\n"
        "--set server..x: a name is empty; write a.b.c=value\n"
        "--set log_level.x: /log_level/x: there is no place for it; "
        "/log_level is not an object\n"
        "--set delivery.email.7: /delivery/email/7: there is no place for "
        "it; /delivery/email is a list: write its next number\n"
        "--set users_file: /users_file: the value is not UTF-8; write it so\n"
        "--set sever.x: /sever: unknown setting \"sever\"; did you mean "
        "\"server\"?\n"
        "--set server.loops: /server/loops: 0 is out of range; from 1 to 64 "
        "are allowed\n"
        "--set flow.idle_limit: /flow/idle_limit: not a duration; write a "
        "whole number and a unit (ms, s, min, h, d), such as \"90s\"\n");
}

/* What a --set replaces is gone, with its lines. */
static void
forgets_what_a_set_replaced(void)
{
    static const char *const sets[] = {"server={\"lops\": 1}",
                                       "log_level.x=debug", NULL};

    config_free(load_with("{" STORE ",\n"
                          "\"server\": {\"lops\": 2}}", sets));
    expect_problems("--set server: /server/lops: unknown setting \"lops\"; "
                    "did you mean \"loops\"?\n"
                    "--set log_level.x: /log_level: not a string; write it in "
                    "double quotes\n");
}

/* --- instances --- */

static void
says_what_is_no_instance(void)
{
    expect_file("{\"store\": {},\n"
                " \"adapters\": {\"a.b\": {\"plugin\": \"otp\"},\n"
                "  \"login_hint_token\": {\"plugin\": \"otp\"},\n"
                "  \"x\": [],\n"
                "  \"y\": {\"plugin\": \"../otp\"},\n"
                "  \"z\": {\"plugin\": 7}},\n"
                " \"sources\": [],\n"
                " \"delivery\": {\"emial\": [],\n"
                "  \"fax\": [],\n"
                "  \"sms\": {\"plugin\": \"file\"}}}",
                "factord.json:2: /adapters/a.b: not a name for it; choose "
                "one of letters, digits, \"_\" and \"-\"\n"
                "factord.json:3: /adapters/login_hint_token: not a name for "
                "it; choose one of letters, digits, \"_\" and \"-\"\n"
                "factord.json:4: /adapters/x: not an object; write "
                "{\"plugin\": \"NAME\", ...}\n"
                "factord.json:5: /adapters/y/plugin: not a plugin's name; "
                "write it without kind and ending, such as \"otp\"\n"
                "factord.json:6: /adapters/z/plugin: not a plugin's name; "
                "write it without kind and ending, such as \"otp\"\n"
                "factord.json:7: /sources: not an object; write {\"NAME\": "
                "...}\n"
                "factord.json:8: /delivery/emial: unknown channel \"emial\"; "
                "did you mean \"email\"?\n"
                "factord.json:9: /delivery/fax: unknown channel \"fax\"; "
                "known are \"email\", \"sms\", \"voice\", \"push\"\n"
                "factord.json:10: /delivery/sms: not a list; write "
                "[{\"plugin\": \"NAME\", ...}]\n"
                "factord.json:1: /store: \"plugin\" is missing; add the "
                "plugin's name\n");
}

static const struct factor_setting path_setting = {
    .struct_size = sizeof(path_setting),
    .type = FACTOR_SETTING_STATE_PATH,
    .name = "path",
    .text = "Where.",
    .value = "\"db.sqlite\"",
};
static const struct factor_setting wait_setting = {
    .struct_size = sizeof(wait_setting),
    .type = FACTOR_SETTING_DURATION,
    .name = "wait",
    .text = "How long.",
    .value = "\"5s\"",
};
static const struct factor_setting password_setting = {
    .struct_size = sizeof(password_setting),
    .type = FACTOR_SETTING_STRING,
    .flags = FACTOR_SETTING_SECRET | FACTOR_SETTING_REQUIRED,
    .name = "password",
    .text = "The password.",
};
static const struct factor_setting *const plugin_settings[] = {
    &path_setting, &wait_setting, &password_setting, NULL};

static void
completes_an_instance(void)
{
    struct config *config;
    json_t *settings;

    folder_write_text("password", "geheim\r\n");
    chmod("password", 0600);
    config = load_right("{\"store\": {\"plugin\": \"x\",\n"
                        "  \"password\": {\"$file\": \"password\"}},\n"
                        " \"state_directory\": \"/state\"}");
    settings = config_complete(config, config_instance(config, 0),
                               plugin_settings, &problems);
    expect_problems("");
    CU_ASSERT_EQUAL(3, json_object_size(settings));
    folder_expect_text("/state/db.sqlite",
                       json_string_value(json_object_get(settings, "path")));
    CU_ASSERT_EQUAL(5000, json_integer_value(json_object_get(settings,
                                                             "wait")));
    folder_expect_text("geheim", json_string_value(json_object_get(
                                     settings, "password")));
    json_decref(settings);
    config_free(config);
}

static void
names_the_line_in_an_instance(void)
{
    struct config *config =
        load("{\"store\": {\"plugin\": \"x\",\n"
             "  \"waitt\": 1,\n"
             "  \"wait\": true}}");

    json_decref(config_complete(config, config_instance(config, 0),
                                plugin_settings, &problems));
    config_problem(config, &problems, "/store/path/x", "of %s", "init");
    config_warning(config, &problems, "/store", "of init");
    expect_problems("factord.json:2: /store/waitt: unknown setting "
                    "\"waitt\"; did you mean \"wait\"?\n"
                    "factord.json:3: /store/wait: not a duration; write a "
                    "whole number and a unit (ms, s, min, h, d), such as "
                    "\"90s\"\n"
                    "factord.json:1: /store: \"password\" is missing; add it "
                    "(The password.)\n"
                    "factord.json:1: /store/path/x: of init\n"
                    "warning: factord.json:1: /store: of init\n");
    problems_clear(&problems);
    json_decref(config_complete(config, config_instance(config, 0), NULL,
                                &problems));
    expect_problems("factord.json:2: /store/waitt: unknown setting "
                    "\"waitt\"; none is known here\n"
                    "factord.json:3: /store/wait: unknown setting \"wait\"; "
                    "none is known here\n");
    config_free(config);
}

/* --- secrets --- */

#define CLIENT(secret)                                                         \
    "{" STORE ", \"clients\": {\"c\": {\"type\": \"confidential\",\n"          \
    " \"roles\": [\"x\"], \"secret\": " secret "}}}"

static void
expect_secret(const char *text, const char *expected)
{
    struct config *config = load_right(text);

    folder_expect_text(expected, config_text(config, "/clients/c/secret"));
    config_free(config);
}

static void
reads_secrets_by_reference(void)
{
    folder_write_text("keys/secret", "s3\n");
    chmod("keys/secret", 0600);
    setenv("FACTOR_TEST_SECRET", "s1", 1);
    setenv("CREDENTIALS_DIRECTORY", folder_in("keys"), 1);
    expect_secret(CLIENT("{\"$env\": \"FACTOR_TEST_SECRET\"}"), "s1");
    expect_secret(CLIENT("{\"$file\": \"keys/secret\"}"), "s3");
    expect_secret(CLIENT("{\"$credential\": \"secret\"}"), "s3");
    unsetenv("CREDENTIALS_DIRECTORY");
}

#define KEYS_FILE(value)                                                       \
    "{" STORE ", \"state_directory\": \"state\",\n"                            \
    "\"keys_file\": " value "}"

static void
expect_keys_file(const char *text, const char *expected)
{
    struct config *config = load(text);

    expect_problems("");
    CU_ASSERT_STRING_EQUAL(config_text(config, "/keys_file"), expected);
    config_free(config);
}

static void
takes_credentials_for_paths(void)
{
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
    expect_keys_file(KEYS_FILE("{\"$credential\": \"keys\"}"),
                     "/run/credentials/x/keys");
    expect_keys_file(KEYS_FILE("{\"$file\": \"/a/keys\"}"), "/a/keys");
    unsetenv("CREDENTIALS_DIRECTORY");
    expect_file(KEYS_FILE("{\"$credential\": \"keys\"}"),
                "factord.json:2: /keys_file: there are no credentials here; "
                "give \"keys\" by systemd's LoadCredential=, or use "
                "\"$file\"\n");
    expect_file(KEYS_FILE("{\"$env\": \"HOME\"}"),
                "factord.json:2: /keys_file: not a path; write one in double "
                "quotes, or {\"$credential\": NAME}\n");
}

static void
wants_a_long_secret_for_keys(void)
{
    folder_write_text("short", "0123456789012345678901234567890");
    chmod("short", 0600);
    expect_file("{" STORE ", \"keys_secret\": {\"$file\": \"short\"}}",
                "factord.json:1: /keys_secret: it has less than 32 "
                "characters; make one by openssl rand -base64 32\n");
}

static void
refuses_other_secrets(void)
{
    expect_file(CLIENT("\"in clear\""),
                "factord.json:2: /clients/c/secret: a secret does not stand "
                "in a configuration; write {\"$file\": PATH}, {\"$env\": "
                "NAME} or {\"$credential\": NAME}\n");
    expect_file(CLIENT("{\"$file\": \"a\", \"$env\": \"b\"}"),
                "factord.json:2: /clients/c/secret: not a reference; write "
                "{\"$file\": PATH}, {\"$env\": NAME} or {\"$credential\": "
                "NAME}\n");
    expect_file(CLIENT("{\"$file\": \"nowhere\"}"),
                folder_text("factord.json:2: /clients/c/secret: cannot open "
                            "%s/nowhere: No such file or directory; create "
                            "it, or correct the path\n", folder_path()));
    expect_file(CLIENT("{\"$env\": \"FACTOR_TEST_NOWHERE\"}"),
                "factord.json:2: /clients/c/secret: the environment has no "
                "FACTOR_TEST_NOWHERE; set it for the daemon\n");
    expect_file(CLIENT("{\"$credential\": \"x\"}"),
                "factord.json:2: /clients/c/secret: there are no credentials "
                "here; give \"x\" by systemd's LoadCredential=, or use "
                "\"$file\"\n");
    expect_file(CLIENT("{\"$credential\": \"../x\"}"),
                "factord.json:2: /clients/c/secret: \"../x\" is no "
                "credential's name; write it without \"/\"\n");
    folder_write_text("empty", "\n");
    chmod("empty", 0600);
    expect_file(CLIENT("{\"$file\": \"empty\"}"),
                "factord.json:2: /clients/c/secret: empty is empty or no "
                "UTF-8 text; write the value there\n");
    folder_write("nul", "a\0b", 3);
    expect_file(CLIENT("{\"$file\": \"nul\"}"),
                folder_text("warning: factord.json:2: /clients/c/secret: "
                            "everyone may read %s/nul; chmod o-r it\n"
                            "factord.json:2: /clients/c/secret: nul is empty "
                            "or no UTF-8 text; write the value there\n",
                            folder_path()));
}

/* --- how settings fit together --- */

static void
checks_the_server(void)
{
    expect_file("{" STORE ", \"server\": {\"listen\": \"0.0.0.0:80\"}}",
                "factord.json:1: /server: \"base_url\" is missing and does "
                "not follow from \"listen\" (0.0.0.0:80); add the URL that "
                "browsers use\n");
    expect_file("{" STORE ", \"server\": {\n"
                "\"listen\": \"9031\",\n"
                "\"base_url\": \"https://x/\",\n"
                "\"admin_listen\": \"0.0.0.0:99\",\n"
                "\"admin_base_url\": \"http://x/a/\",\n"
                "\"sign_on_page\": \"//evil\"}}",
                "factord.json:2: /server/listen: \"9031\" is not an address "
                "to listen on; write ADDRESS:PORT, [V6]:PORT or unix:PATH\n"
                "factord.json:3: /server/base_url: \"https://x/\" is not an "
                "origin; write http[s]://HOST[:PORT] and nothing more\n"
                "factord.json:5: /server/admin_base_url: \"http://x/a/\" is "
                "not a URL that paths can be added to; write "
                "http[s]://HOST[:PORT] and no \"/\" at the end\n"
                "factord.json:6: /server/sign_on_page: \"//evil\" is not a "
                "page; write a path that begins with one \"/\", or a URL\n"
                "warning: factord.json:4: /server/admin_listen: others than "
                "this machine can reach it, in clear; set \"admin_tls\", or "
                "listen on loopback or unix:PATH\n");
    expect_file("{" STORE ", \"server\": {\n"
                "\"admin_listen\": \"unix:a\", "
                "\"base_url\": \"http://[::1]\",\n"
                "\"tls\": {\"certificate\": \"c\", \"key\": \"k\"},\n"
                "\"admin_tls\": {\"certificate\": \"c\", \"key\": \"k\"}}}",
                "factord.json:4: /server/admin_tls: not for \"unix:a\", which "
                "no network reaches; leave it out\n"
                "factord.json:2: /server/base_url: \"http://[::1]\" is not "
                "where a listener with \"tls\" is reached; write "
                "https://...\n");
    expect_file("{" STORE ", \"server\": {\"base_url\": \"http://x\"}}",
                "warning: factord.json:1: /server/base_url: passcodes and "
                "cookies go over the network in clear; use https\n");
}

#define PHONE_AT(base, url)                                                    \
    "{" STORE ", \"server\": {\"base_url\": \"" base "\",\n"                   \
    "\"authenticator_url\": \"" url "/authenticator/\"}}"

static void
phone_at(const char *text, const char *url)
{
    struct config *config = load_right(text);

    CU_ASSERT_STRING_EQUAL(config_text(config, "/server/authenticator_url"),
                           url);
    config_free(config);
}

static void
keeps_the_phone_apart(void)
{
    static const char same[] =
        "factord.json:2: /server/authenticator_url: of the same origin as "
        "\"base_url\", whose pages could use the phone's keys; give it a "
        "host name of its own\n";
    struct config *config;

    phone_at("{" STORE "}", "http://127.0.0.1:9031/authenticator/");
    phone_at(PHONE_AT("https://a", "https://b"), "https://b/authenticator/");
    phone_at(PHONE_AT("https://a", "https://a:8443"),
             "https://a:8443/authenticator/");
    phone_at(PHONE_AT("http://localhost:1", "http://localhost:1"),
             "http://localhost:1/authenticator/");
    config = load_right("{" STORE ", \"server\": {\"base_url\": "
                        "\"https://a\"}}");
    CU_ASSERT_PTR_NULL(config_text(config, "/server/authenticator_url"));
    config_free(config);
    expect_file(PHONE_AT("https://a", "https://a"), same);
    expect_file(PHONE_AT("https://a", "https://A:443"), same);
    expect_file(PHONE_AT("https://a:443", "https://a"), same);
    expect_file(PHONE_AT("https://a", "http://b"),
                "factord.json:2: /server/authenticator_url: "
                "\"http://b/authenticator/\" is not where a browser keeps "
                "keys; write https://HOST[:PORT]/authenticator/\n");
    expect_file(PHONE_AT("https://a", "https://b/c"),
                "factord.json:2: /server/authenticator_url: "
                "\"https://b/c/authenticator/\" is not where a browser keeps "
                "keys; write https://HOST[:PORT]/authenticator/\n");
}

static void
checks_pairs(void)
{
    expect_file("{" STORE ",\n"
                " \"flow\": {\"idle_limit\": \"31min\"},\n"
                " \"outbox\": {\"lease\": \"10s\"},\n"
                " \"limits\": {\"countries\": [\"+49\", \"49\"]},\n"
                " \"outgoing\": {\"allowed_hosts\": [\"a.b\", \"[::1]:80\", "
                "\"http://a\"]},\n"
                " \"texts\": {\"de\": {\"a\": 1},\n"
                "  \"en\": 2}}",
                "factord.json:2: /flow/idle_limit: longer than "
                "\"absolute_limit\"; lower it or raise that\n"
                "factord.json:4: /limits/countries/1: \"49\" is not a "
                "country code; write \"+\" and digits, such as \"+49\"\n"
                "factord.json:3: /outbox/lease: not longer than \"timeout\": "
                "a message under way would be sent again; raise it\n"
                "factord.json:6: /texts/de/a: not a string; write the text "
                "in double quotes\n"
                "factord.json:7: /texts/en: not an object; write {\"KEY\": "
                "\"TEXT\"}\n"
                "factord.json:5: /outgoing/allowed_hosts/2: \"http://a\" is "
                "not a host; write HOST or HOST:PORT\n");
}

static void
checks_policies(void)
{
    expect_file("{" STORE ",\n"
                "\"adapters\": {\"password\": {\"plugin\": \"password\"},\n"
                "  \"otp\": {\"plugin\": \"otp\"}},\n"
                "\"policies\": {\"a\": {\"acr\": \"x\", \"steps\": [\n"
                "  {\"adapter\": \"pasword\"},\n"
                "  {\"adapter\": \"otp\", \"input\": {\n"
                "    \"u\": \"pasword.userId\",\n"
                "    \"v\": \"otp.userId\",\n"
                "    \"w\": {\"value\": null}, \"x\": {\"value\": 1},\n"
                "    \"y\": {\"value\": 1, \"values\": 2},\n"
                "    \"z\": 3}, \"require\": 1},\n"
                "  {\"adapter\": \"login_hint_token\", \"input\": []}]},\n"
                " \"b\": {\"acr\": \"x\", \"steps\": []}}}",
                "factord.json:5: /policies/a/steps/0/adapter: there is no "
                "adapter \"pasword\"; did you mean \"password\"?\n"
                "factord.json:11: /policies/a/steps/1/require: not an "
                "object; write {\"ATTRIBUTE\": VALUE}\n"
                "factord.json:8: /policies/a/steps/1/input/v: \"otp.userId\" "
                "is of no earlier step; write STEP.ATTRIBUTE, where STEP is "
                "an adapter before this one, or {\"value\": \"otp.userId\"} "
                "for a constant\n"
                "factord.json:10: /policies/a/steps/1/input/y: neither "
                "STEP.ATTRIBUTE of an earlier step nor a constant; write "
                "{\"value\": JSON} for one\n"
                "factord.json:11: /policies/a/steps/1/input/z: neither "
                "STEP.ATTRIBUTE of an earlier step nor a constant; write "
                "{\"value\": JSON} for one\n"
                "factord.json:12: /policies/a/steps/2/adapter: a hint "
                "replaces the first step only; put it first\n"
                "factord.json:12: /policies/a/steps/2/input: not an object; "
                "write {\"NAME\": \"STEP.ATTRIBUTE\"}\n"
                "factord.json:13: /policies/b/steps: there are no steps; add "
                "one: a policy of none signs anyone on\n"
                "factord.json:13: /policies/b/acr: the same as that of "
                "policy \"a\"; give each its own\n");
}

#define POLICY                                                                 \
    STORE ", \"adapters\": {\"otp\": {\"plugin\": \"otp\"}}, \"policies\": "   \
          "{\"otp\": {\"steps\": [{\"adapter\": \"otp\"}]}}, \"clients\": "

/* One client "c", and what is said of it (after "/clients/c"). */
static const struct {
    const char *client, *expected;
} clients[] = {
    {"\"type\": \"public\", \"redirect_uris\": [\"https://a/b\"], "
     "\"policies\": [\"otp\"]", ""},
    {"\"type\": \"public\", \"pi_flow\": true, \"policies\": [\"otp\"]",
     "factord.json:2: /clients/c/pi_flow: a public client that runs flows "
     "needs \"origins\" (a browser's) or \"native\": true (an app's)\n"},
    {"\"type\": \"public\", \"pi_flow\": true, \"policies\": [\"otp\"], "
     "\"origins\": [\"https://a\"]", ""},
    {"\"type\": \"public\", \"pi_flow\": true, \"policies\": [\"otp\"], "
     "\"native\": true",
     "warning: factord.json:2: /clients/c/native: an app that shows the "
     "sign-on itself sees the passwords (against RFC 8252)\n"},
    {"\"type\": \"public\", \"redirect_uris\": [\"https://a\"], "
     "\"policies\": [\"opt\"]",
     "factord.json:2: /clients/c/policies/0: there is no policy \"opt\"; did "
     "you mean \"otp\"?\n"},
    {"\"type\": \"public\", \"redirect_uris\": [\"https://a\"]",
     "factord.json:2: /clients/c: \"policies\" is empty; name the policies "
     "that sign its users on\n"},
    {"\"type\": \"confidential\", \"roles\": [\"worker\"]",
     "factord.json:2: /clients/c: a confidential client needs \"secret\" or "
     "\"jwks\"; add one\n"},
    {"\"type\": \"confidential\", \"roles\": [\"worker\"], \"jwks\": "
     "{\"keys\": [{}]}", ""},
    {"\"type\": \"confidential\", \"roles\": [\"worker\"], \"jwks\": []",
     "factord.json:2: /clients/c/jwks: no JWK Set; write {\"keys\": [...]}, "
     "or {\"$file\": PATH} of one\n"},
    {"\"type\": \"confidential\", \"roles\": [\"worker\"], \"jwks\": "
     "{\"keys\": [{}]}, \"token_endpoint_auth_method\": "
     "\"client_secret_post\"",
     "factord.json:2: /clients/c/token_endpoint_auth_method: "
     "\"client_secret_post\" needs \"secret\"; add it\n"},
    {"\"type\": \"public\", \"roles\": [\"w\"], "
     "\"token_endpoint_auth_method\": \"private_key_jwt\"",
     "factord.json:2: /clients/c/token_endpoint_auth_method: "
     "\"private_key_jwt\" is not for a public client; leave it out\n"},
    {"\"type\": \"public\", \"roles\": [\"w\"], \"secret\": {\"$env\": "
     "\"HOME\"}",
     "factord.json:2: /clients/c/secret: a public client keeps no secret; "
     "leave it out, or make its type confidential\n"},
    {"\"type\": \"public\", \"roles\": [\"w\"], \"pkce\": \"optional\"",
     "warning: factord.json:2: /clients/c/pkce: codes can be injected (a "
     "departure from RFC 9700); use \"required\"\n"},
    {"\"type\": \"public\", \"policies\": [\"otp\"], \"redirect_uris\": "
     "[\"https://a#x\", \"/x\", \"http://a/\", \"http://127.0.0.1:8/\", "
     "\"app.example:/back\", \"JavaScript:x\", \"https://a b\"], "
     "\"origins\": [\"https://a/\", \"*\", \"https://b:8443\"]",
     "factord.json:2: /clients/c/redirect_uris/0: \"https://a#x\" is not a "
     "redirect URI; write an absolute one without a fragment, or a "
     "path of this host\n"
     "factord.json:2: /clients/c/redirect_uris/5: \"JavaScript:x\" is not a "
     "redirect URI; write an absolute one without a fragment, or a "
     "path of this host\n"
     "factord.json:2: /clients/c/redirect_uris/6: \"https://a b\" is not a "
     "redirect URI; write an absolute one without a fragment, or a "
     "path of this host\n"
     "factord.json:2: /clients/c/origins/0: \"https://a/\" is not an origin; "
     "write http[s]://HOST[:PORT] and nothing more\n"
     "factord.json:2: /clients/c/origins/1: \"*\" is not an origin; write "
     "http[s]://HOST[:PORT] and nothing more\n"
     "warning: factord.json:2: /clients/c/redirect_uris/2: codes go over the "
     "network in clear; use https\n"},
    {"\"type\": \"public\", \"roles\": [\"w\"], \"login_hint_token\": {}",
     "factord.json:2: /clients/c/login_hint_token: \"jwks\" is missing; add "
     "it (Keys that sign the client's hints: a JWK Set.)\n"},
};

static void
checks_clients(void)
{
    char text[2048];
    size_t i;

    for (i = 0; i < TAP_COUNT(clients); i++) {
        snprintf(text, sizeof(text), "{%s {\n\"c\": {%s}}}", POLICY,
                 clients[i].client);
        expect_file(text, clients[i].expected);
    }
}

static void
follows_from_type_and_keys(void)
{
    struct config *config = load_right(
        "{" POLICY "{\"p\": {\"type\": \"public\", \"roles\": [\"w\"]},\n"
        "\"k\": {\"type\": \"confidential\", \"roles\": [\"w\"], \"jwks\": "
        "{\"keys\": [1]}},\n"
        "\"s\": {\"type\": \"confidential\", \"roles\": [\"w\"], "
        "\"secret\": {\"$env\": \"HOME\"}}}}");

    folder_expect_text("none", config_text(
        config, "/clients/p/token_endpoint_auth_method"));
    folder_expect_text("private_key_jwt", config_text(
        config, "/clients/k/token_endpoint_auth_method"));
    folder_expect_text("client_secret_basic", config_text(
        config, "/clients/s/token_endpoint_auth_method"));
    config_free(config);
}

/* --- uninstalled --- */

static struct config *
load_in_build(const char *text)
{
    struct config_options options = {.file = "factord.json",
                                     .build_directory = folder_path()};

    problems_clear(&problems);
    folder_write_text("factord.json", text);
    return config_load(&options, &problems);
}

static void
runs_uninstalled(void)
{
    struct config *config;

    folder_write_text("factord.uninstalled",
                      "{\"plugin_directory\": \"/b/.libs\",\n"
                      " \"web_directory\": \"/b/web\"}");
    config = load_in_build("{" STORE "}");
    expect_problems("");
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    folder_expect_text("/b/.libs", config_text(config, "/plugin_directory"));
    folder_expect_text("/b/web", config_text(config, "/server/web_directory"));
    config_free(config);
    config = load_in_build("{" STORE ", \"plugin_directory\": \"/mine\",\n"
                           " \"server\": {\"loops\": 1}}");
    folder_expect_text("/mine", config_text(config, "/plugin_directory"));
    folder_expect_text("/b/web", config_text(config, "/server/web_directory"));
    config_free(config);
    unlink("factord.uninstalled");
    config = load_right("{" STORE "}");
    CU_ASSERT_STRING_NOT_EQUAL("/b/.libs",
                               config_text(config, "/plugin_directory"));
    config_free(config);
}

/* --- printing --- */

static char *
print_config(const struct config *config)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    CU_ASSERT(config_print(out, config));
    fclose(out);
    return text;
}

/* What --print-config prints can be loaded again, and prints the same. */
static void
prints_what_it_can_load(void)
{
    struct config *config =
        load_right("{" POLICY "{\"c\": {\"type\": \"public\",\n"
                   " \"roles\": [\"w\"]}},\n"
                   " \"delivery\": {\"sms\": [{\"plugin\": \"a\"}]},\n"
                   " \"flow\": {\"idle_limit\": \"90s\"},\n"
                   " \"cache\": {\"size\": \"3MiB\"}}");
    char *first, *second;
    size_t i;

    for (i = 0; i < config_instance_count(config); i++)
        json_decref(config_complete(config, config_instance(config, i), NULL,
                                    &problems));
    first = print_config(config);
    config_free(config);
    CU_ASSERT_PTR_NOT_NULL(strstr(first, "\"idle_limit\": \"90s\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(first, "\"size\": \"3MiB\""));
    config = load_right(first);
    for (i = 0; i < config_instance_count(config); i++)
        json_decref(config_complete(config, config_instance(config, i), NULL,
                                    &problems));
    expect_problems("");
    second = print_config(config);
    folder_expect_text(first, second);
    config_free(config);
    free(first);
    free(second);
}

static void
prints_no_secret(void)
{
    struct config *config;
    char *text;

    setenv("FACTOR_TEST_SECRET", "gh31m", 1);
    config = load_right(
        "{\"store\": {\"plugin\": \"x\", \"password\": {\"$env\": "
        "\"FACTOR_TEST_SECRET\"}}, \"adapters\": {\"a\": {\"plugin\": "
        "\"a\", \"password\": \"gh31m\"}}, \"clients\": {\"c\": {\"type\": "
        "\"confidential\", \"roles\": [\"x\"], \"secret\": {\"$env\": "
        "\"FACTOR_TEST_SECRET\"}}}}");
    json_decref(config_complete(config, config_instance(config, 1),
                                plugin_settings, &problems));
    expect_problems("");
    text = print_config(config);
    CU_ASSERT_PTR_NULL(strstr(text, "gh31m"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"secret\": \"(secret)\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"password\": \"(secret)\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "the plugin is not loaded"));
    free(text);
    config_free(config);
}

/* Each setting's default is described, and each name is in the manual. */
static void
expect_described(const struct factor_setting *const *table, json_t *schema,
                 const char *manual)
{
    json_t *properties = json_object_get(schema, "properties");

    CU_ASSERT(json_is_false(json_object_get(schema, "additionalProperties")));
    for (; *table; table++) {
        json_t *property = json_object_get(properties, (*table)->name);

        CU_ASSERT(json_is_object(property));
        folder_expect_text((*table)->text,
                           json_string_value(json_object_get(property,
                                                             "description")));
        CU_ASSERT_PTR_NOT_NULL(strstr(manual, (*table)->name));
        if ((*table)->type == FACTOR_SETTING_OBJECT)
            expect_described((*table)->members,
                             json_array_get(json_object_get(property, "anyOf"),
                                            0), manual);
    }
}

static void
describes_every_setting(void)
{
    char *manual = NULL;
    size_t len;
    FILE *out = open_memstream(&manual, &len);
    json_t *schema = schema_build(host_settings, NULL, "factord.json");

    schema_manual(out, host_settings, "");
    fclose(out);
    expect_described(host_settings, schema, manual);
    CU_ASSERT_PTR_NOT_NULL(strstr(
        manual, ".It Ic flow.idle_limit Pq duration\n"
                "A flow ends so long after its last action.\n"
                "From 1s to 1d.\n"
                "Default: \\(dq15min\\(dq.\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(manual,
                                  ".It Ic policies.NAME.steps[].adapter"));
    json_decref(schema);
    free(manual);
}

/* The host's own tables must fit the rules that plugins' must fit, but that
 * a section is always there. */
static void
declares_its_own_settings_well(void)
{
    struct factor_arena *arena = arena_new();
    const struct factor_setting *const *copy;
    struct factor_error err = {0};

    CU_ASSERT_EQUAL(FACTOR_OK,
                    settings_copy(arena, host_settings, &copy, &err));
    folder_expect_text("", err.text);
    arena_free(arena);
}

static void
survives_any_cut(void)
{
    static const char text[] =
        "{" POLICY "{\"c\": {\"type\": \"public\", \"roles\": [\"w\"], "
        "\"secret\": {\"$env\": \"HOME\"}}}, \"texts\": {\"de\": {\"\\u0041/~"
        "\": \"\\\"\"}}}";
    char copy[sizeof(text)];
    size_t i;

    for (i = 0; i < sizeof(text) - 1; i++) {
        memcpy(copy, text, sizeof(text));
        copy[i] = '\0';
        config_free(load(copy));
        CU_ASSERT(problems.errors > 0);
        memcpy(copy, text, sizeof(text));
        copy[i] = copy[i] == '"' ? 'x' : '"';
        config_free(load(copy));
    }
}

static const struct tap_test tests[] = {
    {"every setting that is not given has its default", fills_every_default},
    {"what is no JSON is told with file and line",
     names_file_and_line_of_bad_json},
    {"comments are allowed anywhere", allows_comments_anywhere},
    {"an unknown name is told with the one that was meant",
     suggests_what_was_meant},
    {"all problems are told at once", tells_all_problems_at_once},
    {"a configuration with problems is safe to read",
     can_be_read_all_the_same},
    {"null is as if nothing was given", takes_null_as_not_given},
    {"relative paths are relative to what they should be",
     makes_paths_absolute},
    {"the files of conf.d are merged in", merges_conf_d},
    {"what is defined twice is told with both files",
     names_both_files_of_a_conflict},
    {"problems in conf.d are told with that file", names_the_file_in_conf_d},
    {"--set overrides whatever is there", sets_override},
    {"a wrong --set is told without its value", names_the_set_that_is_wrong},
    {"what a --set replaces is forgotten", forgets_what_a_set_replaced},
    {"what is no plugin instance is told", says_what_is_no_instance},
    {"an instance gets all its settings", completes_an_instance},
    {"a problem in an instance is told with its line",
     names_the_line_in_an_instance},
    {"secrets are read by reference", reads_secrets_by_reference},
    {"a path may be a credential's", takes_credentials_for_paths},
    {"K4: the secret of the keys is not short", wants_a_long_secret_for_keys},
    {"secrets given otherwise are refused", refuses_other_secrets},
    {"the server's addresses are checked", checks_the_server},
    {"M12: the phone has an origin of its own", keeps_the_phone_apart},
    {"settings that do not fit together are told", checks_pairs},
    {"policies are checked", checks_policies},
    {"clients are checked (P4, P8)", checks_clients},
    {"how a client proves itself follows from what it has",
     follows_from_type_and_keys},
    {"a build that is not installed finds its plugins and pages",
     runs_uninstalled},
    {"what is printed can be loaded again", prints_what_it_can_load},
    {"no secret is ever printed", prints_no_secret},
    {"schema and manual describe every setting", describes_every_setting},
    {"the host's own tables are well formed", declares_its_own_settings_well},
    {"a damaged file is survived", survives_any_cut},
};

int
main(void)
{
    static const struct tap_fixture fixture = {set_up, tear_down};

    return tap_main_with("config", &fixture, tests, TAP_COUNT(tests));
}
