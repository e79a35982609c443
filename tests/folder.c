/* SPDX-License-Identifier: MIT */
/* tests/folder.c - a folder of a test's own. */
#include "tests/folder.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

static char folder[32];

int
folder_make(void)
{
    snprintf(folder, sizeof(folder), "/tmp/factord-test.XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int
remove_one(const char *path, const struct stat *found, int type,
           struct FTW *walk)
{
    (void)found;
    (void)type;
    (void)walk;
    return remove(path);
}

int
folder_remove(void)
{
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *
folder_path(void)
{
    return folder;
}

const char *
folder_text(const char *format, ...)
{
    static char texts[16][1024];
    static unsigned turn;
    char *text = texts[turn++ % 16];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(texts[0]), format, args);
    va_end(args);
    return text;
}

const char *
folder_in(const char *name)
{
    return folder_text("%s/%s", folder, name);
}

static void
make_folders(const char *path)
{
    char above[1024];
    const char *slash = path + strlen(folder);

    while ((slash = strchr(slash + 1, '/'))) {
        snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
        mkdir(above, 0755);
    }
}

void
folder_write(const char *name, const void *bytes, size_t len)
{
    const char *path = folder_in(name);
    int fd;

    make_folders(path);
    unlink(path); /* a library that is open would lose its pages */
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, bytes, len), (ssize_t)len);
    CU_ASSERT_EQUAL(fchmod(fd, 0644), 0);
    close(fd);
}

void
folder_write_text(const char *name, const char *text)
{
    folder_write(name, text, strlen(text));
}

/* Line by line: each must be a note. */
static void
show(const char *what, const char *text)
{
    size_t len;

    tap_note("%s:", what);
    for (; *text; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        tap_note("    %.*s", (int)len, text);
    }
}

void
folder_expect_text(const char *expected, const char *seen)
{
    if (!seen)
        seen = "(null)";
    CU_ASSERT_STRING_EQUAL(expected, seen);
    if (strcmp(expected, seen) == 0)
        return;
    show("expected", expected);
    show("seen", seen);
}
