/* SPDX-License-Identifier: MIT */
/* plugin/delivery-file/delivery_file.c - delivers to a file, one JSON object a
 * line: for the demo, for tests and for whoever passes messages on himself.
 *
 *     {"id": "...", "channel": "email", "to": "joe@example.com",
 *      "subject": "...", "text": "...", "code": "123456",
 *      "sent_at": "2026-01-31T12:00:00.000Z"}
 *
 * The host calls deliver() for one message at a time (no
 * FACTOR_DELIVERY_PARALLEL), and the file has no other writer.  It is opened
 * for each message, so that it may be rotated or removed at any time.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "factor/plugin.h"

struct factor_delivery {
    bool sync;
    char path[];
};

static const struct factor_setting path_setting = {
    .struct_size = sizeof(struct factor_setting),
    .type = FACTOR_SETTING_STATE_PATH,
    .name = "path",
    .value = "\"outbox.jsonl\"",
    .text = "The file that messages are appended to; it holds live codes.",
};

static const struct factor_setting sync_setting = {
    .struct_size = sizeof(struct factor_setting),
    .type = FACTOR_SETTING_BOOLEAN,
    .name = "sync",
    .value = "false",
    .text = "Whether a message counts as sent only once it is on the disk.",
};

static const struct factor_setting *const settings[] = {
    &path_setting,
    &sync_setting,
    NULL,
};

static factor_status
init(const struct factor_host *host, const json_t *given,
     struct factor_delivery **ret_self, struct factor_error *err)
{
    const char *path = json_string_value(json_object_get(given, "path"));
    size_t len = strlen(path) + 1;
    struct factor_delivery *self = malloc(sizeof(*self) + len);

    (void)host;
    (void)err;
    if (!self)
        return FACTOR_E_NOMEM;
    self->sync = json_is_true(json_object_get(given, "sync"));
    memcpy(self->path, path, len);
    *ret_self = self;
    return FACTOR_OK;
}

static void
fini(struct factor_delivery *self)
{
    free(self);
}

/* --- The line --- */

struct line {
    char *text; /* live code: wiped */
    size_t len, size;
};

static void
line_free(struct line *line)
{
    if (line->text)
        explicit_bzero(line->text, line->size);
    free(line->text);
}

/* ISO 8601, UTC, with milliseconds: 24 characters.  A time beyond the
 * calendar is written as the beginning of it. */
static void
format_time(int64_t at_ms, char *ret_text, size_t size)
{
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm = { .tm_mday = 1, .tm_year = 70 };
    char date[32];

    gmtime_r(&seconds, &tm);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret_text, size, "%s.%03dZ", date, (int)(at_ms % 1000));
}

static json_t *
message_json(const struct factor_message *message)
{
    char sent_at[64];

    format_time(message->now_ms, sent_at, sizeof(sent_at));
    return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s?, s:s}", "id",
                     message->id, "channel", message->channel, "to",
                     message->address, "subject", message->subject, "text",
                     message->text, "code", message->code, "sent_at",
                     sent_at);
}

/* json_dumps would hand out memory that only jansson's allocator may free,
 * unwiped; so measure first. */
static bool
line_make(const struct factor_message *message, struct line *ret)
{
    json_t *json = message_json(message);
    size_t len = json ? json_dumpb(json, NULL, 0, JSON_COMPACT) : 0;

    *ret = (struct line){ NULL, 0, len + 2 };
    if (len > 0)
        ret->text = malloc(ret->size);
    if (ret->text) {
        /* The first byte is for a newline that a torn line before lacks. */
        ret->text[0] = '\n';
        json_dumpb(json, ret->text + 1, len, JSON_COMPACT);
        ret->text[len + 1] = '\n';
        ret->len = len + 2;
    }
    json_decref(json);
    return ret->text != NULL;
}

/* --- The file --- */

static factor_status
deferred(struct factor_receipt *receipt, const char *what)
{
    receipt->result = FACTOR_DELIVERY_DEFERRED;
    snprintf(receipt->reason, sizeof(receipt->reason), "%s: %m", what);
    return FACTOR_OK;
}

/* A regular file of ours alone; -1 with errno. */
static int
open_file(const char *path, struct stat *ret_stat)
{
    int fd = open(path,
                  O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
                      O_NONBLOCK,
                  0600);

    if (fd < 0)
        return -1;
    if (fstat(fd, ret_stat) == 0 && S_ISREG(ret_stat->st_mode)) {
        if ((ret_stat->st_mode & 077) == 0 || fchmod(fd, 0600) == 0)
            return fd;
    } else {
        errno = EINVAL;
    }
    close(fd);
    return -1;
}

/* Whether a writer died within the last line. */
static bool
is_torn(int fd, off_t size)
{
    char last = '\n';

    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* All or nothing: what was written of a line that does not fit is cut off. */
static bool
append(int fd, off_t size, const struct line *line)
{
    size_t skip = is_torn(fd, size) ? 0 : 1;
    size_t len = line->len - skip;
    ssize_t written = write(fd, line->text + skip, len);
    int why = written < 0 ? errno : ENOSPC;

    if (written >= 0 && (size_t)written == len)
        return true;
    if (written > 0 && ftruncate(fd, size))
        why = errno;
    errno = why;
    return false;
}

static factor_status
deliver(struct factor_delivery *self, const struct factor_message *message,
        struct factor_receipt *ret_receipt, struct factor_error *err)
{
    struct stat stat = { 0 };
    struct line line;
    bool done;
    int fd;

    (void)err;
    if (!line_make(message, &line)) {
        errno = ENOMEM;
        return deferred(ret_receipt, "cannot make the line");
    }
    fd = open_file(self->path, &stat);
    if (fd < 0) {
        line_free(&line);
        return deferred(ret_receipt, "cannot open the file");
    }
    done = append(fd, stat.st_size, &line) &&
           (!self->sync || fdatasync(fd) == 0);
    if (!done)
        deferred(ret_receipt, "cannot write");
    line_free(&line);
    close(fd);
    if (!done)
        return FACTOR_OK;
    ret_receipt->result = FACTOR_DELIVERY_SENT;
    snprintf(ret_receipt->reference, sizeof(ret_receipt->reference), "%s",
             message->id);
    return FACTOR_OK;
}

static const struct factor_delivery_ops ops = {
    .struct_size = sizeof(ops),
    .init = init,
    .deliver = deliver,
    .fini = fini,
};

FACTOR_REGISTER_PLUGIN(FACTOR_KIND_DELIVERY, "file", "1.0",
                       "Appends messages to a file, one JSON object a line.",
                       settings, &ops)
