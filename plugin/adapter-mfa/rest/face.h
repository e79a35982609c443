/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/face.h - the REST API as the adapter sees it. */
#ifndef MFA_REST_FACE_H
#define MFA_REST_FACE_H

#include "factor/adapter.h"

/* Is it a resource of these rooms? */
bool mfa_rest_is(const struct factor_resource *resource);

/* plan_reads and handle_resource of the adapter, for these. */
factor_status mfa_rest_plan(const struct factor_adapter *self,
                            const struct factor_step *step,
                            struct factor_reads *reads);
factor_status mfa_rest_handle(const struct factor_adapter *self,
                              const struct factor_step *step,
                              struct factor_outcome *ret_outcome,
                              struct factor_error *err);

/* Every resource of the instance: these and the phones' (mfa_resources).
 * Ended by NULL; the caller frees the list alone.  NULL: no memory. */
const struct factor_resource **mfa_rest_resources(void);

#endif
