/* SPDX-License-Identifier: MIT */
/* host/memory.h - how much memory there is for us. */
#ifndef HOST_MEMORY_H
#define HOST_MEMORY_H

#include <stdint.h>

/* The least limit, in bytes, that a control group (version 2) has, whose
 * path is below root, or one of those around it; UINT64_MAX: none has one. */
uint64_t memory_limit(const char *root, const char *path);

/* Bytes of the machine, or of our control group where it has less. */
uint64_t memory_total(void);

/* What a cache takes whose size nobody set: an eighth of the total, and not
 * more than 1 GiB. */
uint64_t memory_for_cache(uint64_t total);

#endif
