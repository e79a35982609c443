/* SPDX-License-Identifier: MIT */
/* bench/daemon.h - programs that are measured: started, looked at, stopped. */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/http_client.h"

struct bench;

/* factord, and where it listens. */
struct daemon {
    pid_t pid;               /* 0: not running */
    char base_url[64];       /* "http://127.0.0.1:31234" */
    char host[32];           /* "127.0.0.1:31234" */
    char state[600];
    struct address address;  /* of the public listener */
    struct address control;  /* of the control socket */
    char jwks[512];          /* of who signs hints */
};

/* --- Any program --- */

/* Starts argv with its output in a file of the state folder; it dies with
 * us.  The program is looked for in PATH if it has no slash. */
pid_t program_start(const struct bench *bench, const char *name,
                    const char *const *argv);
/* SIGTERM, and waits for the end; pid 0 is fine. */
void program_stop(pid_t pid);
/* Runs it to its end; its exit status. */
int program_run(const struct bench *bench, const char *name,
                const char *const *argv);
/* The path of a program in PATH or the folders of root; false: none. */
bool program_find(const char *name, char *ret_path, size_t size);

/* Processor time so far, also of its own processes. */
int64_t program_cpu_ns(pid_t pid);
/* Of /proc/PID/status, in KiB: "VmRSS", "RssAnon". */
long program_memory_kib(pid_t pid, const char *member);

/* A port of the loopback that is free now. */
unsigned free_port(void);
/* Waits until somebody answers at an address with 200; the time of the
 * answer.  Dies if pid does. */
int64_t wait_for(pid_t pid, const struct address *address, const char *path);

/* --- factord --- */

/* Writes down ports and folders; nothing is started. */
void daemon_prepare(struct bench *bench, const char *jwks);
/* Starts it and waits for its first answer; how long that took. */
int64_t daemon_start(struct bench *bench);
void daemon_stop(struct bench *bench);

/* Commits and syncs of the store so far, and requests that are parked. */
struct daemon_counts {
    uint64_t commits, batches, parked;
};
void daemon_count(struct bench *bench, struct daemon_counts *ret_counts);

/* Makes the users by factorctl; how long that took. */
int64_t daemon_import(struct bench *bench);

#endif
