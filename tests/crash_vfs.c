/* SPDX-License-Identifier: MIT */
/* tests/crash_vfs.c - a file system layer for SQLite on which the power can be
 * cut.
 *
 * Contents live in memory, twice: as the program sees them, and as they are
 * on the disk.  The real files are there for locks and shared memory, which a
 * cut ends anyway.
 */
#include "tests/crash_vfs.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#define SECTOR 512

/* ------------------------------------------------------------------- bytes */

struct bytes {
    uint8_t *data;
    size_t len;
    size_t room;
};

/* A test that has no memory is over. */
static void *
must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* Set the length; new bytes are 0. */
static void
bytes_resize(struct bytes *bytes, size_t len)
{
    if (len > bytes->room) {
        bytes->room = len * 2;
        bytes->data = must(realloc(bytes->data, bytes->room));
    }
    if (len > bytes->len)
        memset(bytes->data + bytes->len, 0, len - bytes->len);
    bytes->len = len;
}

static void
bytes_write(struct bytes *bytes, size_t offset, const uint8_t *data, size_t len)
{
    if (len == 0)
        return;
    if (offset + len > bytes->len)
        bytes_resize(bytes, offset + len);
    memcpy(bytes->data + offset, data, len);
}

/* ------------------------------------------------------- files in the layer */

enum op_kind {
    OP_WRITE,
    OP_TRUNCATE, /* to offset */
    OP_REMOVE
};

/* Something done to a file since its last sync. */
struct op {
    struct op *next;
    enum op_kind kind;
    size_t offset;
    size_t len;
    uint8_t data[];
};

struct node {
    struct node *next;
    char *path;
    int open;            /* handles */
    bool seen;           /* the program sees such a file */
    bool kept;           /* and the disk has one */
    struct bytes view;   /* what the program sees */
    struct bytes disk;   /* what the disk has */
    struct op *first_op; /* what leads from disk to view, in order */
    struct op **last_op;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* All under the mutex. */
static struct {
    struct node *nodes;
    uint64_t random;
    uint64_t ops;
    uint64_t cut_at; /* 0: never */
    bool cut;
    int fail_rc;
    uint64_t fail_from, fail_until; /* numbers of ops, the last excluded */
    struct crash_vfs_tally tally;
} power;

static struct node *
node_find(const char *path)
{
    struct node *node;

    for (node = power.nodes; node; node = node->next)
        if (strcmp(node->path, path) == 0)
            return node;
    return NULL;
}

static struct node *
node_new(const char *path)
{
    struct node *node = must(calloc(1, sizeof(*node)));

    node->path = must(strdup(path));
    node->last_op = &node->first_op;
    node->next = power.nodes;
    power.nodes = node;
    return node;
}

static void
node_forget_ops(struct node *node)
{
    struct op *op, *next;

    for (op = node->first_op; op; op = next) {
        next = op->next;
        free(op);
    }
    node->first_op = NULL;
    node->last_op = &node->first_op;
}

static void
node_free(struct node *node)
{
    node_forget_ops(node);
    free(node->view.data);
    free(node->disk.data);
    free(node->path);
    free(node);
}

static void
node_note(struct node *node, enum op_kind kind, size_t offset,
          const uint8_t *data, size_t len)
{
    struct op *op = must(malloc(sizeof(*op) + len));

    op->next = NULL;
    op->kind = kind;
    op->offset = offset;
    op->len = len;
    if (len > 0)
        memcpy(op->data, data, len);
    *node->last_op = op;
    node->last_op = &op->next;
}

/* An op reaches the disk. */
static void
node_settle_op(struct node *node, const struct op *op)
{
    switch (op->kind) {
    case OP_WRITE:
        bytes_write(&node->disk, op->offset, op->data, op->len);
        node->kept = true;
        break;
    case OP_TRUNCATE:
        bytes_resize(&node->disk, op->offset);
        break;
    case OP_REMOVE:
        bytes_resize(&node->disk, 0);
        node->kept = false;
        break;
    }
}

static void
node_sync(struct node *node)
{
    const struct op *op;

    for (op = node->first_op; op; op = op->next)
        node_settle_op(node, op);
    node->kept = true;
    node_forget_ops(node);
}

/* ----------------------------------------------------------------- the cut */

/* xorshift64*: the same seed, the same cut. */
static uint64_t
draw(uint64_t below)
{
    power.random ^= power.random >> 12;
    power.random ^= power.random << 25;
    power.random ^= power.random >> 27;
    return ((power.random * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % below;
}

/* Each sector of a write reaches the disk, or not. */
static void
tear(struct node *node, const struct op *op)
{
    size_t done = 0;

    while (done < op->len) {
        size_t offset = op->offset + done;
        size_t len = SECTOR - offset % SECTOR;

        if (len > op->len - done)
            len = op->len - done;
        if (draw(2) == 0) {
            bytes_write(&node->disk, offset, op->data + done, len);
            node->kept = true;
        }
        done += len;
    }
}

/* Of 100 operations so many are kept, so many torn; the others dropped. */
struct fate {
    unsigned kept;
    unsigned torn;
};

/* From a disk that had done all but nothing to one that had done all but
 * everything. */
static const struct fate fates[] = {
    { 0, 0 }, { 5, 5 }, { 33, 33 }, { 50, 0 }, { 0, 100 }, { 90, 5 },
};

static void
decide(struct node *node, const struct op *op, const struct fate *fate)
{
    uint64_t chance = draw(100);

    if (chance < fate->kept) {
        node_settle_op(node, op);
        power.tally.kept++;
    } else if (chance < fate->kept + fate->torn && op->kind == OP_WRITE) {
        tear(node, op);
        power.tally.torn++;
    } else {
        power.tally.dropped++;
    }
}

static void
node_cut(struct node *node, const struct fate *fate)
{
    struct op **ops, *op;
    size_t count = 0, i;

    for (op = node->first_op; op; op = op->next)
        count++;
    if (count == 0)
        return;
    ops = must(malloc(count * sizeof(struct op *)));
    for (op = node->first_op, i = 0; op; op = op->next)
        ops[i++] = op;
    for (; count > 0; count--) {
        i = (size_t)draw(count);
        decide(node, ops[i], fate);
        ops[i] = ops[count - 1];
    }
    free(ops);
    node_forget_ops(node);
}

static void
cut(void)
{
    const struct fate *fate;
    struct node *node;

    if (power.cut)
        return;
    power.cut = true;
    fate = &fates[draw(sizeof(fates) / sizeof(fates[0]))];
    for (node = power.nodes; node; node = node->next)
        node_cut(node, fate);
}

/* Number an operation.  Not SQLITE_OK: it fails without effect.  *ret_last:
 * the power goes while it is done. */
static int
count_op(bool *ret_last)
{
    if (power.cut)
        return SQLITE_IOERR;
    power.ops++;
    *ret_last = power.ops == power.cut_at;
    if (power.ops >= power.fail_from && power.ops < power.fail_until)
        return power.fail_rc;
    return SQLITE_OK;
}

/* ---------------------------------------------------- methods of one file */

/* The real handle follows in the same memory. */
struct crash_file {
    struct sqlite3_file base;
    struct node *node;
    struct sqlite3_file *real;
};

static struct crash_file *
crash_file_of(struct sqlite3_file *file)
{
    return (struct crash_file *)file;
}

static struct sqlite3_file *
real_of(struct sqlite3_file *file)
{
    return crash_file_of(file)->real;
}

static int
file_close(struct sqlite3_file *file)
{
    pthread_mutex_lock(&mutex);
    crash_file_of(file)->node->open--;
    pthread_mutex_unlock(&mutex);
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int
file_read(struct sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
    const struct bytes *view = &crash_file_of(file)->node->view;
    size_t wanted = (size_t)len, start = (size_t)offset, found = 0;
    int rc = SQLITE_IOERR_READ;

    pthread_mutex_lock(&mutex);
    if (!power.cut) {
        if (start < view->len)
            found = view->len - start < wanted ? view->len - start : wanted;
        if (found > 0)
            memcpy(data, view->data + start, found);
        rc = found == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
    }
    pthread_mutex_unlock(&mutex);
    if (rc == SQLITE_IOERR_SHORT_READ)
        memset((uint8_t *)data + found, 0, wanted - found);
    return rc;
}

static int
file_write(struct sqlite3_file *file, const void *data, int len,
           sqlite3_int64 offset)
{
    struct node *node = crash_file_of(file)->node;
    bool last = false;
    int rc;

    pthread_mutex_lock(&mutex);
    rc = count_op(&last);
    if (rc == SQLITE_OK) {
        bytes_write(&node->view, (size_t)offset, data, (size_t)len);
        node_note(node, OP_WRITE, (size_t)offset, data, (size_t)len);
    }
    if (last) {
        cut();
        rc = SQLITE_IOERR_WRITE;
    }
    pthread_mutex_unlock(&mutex);
    return rc;
}

static int
file_truncate(struct sqlite3_file *file, sqlite3_int64 len)
{
    struct node *node = crash_file_of(file)->node;
    bool last = false;
    int rc;

    pthread_mutex_lock(&mutex);
    rc = count_op(&last);
    if (rc == SQLITE_OK) {
        bytes_resize(&node->view, (size_t)len);
        node_note(node, OP_TRUNCATE, (size_t)len, NULL, 0);
    }
    if (last) {
        cut();
        rc = SQLITE_IOERR_TRUNCATE;
    }
    pthread_mutex_unlock(&mutex);
    return rc;
}

/* A cut in a sync comes before any of it is sure. */
static int
file_sync(struct sqlite3_file *file, int flags)
{
    bool last = false;
    int rc;

    (void)flags;
    pthread_mutex_lock(&mutex);
    rc = count_op(&last);
    if (last) {
        cut();
        rc = SQLITE_IOERR_FSYNC;
    }
    if (rc == SQLITE_OK)
        node_sync(crash_file_of(file)->node);
    pthread_mutex_unlock(&mutex);
    return rc;
}

static int
file_size(struct sqlite3_file *file, sqlite3_int64 *ret_len)
{
    pthread_mutex_lock(&mutex);
    *ret_len = (sqlite3_int64)crash_file_of(file)->node->view.len;
    pthread_mutex_unlock(&mutex);
    return crash_vfs_is_cut() ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int
file_lock(struct sqlite3_file *file, int level)
{
    if (crash_vfs_is_cut())
        return SQLITE_IOERR_LOCK;
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int
file_unlock(struct sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int
file_check_lock(struct sqlite3_file *file, int *ret_held)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file),
                                                       ret_held);
}

/* What would make the real file grow is not for it. */
static int
file_control(struct sqlite3_file *file, int op, void *argument)
{
    if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
        return SQLITE_OK;
    return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int
file_sector(struct sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int
file_traits(struct sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int
file_shm_map(struct sqlite3_file *file, int region, int size, int extend,
             void volatile **ret_memory)
{
    if (crash_vfs_is_cut())
        return SQLITE_IOERR_SHMMAP;
    return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend,
                                            ret_memory);
}

static int
file_shm_lock(struct sqlite3_file *file, int offset, int count, int flags)
{
    if ((flags & SQLITE_SHM_LOCK) && crash_vfs_is_cut())
        return SQLITE_IOERR_SHMLOCK;
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count,
                                             flags);
}

static void
file_shm_barrier(struct sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int
file_shm_unmap(struct sqlite3_file *file, int remove_it)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove_it);
}

/* Version 2: no memory mapping. */
static const struct sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ----------------------------------------------------- methods of the layer */

static struct sqlite3_vfs *
real_vfs(struct sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

/* A file that the layer meets first: what it holds is on the disk. */
static int
load(struct node *node, struct sqlite3_file *real)
{
    sqlite3_int64 len = 0;
    int rc = real->pMethods->xFileSize(real, &len);

    if (rc != SQLITE_OK)
        return rc;
    bytes_resize(&node->disk, (size_t)len);
    if (len > 0)
        rc = real->pMethods->xRead(real, node->disk.data, (int)len, 0);
    bytes_resize(&node->view, (size_t)len);
    if (len > 0)
        memcpy(node->view.data, node->disk.data, (size_t)len);
    return rc;
}

/* Find or make the node of a file whose real handle is open. */
static int
attach(struct crash_file *file, const char *path, bool was_there)
{
    struct node *node = node_find(path);
    int rc = SQLITE_OK;

    if (!node) {
        node = node_new(path);
        node->kept = was_there;
        rc = load(node, file->real);
    }
    node->seen = true;
    node->open++;
    file->node = node;
    return rc;
}

static int
vfs_open(struct sqlite3_vfs *vfs, sqlite3_filename path,
         struct sqlite3_file *handle, int flags, int *ret_flags)
{
    struct crash_file *file = crash_file_of(handle);
    struct sqlite3_vfs *real = real_vfs(vfs);
    int rc;
    bool was_there;

    /* A temporary file dies with its process: the real layer has it. */
    if (!path)
        return real->xOpen(real, path, handle, flags, ret_flags);
    file->base.pMethods = NULL;
    if (crash_vfs_is_cut())
        return SQLITE_CANTOPEN;
    was_there = access(path, F_OK) == 0;
    file->real = (struct sqlite3_file *)(file + 1);
    rc = real->xOpen(real, path, file->real, flags, ret_flags);
    if (rc != SQLITE_OK)
        return rc;
    pthread_mutex_lock(&mutex);
    rc = attach(file, path, was_there);
    pthread_mutex_unlock(&mutex);
    file->base.pMethods = &methods;
    return rc;
}

static void
remove_node(struct node *node, bool synced)
{
    node->seen = false;
    bytes_resize(&node->view, 0);
    node_note(node, OP_REMOVE, 0, NULL, 0);
    if (synced) {
        node_sync(node);
        node->kept = false;
    }
}

static int
vfs_delete(struct sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    struct sqlite3_vfs *real = real_vfs(vfs);
    struct node *node;
    bool last = false;
    int rc;

    pthread_mutex_lock(&mutex);
    node = node_find(path);
    rc = count_op(&last);
    if (rc == SQLITE_OK && node)
        remove_node(node, sync_directory && !last);
    if (last) {
        cut();
        rc = SQLITE_IOERR_DELETE;
    }
    pthread_mutex_unlock(&mutex);
    if (node || rc != SQLITE_OK)
        return rc;
    return real->xDelete(real, path, sync_directory);
}

/* As the layer for Unix has it: an empty file does not exist. */
static int
vfs_access(struct sqlite3_vfs *vfs, const char *path, int flags, int *ret_yes)
{
    struct sqlite3_vfs *real = real_vfs(vfs);
    const struct node *node;

    pthread_mutex_lock(&mutex);
    node = node_find(path);
    if (node)
        *ret_yes = node->seen &&
                   (flags != SQLITE_ACCESS_EXISTS || node->view.len > 0);
    pthread_mutex_unlock(&mutex);
    if (crash_vfs_is_cut())
        return SQLITE_IOERR_ACCESS;
    return node ? SQLITE_OK : real->xAccess(real, path, flags, ret_yes);
}

int
crash_vfs_register(const char *name)
{
    static struct sqlite3_vfs layer; /* SQLite keeps it, and links it */
    struct sqlite3_vfs *real = sqlite3_vfs_find(NULL);

    if (!real)
        return -1;
    layer = *real;
    layer.pNext = NULL;
    layer.szOsFile += (int)sizeof(struct crash_file);
    layer.zName = name;
    layer.pAppData = real;
    layer.xOpen = vfs_open;
    layer.xDelete = vfs_delete;
    layer.xAccess = vfs_access;
    return sqlite3_vfs_register(&layer, 0) == SQLITE_OK ? 0 : -1;
}

/* ------------------------------------------------------------- for the test */

void
crash_vfs_arm(uint64_t seed, uint64_t after_ops)
{
    pthread_mutex_lock(&mutex);
    power.random = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
    power.ops = 0;
    power.cut_at = after_ops;
    power.fail_from = power.fail_until = 0;
    pthread_mutex_unlock(&mutex);
}

void
crash_vfs_cut(void)
{
    pthread_mutex_lock(&mutex);
    cut();
    pthread_mutex_unlock(&mutex);
}

bool
crash_vfs_is_cut(void)
{
    bool is;

    pthread_mutex_lock(&mutex);
    is = power.cut;
    pthread_mutex_unlock(&mutex);
    return is;
}

uint64_t
crash_vfs_ops(void)
{
    uint64_t ops;

    pthread_mutex_lock(&mutex);
    ops = power.ops;
    pthread_mutex_unlock(&mutex);
    return ops;
}

void
crash_vfs_fail(int rc, uint64_t after_ops, uint64_t count)
{
    pthread_mutex_lock(&mutex);
    power.fail_rc = rc;
    power.fail_from = power.ops + after_ops;
    power.fail_until = power.fail_from + count;
    pthread_mutex_unlock(&mutex);
}

/* Put what the disk has into the real file. */
static void
node_store(const struct node *node)
{
    char shm[512];
    FILE *file;

    snprintf(shm, sizeof(shm), "%s-shm", node->path);
    unlink(shm);
    if (!node->kept) {
        unlink(node->path);
        return;
    }
    file = must(fopen(node->path, "wb"));
    if (node->disk.len > 0 &&
        fwrite(node->disk.data, node->disk.len, 1, file) != 1)
        abort();
    if (fclose(file) != 0)
        abort();
}

/* Without a cut everything has its turn. */
static void
node_settle(struct node *node)
{
    const bool seen = node->seen;

    if (!power.cut) {
        node_sync(node);
        node->kept = seen;
    }
    node_store(node);
    node_free(node);
}

int
crash_vfs_settle(void)
{
    struct node *node, *next;
    int open = 0;

    pthread_mutex_lock(&mutex);
    for (node = power.nodes; node; node = node->next)
        open += node->open;
    for (node = open ? NULL : power.nodes; node; node = next) {
        next = node->next;
        node_settle(node);
    }
    if (!open) {
        power.nodes = NULL;
        power.cut = false;
        power.cut_at = 0;
        power.fail_from = power.fail_until = 0;
    }
    pthread_mutex_unlock(&mutex);
    return open;
}

void
crash_vfs_die(void)
{
    const struct node *node;

    pthread_mutex_lock(&mutex);
    cut();
    for (node = power.nodes; node; node = node->next)
        node_store(node);
    raise(SIGKILL);
}

struct crash_vfs_tally
crash_vfs_tally(void)
{
    struct crash_vfs_tally tally;

    pthread_mutex_lock(&mutex);
    tally = power.tally;
    pthread_mutex_unlock(&mutex);
    return tally;
}
