/* SPDX-License-Identifier: MIT */
/* plugin/store-sqlite/file.c - the files around a database: made private,
 * held by one process. */
#include "plugin/store-sqlite/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "plugin/store-sqlite/sql.h"

static factor_status
file_failed(struct factor_error *err, const char *doing, const char *path)
{
    int error = errno;
    char text[80];

    return sql_error(err, FACTOR_E_IO, "cannot %s %s: %s", doing, path,
                     strerror_r(error, text, sizeof(text)));
}

/* Who holds the lock, for the message only. */
static factor_status
held(int fd, const char *path, struct factor_error *err)
{
    char text[24] = "";
    ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    text[strspn(text, "0123456789")] = '\0';
    return sql_error(err, FACTOR_E_CONFIG,
                     "%s is in use by another process (%s)", path,
                     text[0] ? text : "unknown");
}

/* For people; the lock holds without it. */
static void
sign(int fd)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return;
}

factor_status
file_lock(const char *path, int *ret_fd, struct factor_error *err)
{
    factor_status status;
    char name[PATH_MAX];
    int fd;

    if (snprintf(name, sizeof(name), "%s.lock", path) >= PATH_MAX)
        return sql_error(err, FACTOR_E_CONFIG, "path is too long");
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_failed(err, "open", name);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        sign(fd);
        *ret_fd = fd;
        return FACTOR_OK;
    }
    if (errno == EWOULDBLOCK)
        status = held(fd, path, err);
    else
        status = file_failed(err, "lock", name);
    close(fd);
    return status;
}

static factor_status
sync_directory_of(const char *path, struct factor_error *err)
{
    factor_status status = FACTOR_OK;
    char *copy = strdup(path);
    int fd;

    if (!copy)
        return sql_error(err, FACTOR_E_NOMEM, "out of memory");
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        status = file_failed(err, "sync the directory of", path);
    if (fd >= 0)
        close(fd);
    free(copy);
    return status;
}

factor_status
file_create(const char *path, bool exclusive, struct factor_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno != EEXIST)
        return file_failed(err, "create", path);
    if (fd < 0 && exclusive)
        return sql_error(err, FACTOR_E_CONFLICT, "%s exists already", path);
    if (fd >= 0)
        close(fd);
    /* Also of one that is there: who made it may have been killed since. */
    return sync_directory_of(path, err);
}

factor_status
file_rename(const char *from, const char *to, struct factor_error *err)
{
    /* rename() would replace a file that came meanwhile. */
    if (link(from, to) != 0) {
        if (errno == EEXIST)
            return sql_error(err, FACTOR_E_CONFLICT, "%s exists already", to);
        return file_failed(err, "create", to);
    }
    if (unlink(from) != 0)
        return file_failed(err, "remove", from);
    return sync_directory_of(to, err);
}
