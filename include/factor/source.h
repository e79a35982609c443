/* SPDX-License-Identifier: MIT */
/* factor/source.h - the contract of a source: answers what adapters ask.
 *
 * LDAP, RADIUS, a risk score, a file: a source may do I/O.  It is called on
 * a bounded pool of the host, with a deadline, at most once for a question;
 * question and answer stay in memory and are never stored.
 */
#ifndef FACTOR_SOURCE_H
#define FACTOR_SOURCE_H

#include "factor/base.h"
#include "factor/host.h"

#ifdef __cplusplus
extern "C" {
#endif

struct factor_source; /* the plugin's own */

/* What a source does.  Owner: plugin. */
struct factor_source_ops {
    uint32_t struct_size;
    uint32_t flags; /* 0 */

    /* As factor_adapter_ops.init. */
    factor_status (*init)(const struct factor_host *host,
                          const struct json_t *settings,
                          struct factor_source **ret_self,
                          struct factor_error *err);
    /* Answer one question: *ret_answer is a new reference to an object.
     * Return within timeout_ms; the host stops waiting then, and drops an
     * answer that comes late, but the call keeps its thread.  Any thread.
     * A failure is given to the adapter as {"error": err->text}. */
    factor_status (*answer)(struct factor_source *self,
                            const struct json_t *input, int64_t timeout_ms,
                            struct json_t **ret_answer,
                            struct factor_error *err);
    /* Release the instance; NULL is allowed.  Alone. */
    void (*fini)(struct factor_source *self);
};

#ifdef __cplusplus
}
#endif

#endif
