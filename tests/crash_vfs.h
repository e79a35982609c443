/* SPDX-License-Identifier: MIT */
/* tests/crash_vfs.h - a file system layer for SQLite on which the power can be
 * cut.
 *
 * What was written since a file's last sync is only in memory.  At the cut
 * each such write is, by chance, kept, torn at the bounds of 512-byte sectors
 * or dropped, in any order; truncations and removals are kept or not; what was
 * synced stays.  From then on every operation fails.  The way of a test:
 *
 *     crash_vfs_register("crash");        once
 *     crash_vfs_arm(seed, after_ops);
 *     ... work on a store with {"vfs": "crash"}, until it fails ...
 *     crash_vfs_cut();                    if it did not come to it
 *     ... close the store, which fails quietly ...
 *     crash_vfs_settle();                 files are as after the cut
 *     ... open the store without the layer, and look ...
 *
 * State is the process's: one such test at a time.  Any thread may do the
 * work; arm, settle and fail are called while none does.
 */
#ifndef TESTS_CRASH_VFS_H
#define TESTS_CRASH_VFS_H

#include <stdbool.h>
#include <stdint.h>

/* Register the layer over the default one, not as the default.  0: done. */
int crash_vfs_register(const char *name);

/* Count operations (writes, truncations, syncs, removals) from 0 again, and
 * cut the power in the one numbered after_ops, from 1 (0: never).  The seed
 * decides what survives. */
void crash_vfs_arm(uint64_t seed, uint64_t after_ops);

/* Cut the power now, unless it is cut. */
void crash_vfs_cut(void);
bool crash_vfs_is_cut(void);

/* Operations since arm. */
uint64_t crash_vfs_ops(void);

/* Fail operations with an SQLite result code (SQLITE_FULL), without effect:
 * count of them from the after_ops-th after this call on (1: the next). */
void crash_vfs_fail(int rc, uint64_t after_ops, uint64_t count);

/* Write to the real files what survived (without a cut: everything), remove
 * shared memory, forget all; the power is on again.  Returns how many files
 * are still open: if any, nothing was done. */
int crash_vfs_settle(void);

/* Cut the power of a whole process: what survived is in the real files, and
 * the process is killed. */
void crash_vfs_die(void);

/* What cuts have done so far to writes that were not synced. */
struct crash_vfs_tally {
    uint64_t kept;
    uint64_t torn;
    uint64_t dropped;
};
struct crash_vfs_tally crash_vfs_tally(void);

#endif
