/* SPDX-License-Identifier: MIT */
/* bench/rest.h - the steps of a back end that calls the REST API. */
#ifndef BENCH_REST_H
#define BENCH_REST_H

#include "bench/flows.h"

/* The client that calls, as a setting; its secret is in the daemon's
 * environment. */
#define REST_SECRET_VARIABLE "FACTORD_BENCH_SECRET"
#define REST_SECRET "of-nobody-but-the-bench"
#define REST_CLIENT                                                            \
    "clients.bench-worker={\"type\":\"confidential\","                         \
    "\"token_endpoint_auth_method\":\"client_secret_post\","                   \
    "\"secret\":{\"$env\":\"" REST_SECRET_VARIABLE "\"},"                      \
    "\"roles\":[\"Identity Data Admin\"]}"

extern const struct step_kind rest_steps[STEP_COUNT];

#endif
