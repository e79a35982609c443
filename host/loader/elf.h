/* SPDX-License-Identifier: MIT */
/* host/loader/elf.h - a look into a shared object before it is opened:
 * opening runs its constructors. */
#ifndef HOST_LOADER_ELF_H
#define HOST_LOADER_ELF_H

#include <stdbool.h>

#include "factor/base.h"

/* Which entry symbols ("factor_plugin_v" and a number) a file defines. */
struct elf_entry {
    bool ours;            /* FACTOR_ENTRY_SYMBOL */
    bool other;           /* one of another major */
    unsigned other_major; /* the greatest of them */
};

/* bytes: a whole file.  FACTOR_E_CONFIG: it is cut short, damaged or not a
 * shared object for this machine. */
factor_status elf_find_entry(const void *bytes, size_t len,
                             struct elf_entry *ret_entry,
                             struct factor_error *err);

#endif
