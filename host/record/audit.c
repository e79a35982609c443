/* SPDX-License-Identifier: MIT */
/* host/record/audit.c - the audit chain (K3). */
#include "host/record/audit.h"

#include <string.h>

static bool
chain_hash(const struct audit_chain *chain, const struct factor_audit_row *row,
           uint8_t ret_hash[CRYPTO_MAC_LEN])
{
    const int64_t numbers[] = {(int64_t)row->sequence, row->at_ms};
    struct crypto_part parts[] = {
        {chain->hash, CRYPTO_MAC_LEN},
        crypto_text(row->writer),
        {numbers, sizeof(numbers)},
        {row->event, row->event_len},
    };

    return crypto_hash(parts, sizeof(parts) / sizeof(parts[0]), ret_hash);
}

bool
audit_next(const struct audit_chain *chain, const char *event, int64_t at_ms,
           uint8_t hash[CRYPTO_MAC_LEN], uint8_t mac[CRYPTO_MAC_LEN],
           struct factor_audit_row *ret_row)
{
    struct factor_audit_row row = {
        .struct_size = sizeof(row),
        .event_len = (uint32_t)strlen(event),
        .writer = chain->writer,
        .sequence = chain->sequence + 1,
        .at_ms = at_ms,
        .event = event,
        .hash = hash,
        .mac = mac,
    };

    if (!chain_hash(chain, &row, hash) ||
        !keys_hash(chain->keys, "audit", hash, CRYPTO_MAC_LEN, mac))
        return false;
    *ret_row = row;
    return true;
}

void
audit_moved(struct audit_chain *chain, const struct factor_audit_row *row)
{
    chain->sequence = row->sequence;
    memcpy(chain->hash, row->hash, CRYPTO_MAC_LEN);
}

bool
audit_follows(const struct audit_chain *chain,
              const struct factor_audit_row *row)
{
    uint8_t hash[CRYPTO_MAC_LEN], mac[CRYPTO_MAC_LEN];

    return row->sequence == chain->sequence + 1 &&
           chain_hash(chain, row, hash) &&
           crypto_same(hash, row->hash, CRYPTO_MAC_LEN) &&
           keys_hash(chain->keys, "audit", hash, CRYPTO_MAC_LEN, mac) &&
           crypto_same(mac, row->mac, CRYPTO_MAC_LEN);
}
