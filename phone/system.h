/* SPDX-License-Identifier: MIT */
/* phone/system.h - what the phone of the command line stands on: its state in
 * a file, HTTP by libcurl, this machine's clock and randomness. */
#ifndef PHONE_SYSTEM_H
#define PHONE_SYSTEM_H

#include "phone/phone.h"

struct system {
    const char *path;    /* of the state */
    const char *ca_file; /* instead of the system's authorities; or NULL */
    int lock_fd;         /* -1: not locked */
    void *curl;          /* kept for the next request, with TLS sessions */
    char why[320];       /* what failed last with the file, for people */
};

/* Nothing is opened yet.  Texts are borrowed. */
void system_init(struct system *self, const char *path, const char *ca_file);
void system_close(struct system *self);

/* The callbacks of a phone; self must outlive it. */
struct factor_phone_io system_io(struct system *self);

/* Where the state is if nobody says: below $XDG_STATE_HOME, or ~/.local/state.
 * By malloc; NULL if there is no home. */
char *system_default_path(void);

int64_t system_now_ms(void);
void system_sleep_ms(int64_t ms);

#endif
