/* SPDX-License-Identifier: MIT */
/* bench/push.h - phones. */
#ifndef BENCH_PUSH_H
#define BENCH_PUSH_H

#include "bench/flows.h"

/* A phone of one user, doc/phone-protocol.md. */
struct phone {
    struct sign_key *key;
    char pairing_key[24], device[40], user_id[40];
};

#endif
