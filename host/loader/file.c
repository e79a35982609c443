/* SPDX-License-Identifier: MIT */
/* host/loader/file.c - a plugin's file: whose it is, and a private copy.
 *
 * The path is walked as the kernel would, links and all, from "/" down.  A
 * name that has been checked stays what it is, because those who could move
 * it were refused with the folder that holds it. */
#include "host/loader/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/error.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

enum {
    MOST_LINKS = 40,                 /* as the kernel */
    LARGEST = 64 * 1024 * 1024,      /* bytes of a plugin */
    CHUNK = 64 * 1024
};

/* --- whose it is --- */

struct walk {
    char done[PATH_MAX]; /* resolved and checked; "" is "/" */
    char rest[PATH_MAX]; /* still to come */
    int links;
    struct factor_error *err;
};

static factor_status
check_owner(const struct walk *walk, const char *path, const struct stat *found)
{
    if (found->st_uid == 0 || found->st_uid == geteuid())
        return FACTOR_OK;
    return error_set(walk->err, FACTOR_E_CONFIG,
                     "%s belongs to user %u; only root's or our own are "
                     "trusted: chown it", path, (unsigned)found->st_uid);
}

static bool
others_may_write(const struct stat *found)
{
    return (found->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/* Names in a sticky folder of root's can be moved by their owner only, who
 * is checked next. */
static factor_status
check_folder(const struct walk *walk, const char *path,
             const struct stat *found)
{
    bool sticky = found->st_uid == 0 && (found->st_mode & S_ISVTX);

    if (others_may_write(found) && !sticky)
        return error_set(walk->err, FACTOR_E_CONFIG,
                         "others may write the folder %s; chmod go-w it",
                         path);
    return check_owner(walk, path, found);
}

static factor_status
check_file(const struct walk *walk, const char *path, const struct stat *found)
{
    if (!S_ISREG(found->st_mode))
        return error_set(walk->err, FACTOR_E_CONFIG,
                         "%s is not a file; put the plugin there", path);
    if (others_may_write(found))
        return error_set(walk->err, FACTOR_E_CONFIG,
                         "others may write %s; chmod go-w it", path);
    return check_owner(walk, path, found);
}

static factor_status
too_long(const struct walk *walk)
{
    return error_set(walk->err, FACTOR_E_CONFIG,
                     "its path is too long or its links go round; correct "
                     "the path");
}

/* The first name of the rest, which loses it; false: none is left. */
static bool
next_name(struct walk *walk, char *ret_name)
{
    const char *start = walk->rest + strspn(walk->rest, "/");
    size_t len = strcspn(start, "/");

    memcpy(ret_name, start, len);
    ret_name[len] = '\0';
    memmove(walk->rest, start + len, strlen(start + len) + 1);
    return len > 0;
}

static void
drop_name(struct walk *walk)
{
    char *slash = strrchr(walk->done, '/');

    if (slash)
        *slash = '\0';
}

/* Put what a link says before the rest. */
static factor_status
follow(struct walk *walk, const char *path)
{
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof(target) - 1);
    int wanted;

    if (len <= 0 || ++walk->links > MOST_LINKS)
        return too_long(walk);
    target[len] = '\0';
    wanted = snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest);
    if (wanted < 0 || (size_t)wanted >= sizeof(rest))
        return too_long(walk);
    memcpy(walk->rest, rest, (size_t)wanted + 1);
    if (target[0] == '/')
        walk->done[0] = '\0';
    return FACTOR_OK;
}

static factor_status
enter(struct walk *walk, const char *name)
{
    char path[PATH_MAX];
    struct stat found;
    factor_status status;
    int wanted = snprintf(path, sizeof(path), "%s/%s", walk->done, name);

    if (wanted < 0 || (size_t)wanted >= sizeof(path))
        return too_long(walk);
    if (lstat(path, &found) != 0)
        return error_set(walk->err, FACTOR_E_CONFIG,
                         "%s: %s; install the plugin, or correct "
                         "plugin_directory", path, strerror(errno));
    if (S_ISLNK(found.st_mode)) {
        status = check_owner(walk, path, &found);
        return status == FACTOR_OK ? follow(walk, path) : status;
    }
    memcpy(walk->done, path, (size_t)wanted + 1);
    return S_ISDIR(found.st_mode) ? check_folder(walk, path, &found)
                                  : check_file(walk, path, &found);
}

static factor_status
walk_path(struct walk *walk)
{
    char name[PATH_MAX];
    struct stat root;
    factor_status status;

    if (stat("/", &root) != 0)
        return error_set(walk->err, FACTOR_E_CONFIG, "/: %s", strerror(errno));
    status = check_folder(walk, "/", &root);
    while (status == FACTOR_OK && next_name(walk, name)) {
        if (strcmp(name, "..") == 0)
            drop_name(walk);
        else if (strcmp(name, ".") != 0)
            status = enter(walk, name);
    }
    return status;
}

static factor_status
begin_walk(struct walk *walk, const char *path)
{
    char *here = path[0] == '/' ? NULL : get_current_dir_name();
    int wanted = snprintf(walk->rest, sizeof(walk->rest), "%s/%s",
                          here ? here : "", path);

    free(here);
    return wanted < 0 || (size_t)wanted >= sizeof(walk->rest) ? too_long(walk)
                                                              : FACTOR_OK;
}

/* What was opened must still be what a plugin's file must be. */
static factor_status
open_walked(const struct walk *walk, int *ret_fd)
{
    int fd = open(walk->done, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat found;
    factor_status status;

    if (fd < 0 || fstat(fd, &found) != 0)
        status = error_set(walk->err, FACTOR_E_CONFIG,
                           "%s: %s; correct its rights", walk->done,
                           strerror(errno));
    else
        status = check_file(walk, walk->done, &found);
    if (status == FACTOR_OK)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    return status;
}

factor_status
file_open_trusted(const char *path, int *ret_fd, struct factor_error *err)
{
    struct walk walk = {.err = err};
    factor_status status = begin_walk(&walk, path);

    if (status == FACTOR_OK)
        status = walk_path(&walk);
    if (status == FACTOR_OK)
        status = open_walked(&walk, ret_fd);
    return status;
}

/* --- the private copy --- */

/* Kernels that can be told to refuse executable memory files judge by their
 * mode, which mapping does not need. */
static int
make_memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING |
                                    MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

static void
hex_text(const unsigned char *bytes, size_t len, char *ret_text)
{
    static const char hex[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < len; i++) {
        ret_text[2 * i] = hex[bytes[i] >> 4];
        ret_text[2 * i + 1] = hex[bytes[i] & 0xf];
    }
    ret_text[2 * len] = '\0';
}

/* All that was read at once: nothing that changes afterwards counts. */
static unsigned char *
read_all(int fd, size_t *ret_len)
{
    struct stat found;
    unsigned char *bytes;
    size_t size, used = 0;
    ssize_t got = 1;

    if (fstat(fd, &found) != 0 || found.st_size <= 0 ||
        found.st_size > LARGEST)
        return NULL;
    size = (size_t)found.st_size;
    bytes = malloc(size);
    while (bytes && used < size && got != 0) {
        got = read(fd, bytes + used, size - used);
        if (got > 0)
            used += (size_t)got;
        else if (got < 0 && errno != EINTR)
            break;
    }
    if (used == size) {
        *ret_len = size;
        return bytes;
    }
    free(bytes);
    return NULL;
}

static bool
write_all(int fd, const unsigned char *bytes, size_t len)
{
    ssize_t put;

    while (len > 0) {
        put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes += put;
        len -= (size_t)put;
    }
    return true;
}

static factor_status
copy_bytes(const unsigned char *bytes, size_t len, const char *sha256,
           int *ret_copy, struct factor_error *err)
{
    int fd = make_memory_file(sha256);

    if (fd >= 0 && write_all(fd, bytes, len) &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK |
                                   F_SEAL_SEAL) == 0) {
        *ret_copy = fd;
        return FACTOR_OK;
    }
    error_set(err, FACTOR_E_CONFIG,
              "no private copy could be made: %s; allow memfd_create",
              strerror(errno));
    if (fd >= 0)
        close(fd);
    return FACTOR_E_CONFIG;
}

factor_status
file_copy_private(int fd, int *ret_copy, char *ret_sha256,
                  struct factor_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    factor_status status;
    size_t len = 0;
    unsigned char *bytes = read_all(fd, &len);

    if (!bytes)
        return error_set(err, FACTOR_E_CONFIG,
                         "the file is empty, over 64MiB or cannot be read; "
                         "install it again");
    if (EVP_Digest(bytes, len, digest, &digest_len, EVP_sha256(), NULL) == 1 &&
        digest_len == 32) {
        hex_text(digest, digest_len, ret_sha256);
        status = copy_bytes(bytes, len, ret_sha256, ret_copy, err);
    } else {
        status = error_set(err, FACTOR_E_INTERNAL, "SHA-256 failed");
    }
    free(bytes);
    return status;
}
