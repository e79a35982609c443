/* SPDX-License-Identifier: MIT */
/* tests/folder.h - a folder of a test's own, whatever rights the build tree
 * has. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <stddef.h>

/* Make it, under /tmp; 0 when all is well.  One at a time. */
int folder_make(void);

/* Remove it and all in it; 0 when all is well. */
int folder_remove(void);

/* Its absolute path. */
const char *folder_path(void);

/* Path of something in it; formatted text.  Good until the 16th call after
 * this one. */
const char *folder_in(const char *name);
const char *folder_text(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* A file in it, of mode 0644; folders are made as needed. */
void folder_write(const char *name, const void *bytes, size_t len);
void folder_write_text(const char *name, const char *text);

/* Fails the test and shows both texts if they differ. */
void folder_expect_text(const char *expected, const char *seen);

#endif
