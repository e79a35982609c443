/* SPDX-License-Identifier: MIT */
/* host/record/audit.h - the audit chain (K3): each event carries a hash over
 * itself and the hash before, and a mac of that hash.  The writer's thread
 * only, but for audit_check_row. */
#ifndef HOST_RECORD_AUDIT_H
#define HOST_RECORD_AUDIT_H

#include <stdbool.h>

#include "factor/store.h"
#include "host/keys.h"

struct audit_chain {
    const struct keys *keys;
    const char *writer;
    uint64_t sequence; /* of the newest event; 0: none */
    uint8_t hash[CRYPTO_MAC_LEN];
};

/* The row of the next event, which the caller appends; `mac` is its memory.
 * False when OpenSSL failed.  The chain itself moves with audit_moved(). */
bool audit_next(const struct audit_chain *chain, const char *event,
                int64_t at_ms, uint8_t hash[CRYPTO_MAC_LEN],
                uint8_t mac[CRYPTO_MAC_LEN], struct factor_audit_row *ret_row);
void audit_moved(struct audit_chain *chain, const struct factor_audit_row *row);

/* Whether a row follows on what the chain has seen. */
bool audit_follows(const struct audit_chain *chain,
                   const struct factor_audit_row *row);

#endif
