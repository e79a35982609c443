/* SPDX-License-Identifier: MIT */
/* phone/system.c - the state in a file: private, locked, written whole or not
 * at all; the clock and the randomness of this machine. */
#include "phone/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "phone/http.h"

enum { STATE_MAX = 1024 * 1024, PATH_SIZE = 4096 };

/* --- saying what failed --- */

static int
fail(struct system *self, const char *what)
{
    snprintf(self->why, sizeof(self->why), "%.240s: %s", self->path, what);
    return -1;
}

static int
fail_errno(struct system *self)
{
    return fail(self, strerror(errno));
}

/* PATH with an ending; NULL: too long. */
static const char *
beside(const struct system *self, const char *ending, char *text)
{
    int len = snprintf(text, PATH_SIZE, "%s%s", self->path, ending);

    return len < PATH_SIZE ? text : NULL;
}

/* --- reading --- */

static int
check_file(struct system *self, int fd, size_t *ret_len)
{
    struct stat found;

    if (fstat(fd, &found))
        return fail_errno(self);
    if (!S_ISREG(found.st_mode))
        return fail(self, "is not a file");
    if (found.st_mode & 077)
        return fail(self, "others may read it, and it holds keys; "
                          "chmod 600 it, if you trust it still");
    if (found.st_size > STATE_MAX)
        return fail(self, "is too large for the state of a phone");
    *ret_len = (size_t)found.st_size;
    return 0;
}

static int
read_all(struct system *self, int fd, char **ret_blob, size_t *ret_len)
{
    size_t len = 0, done = 0;
    ssize_t got;
    char *blob;

    if (check_file(self, fd, &len))
        return -1;
    blob = malloc(len + 1);
    if (!blob)
        return fail_errno(self);
    while (done < len && (got = read(fd, blob + done, len - done)) > 0)
        done += (size_t)got;
    if (done < len) {
        free(blob);
        return fail(self, "cannot be read to its end");
    }
    *ret_blob = blob;
    *ret_len = len;
    return 0;
}

static int
load(void *context, char **ret_blob, size_t *ret_len)
{
    struct system *self = context;
    int fd = open(self->path, O_RDONLY | O_CLOEXEC), failed;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return fail_errno(self);
    failed = read_all(self, fd, ret_blob, ret_len);
    close(fd);
    return failed;
}

/* --- writing --- */

/* The folders above the file, for the user alone. */
static void
make_folders(const struct system *self)
{
    char folder[PATH_SIZE];
    char *slash;

    if (!beside(self, "", folder))
        return;
    for (slash = folder; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdir(folder, 0700); /* what is wrong is told by open */
        *slash = '/';
    }
}

/* The folder's own entry must be on the disk, too. */
static int
sync_folder(const struct system *self)
{
    char folder[PATH_SIZE];
    char *slash;
    int fd, failed;

    if (!beside(self, "", folder))
        return -1;
    slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    failed = fsync(fd);
    close(fd);
    return failed;
}

static int
write_all(int fd, const char *blob, size_t len)
{
    ssize_t done;

    while (len > 0) {
        done = write(fd, blob, len);
        if (done < 0)
            return -1;
        blob += done;
        len -= (size_t)done;
    }
    return 0;
}

static int
save(void *context, const char *blob, size_t len)
{
    struct system *self = context;
    char fresh[PATH_SIZE];
    int fd, failed;

    if (!beside(self, ".new", fresh))
        return fail(self, "the path is too long");
    make_folders(self);
    unlink(fresh); /* of a save that was cut short */
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(self);
    failed = write_all(fd, blob, len) || fsync(fd);
    failed |= close(fd);
    if (failed || rename(fresh, self->path) || sync_folder(self)) {
        fail_errno(self);
        unlink(fresh);
        return -1;
    }
    return 0;
}

/* --- locking --- */

static int
lock(void *context)
{
    struct system *self = context;
    char path[PATH_SIZE];

    if (!beside(self, ".lock", path))
        return fail(self, "the path is too long");
    make_folders(self);
    self->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (self->lock_fd < 0 || flock(self->lock_fd, LOCK_EX))
        return fail_errno(self);
    return 0;
}

static void
unlock(void *context)
{
    struct system *self = context;

    close(self->lock_fd);
    self->lock_fd = -1;
}

/* --- the rest of a phone's callbacks --- */

static int
send_call(void *context, const struct factor_phone_call *call,
          struct factor_phone_reply *ret_reply, char *why, size_t why_size)
{
    struct system *self = context;

    return http_send(&self->curl, self->ca_file, call, ret_reply, why,
                     why_size);
}

int64_t
system_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
system_sleep_ms(int64_t ms)
{
    const struct timespec pause = { (time_t)(ms / 1000),
                                    (long)(ms % 1000) * 1000000 };

    if (ms > 0)
        nanosleep(&pause, NULL);
}

static int64_t
now_ms(void *context)
{
    (void)context;
    return system_now_ms();
}

static int
random_bytes(void *context, void *bytes, size_t len)
{
    (void)context;
    return getentropy(bytes, len);
}

void
system_init(struct system *self, const char *path, const char *ca_file)
{
    memset(self, 0, sizeof(*self));
    self->path = path;
    self->ca_file = ca_file;
    self->lock_fd = -1;
}

void
system_close(struct system *self)
{
    http_close(self->curl);
    self->curl = NULL;
    if (self->lock_fd >= 0)
        unlock(self);
}

struct factor_phone_io
system_io(struct system *self)
{
    const struct factor_phone_io io = {
        .context = self,
        .load = load,
        .save = save,
        .lock = lock,
        .unlock = unlock,
        .send = send_call,
        .now_ms = now_ms,
        .random = random_bytes,
    };

    return io;
}

char *
system_default_path(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int len = -1;

    if (state && state[0] == '/')
        len = asprintf(&path, "%s/factor-phone/phone.json", state);
    else if (home && home[0] == '/')
        len = asprintf(&path, "%s/.local/state/factor-phone/phone.json", home);
    return len < 0 ? NULL : path;
}
