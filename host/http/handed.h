/* SPDX-License-Identifier: MIT */
/* host/http/handed.h - sockets that were bound by whoever started us
 * (sd_listen_fds(3)), known by their names: "public" and "admin". */
#ifndef HOST_HTTP_HANDED_H
#define HOST_HTTP_HANDED_H

#include <stdbool.h>

#include "factor/base.h"

struct handed {
    int public, admin; /* -1: none */
};

/* Take what LISTEN_FDS says, once.  FACTOR_E_CONFIG: a socket that has no
 * use.  Alone: it changes the environment. */
factor_status handed_take(struct handed *ret_handed, struct factor_error *err);

/* Can only this machine reach it? */
bool handed_is_local(int socket);

#endif
