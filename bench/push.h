/* SPDX-License-Identifier: MIT */
/* bench/push.h - phones, and sign-ons with them. */
#ifndef BENCH_PUSH_H
#define BENCH_PUSH_H

#include "bench/flows.h"

#define PUSH_CLIENT "bench-push"

/* A phone of one user, doc/phone-protocol.md. */
struct phone {
    struct sign_key *key;
    uint32_t user;
    char pairing_key[24], device[40], user_id[40];
};

/* Pairs phones, one for each user of the order from the first on. */
struct phone *phones_pair(const struct bench *bench, size_t first,
                          size_t count);
void phones_free(struct phone *phones, size_t count);

/* Sign-ons by turns: flow i is phone i's, modulo. */
struct flow *push_flows_make(const struct bench *bench, struct phone *phones,
                             size_t phone_count, size_t count);
/* Takes them through steps, by the policy of that acr; load has the result. */
void push_run(const struct bench *bench, const char *acr, struct flow *flows,
              size_t count, const enum flow_step *steps, struct load *load);

#endif
