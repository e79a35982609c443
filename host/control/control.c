/* SPDX-License-Identifier: MIT */
/* host/control/control.c - what factorctl asks over the daemon's local
 * socket.
 *
 * The listener has a loop of its own, so a handler may wait for the writer:
 * operators' commands are few and taken one after another. */
#include "host/control/control.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "host/api/api.h"
#include "host/clock.h"
#include "host/control/templates.h"
#include "host/error.h"
#include "host/http/park.h"
#include "host/json.h"
#include "host/outbox/outbox.h"
#include "host/plugin/sources.h"
#include "host/record/verify.h"
#include "host/step/strangers.h"
#include "host/sweep.h"
#include "host/users/bulk.h"
#include "host/users/users.h"

enum { PAGE = 100, PAGE_MAX = 1000, IMPORT_MAX = 4 * 1024 * 1024,
       OPERATE_MAX = 256 * 1024 };

/* --- Replies. --- */

static const struct {
    factor_status st;
    unsigned status;
} statuses[] = {
    {FACTOR_E_NOTFOUND, 404}, {FACTOR_E_INPUT, 400},
    {FACTOR_E_CONFLICT, 409}, {FACTOR_E_UNSUPPORTED, 400},
    {FACTOR_E_IO, 503},
};

/* Takes body over; NULL: {}. */
static void
reply(struct http_request *request, factor_status st, json_t *body,
      const struct factor_error *err)
{
    unsigned status = st == FACTOR_OK ? 200 : 500;
    size_t i;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].st == st)
            status = statuses[i].status;
    if (!body)
        body = json_object();
    if (st != FACTOR_OK && json_is_object(body))
        json_set_text(body, "error",
                      err->text[0] ? err->text : "it was refused");
    http_reply(request, api_json(status, body));
    json_decref(body);
}

/* Only who runs the daemon, and root. */
static bool
admitted(struct http_request *request)
{
    struct factor_error err = {0};
    long uid = http_peer_uid(request);

    if (uid == 0 || uid == (long)geteuid())
        return true;
    error_set(&err, FACTOR_E_INPUT, "only root and the daemon's own user may "
                                    "ask this");
    reply(request, FACTOR_E_INPUT, NULL, &err);
    return false;
}

/* --- Pages of records. --- */

static uint32_t
page_limit(struct http_request *request)
{
    const char *text = http_query(request, "limit");
    long limit = text ? strtol(text, NULL, 10) : PAGE;

    return limit < 1 || limit > PAGE_MAX ? PAGE_MAX : (uint32_t)limit;
}

/* {"items": [...], "next": id or null}. */
static void
reply_page(struct http_request *request, const char *collection,
           json_t *(*item)(const struct record *record))
{
    const struct host *host = http_context(request);
    const struct factor_query query = {
        .struct_size = sizeof(query),
        .kind = FACTOR_QUERY_PAGE,
        .collection = collection,
        .after = http_query(request, "after"),
        .limit = page_limit(request),
    };
    struct factor_error err = {0};
    struct record_list *list = NULL;
    factor_status st;
    json_t *items = json_array(), *body;
    uint32_t i;

    if (!admitted(request)) {
        json_decref(items);
        return;
    }
    st = database_read(host->database, &query, &list, &err);
    for (i = 0; st == FACTOR_OK && i < list->count; i++)
        json_array_append_new(items, item(list->records[i]));
    body = json_pack("{s:o, s:n}", "items", items, "next");
    if (st == FACTOR_OK && list->count == query.limit)
        json_set_text(body, "next", list->records[list->count - 1]->face.id);
    record_list_unref(list);
    reply(request, st, body, &err);
}

static json_t *
user_item(const struct record *user)
{
    return json_pack(
        "{s:s, s:s, s:b, s:b, s:O}", "id", user->face.id,
        FACTOR_USER_USERNAME, json_text(user->body, FACTOR_USER_USERNAME),
        FACTOR_USER_ENABLED, json_flag(user->body, FACTOR_USER_ENABLED),
        FACTOR_USER_MFA_ENABLED, json_flag(user->body, FACTOR_USER_MFA_ENABLED),
        FACTOR_USER_ATTRIBUTES,
        json_object_get(user->body, FACTOR_USER_ATTRIBUTES));
}

static json_t *
message_item(const struct record *message)
{
    const json_t *secret = json_object_get(message->body, "secret");
    const char *address = json_text(secret, "address");
    json_t *item = json_pack(
        "{s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:I, s:I, s:I}", "id",
        message->face.id, "state", json_text(message->body, "state"),
        "channel", json_text(message->body, "channel"), "backend",
        json_text(message->body, "backend"), "reference",
        json_text(message->body, "reference"), "reason",
        json_text(message->body, "reason"), "template",
        json_text(message->body, "template"), "attempt",
        (json_int_t)json_number(message->body, "attempt", 0), "dueAt",
        (json_int_t)message->due_at_ms, "expiresAt",
        (json_int_t)json_number(message->body, "expiresAt", 0));
    char masked[OUTBOX_MASKED_SIZE];

    if (address) {
        outbox_masked(address, masked);
        json_set_text(item, "to", masked);
    }
    return item;
}

static void
users_list(struct http_request *request)
{
    reply_page(request, FACTOR_USERS, user_item);
}

static void
messages_list(struct http_request *request)
{
    reply_page(request, "outbox", message_item);
}

/* --- Users. --- */

static void
import_users(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct factor_error err = {0};
    const char *text;
    json_t *answer;
    size_t len;

    if (!admitted(request))
        return;
    text = http_body(request, &len);
    answer = users_import_lines(host, text, len);
    reply(request, answer ? FACTOR_OK : FACTOR_E_NOMEM, answer, &err);
}

static const char *
username(struct http_request *request)
{
    return http_variable(request, "user");
}

static void
unlock_user(struct http_request *request)
{
    struct factor_error err = {0};

    if (admitted(request))
        reply(request,
              users_unlock(http_context(request), username(request), &err),
              NULL, &err);
}

static void
enable(struct http_request *request, bool enabled)
{
    struct factor_error err = {0};

    if (admitted(request))
        reply(request, users_enable(http_context(request), username(request),
                                    enabled, &err),
              NULL, &err);
}

static void
enable_user(struct http_request *request)
{
    enable(request, true);
}

static void
disable_user(struct http_request *request)
{
    enable(request, false);
}

static void
delete_user(struct http_request *request)
{
    struct factor_error err = {0};

    if (admitted(request))
        reply(request,
              users_delete(http_context(request), username(request), &err),
              NULL, &err);
}

/* An operator's action; user NULL: about nobody in particular. */
static void
operate(struct http_request *request, const char *user)
{
    struct factor_error err = {0};
    json_t *given, *answer = NULL;
    factor_status st;
    const char *body;
    size_t len;

    if (!admitted(request))
        return;
    body = http_body(request, &len);
    given = len ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    st = users_operate(http_context(request), user,
                       http_variable(request, "adapter"),
                       http_variable(request, "action"), given, &answer, &err);
    json_decref(given);
    reply(request, st, answer, &err);
}

static void
operate_user(struct http_request *request)
{
    operate(request, username(request));
}

static void
operate_adapter(struct http_request *request)
{
    operate(request, NULL);
}

/* --- Messages, backup, keys, audit, status. --- */

static void
retry_message(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct factor_error err = {0};

    if (admitted(request))
        reply(request,
              outbox_retry(host->database, http_variable(request, "id"), &err),
              NULL, &err);
}

static void
drop_message(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct factor_error err = {0};

    if (admitted(request))
        reply(request,
              outbox_drop(host->database, http_variable(request, "id"), &err),
              NULL, &err);
}

static void
list_templates(struct http_request *request)
{
    struct factor_error err = {0};

    if (admitted(request))
        reply(request, FACTOR_OK,
              json_pack("{s:o, s:n}", "items",
                        templates_list(http_context(request)), "next"),
              &err);
}

static void
show_template(struct http_request *request)
{
    const char *language = http_query(request, "language");
    struct factor_error err = {0};
    json_t *shown = NULL;
    factor_status st;

    if (!admitted(request))
        return;
    st = templates_show(http_context(request), http_variable(request, "name"),
                        language ? language : "en", &shown, &err);
    reply(request, st,
          shown ? json_pack("{s:o, s:n}", "items", shown, "next") : NULL, &err);
}

static void
backup(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct factor_error err = {0};
    const char *body, *path;
    json_t *given;
    factor_status st;
    size_t len;

    if (!admitted(request))
        return;
    body = http_body(request, &len);
    given = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    path = json_text(given, "path");
    if (path && path[0] == '/')
        st = database_backup(host->database, path, &err);
    else
        st = error_set(&err, FACTOR_E_INPUT, "\"path\" is no absolute path");
    json_decref(given);
    reply(request, st, NULL, &err);
}

static void
rotate_keys(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct factor_error err = {0};
    factor_status st;

    if (!admitted(request))
        return;
    st = keys_rotate(host->keys, &err);
    reply(request, st,
          st == FACTOR_OK
              ? json_pack("{s:I}", "version",
                          (json_int_t)keys_newest(host->keys))
              : NULL,
          &err);
}

/* Now, instead of at the sweeper's next turn. */
static void
sweep(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct factor_error err = {0};
    struct sweep_counts counts = {0};
    factor_status st;

    if (!admitted(request))
        return;
    st = sweep_now(host->sweep, &counts, &err);
    reply(request, st,
          json_pack("{s:I, s:I, s:I, s:I}", "removed",
                    (json_int_t)counts.removed, "messages",
                    (json_int_t)counts.messages, "resealed",
                    (json_int_t)counts.resealed, "leastKey",
                    (json_int_t)sweep_least_key(host->sweep)),
          &err);
}

/* The old keys can go once no record needs them. */
static void
forget_keys(struct http_request *request)
{
    const struct host *host = http_context(request);
    uint32_t least = sweep_least_key(host->sweep);
    struct factor_error err = {0};
    factor_status st;

    if (!admitted(request))
        return;
    if (least == keys_newest(host->keys))
        st = keys_forget(host->keys, least, &err);
    else
        st = error_set(&err, FACTOR_E_UNSUPPORTED,
                       "records under an old key are left; run factorctl "
                       "sweep twice, then try again");
    reply(request, st, NULL, &err);
}

static void
audit(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct factor_error err = {0};
    struct verify_findings found = {0};
    factor_status st;

    if (!admitted(request))
        return;
    st = verify_audit(host->database, &found, &err);
    reply(request, st,
          json_pack("{s:I, s:I, s:s, s:I, s:I, s:I, s:s, s:b}", "events",
                    (json_int_t)found.events, "firstBroken",
                    (json_int_t)found.broken, "brokenWriter", found.writer,
                    "records",
                    (json_int_t)found.records, "behind",
                    (json_int_t)found.behind, "ahead", (json_int_t)found.ahead,
                    "firstRecord", found.first, "holds",
                    !found.broken && !found.behind && !found.ahead),
          &err);
}

static void
status(struct http_request *request)
{
    const struct host *host = http_context(request);
    struct factor_error err = {0};
    struct sources_counts asked;
    uint64_t batches, commits;

    if (!admitted(request))
        return;
    database_counts(host->database, &batches, &commits);
    sources_counts(host->sources, &asked);
    reply(request, FACTOR_OK,
          json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                    "version", PACKAGE_VERSION, "environment",
                    keys_environment(host->keys), "startedAt",
                    (json_int_t)host->started_ms, "now",
                    (json_int_t)clock_now_ms(), "batches", (json_int_t)batches,
                    "commits", (json_int_t)commits, "parked",
                    (json_int_t)park_count(host->park), "keyVersion",
                    (json_int_t)keys_newest(host->keys), "unknownNames",
                    (json_int_t)strangers_total(host->strangers,
                                                clock_steady_ms()),
                    "sourceCallsHeld", (json_int_t)asked.held,
                    "sourceCallsLate", (json_int_t)asked.late),
          &err);
}

const struct http_route control_routes[] = {
    {"/users", "users.list", HTTP_GET, 0, 0, users_list},
    {"/users/import", "users.import", HTTP_POST, 0, IMPORT_MAX, import_users},
    {"/users/{user}", "users.delete", HTTP_DELETE, 0, 0, delete_user},
    {"/users/{user}/unlock", "users.unlock", HTTP_POST, 0, 0, unlock_user},
    {"/users/{user}/enable", "users.enable", HTTP_POST, 0, 0, enable_user},
    {"/users/{user}/disable", "users.disable", HTTP_POST, 0, 0, disable_user},
    {"/users/{user}/actions/{adapter}/{action}", "users.operate", HTTP_POST, 0,
     0, operate_user},
    {"/actions/{adapter}/{action}", "adapters.operate", HTTP_POST, 0,
     OPERATE_MAX, operate_adapter},
    {"/outbox", "outbox.list", HTTP_GET, 0, 0, messages_list},
    {"/outbox/{id}/retry", "outbox.retry", HTTP_POST, 0, 0, retry_message},
    {"/outbox/{id}/drop", "outbox.drop", HTTP_POST, 0, 0, drop_message},
    {"/templates", "templates.list", HTTP_GET, 0, 0, list_templates},
    {"/templates/{name}", "templates.show", HTTP_GET, 0, 0, show_template},
    {"/backup", "backup", HTTP_POST, 0, 0, backup},
    {"/keys/rotate", "keys.rotate", HTTP_POST, 0, 0, rotate_keys},
    {"/keys/forget", "keys.forget", HTTP_POST, 0, 0, forget_keys},
    {"/sweep", "sweep", HTTP_POST, 0, 0, sweep},
    {"/audit/verify", "audit.verify", HTTP_GET, 0, 0, audit},
    {"/status", "status", HTTP_GET, 0, 0, status},
    {0},
};
