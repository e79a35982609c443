/* SPDX-License-Identifier: MIT */
/* host/rest/users.h - users on the REST plane, the host's own resource. */
#ifndef HOST_REST_USERS_H
#define HOST_REST_USERS_H

#include "host/rest/tables.h"

extern const struct rest_operation users_operations[];
extern const size_t users_operation_count;

#endif
