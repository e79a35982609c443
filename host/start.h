/* SPDX-License-Identifier: MIT */
/* host/start.h - makes a running host out of a configuration, and takes it
 * down again. */
#ifndef HOST_START_H
#define HOST_START_H

#include "host/host.h"

struct running; /* a host with its listeners */

/* Check everything that can be checked without touching the store. */
void start_check(struct config *config, struct problems *problems);

/* Start.  NULL: problems say why (or *err, for what is no configuration's
 * fault).  The configuration must outlive it. */
struct running *start(struct config *config, struct problems *problems,
                      struct factor_error *err);

/* Answer what is under way (at most the configured grace), commit what is
 * queued, and free; NULL is allowed.  False: a plugin's call does not return;
 * what it may use is left, with the configuration, so the process must end
 * by _exit(). */
bool start_stop(struct running *running);

/* Read certificates and keys again; connections and flows go on. */
void start_reload(struct running *running);

const struct host *start_host(const struct running *running);

#endif
