/* SPDX-License-Identifier: MIT */
/* host/rest/users.h - users on the REST plane, the host's own resource. */
#ifndef HOST_REST_USERS_H
#define HOST_REST_USERS_H

#include "host/rest/rest.h"

/* GET /v1/environments/{env}/users?filter=username eq "NAME". */
extern const struct factor_resource users_list_resource;
rest_decide users_list_decide;

#endif
