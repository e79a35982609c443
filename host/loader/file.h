/* SPDX-License-Identifier: MIT */
/* host/loader/file.h - a plugin's file: whose it is, and a private copy. */
#ifndef HOST_LOADER_FILE_H
#define HOST_LOADER_FILE_H

#include "factor/base.h"

/* Open a file that, like every folder and link on the way to it, belongs to
 * root or to us and that nobody else may write.  A folder that others may
 * write is allowed if it is root's and sticky.  FACTOR_E_CONFIG says what to
 * do. */
factor_status file_open_trusted(const char *path, int *ret_fd,
                                struct factor_error *err);

/* A copy in memory that nobody can change, ourselves included, named by its
 * SHA-256; ret_sha256 takes 65 bytes of hex.  FACTOR_E_CONFIG. */
factor_status file_copy_private(int fd, int *ret_copy, char *ret_sha256,
                                struct factor_error *err);

#endif
