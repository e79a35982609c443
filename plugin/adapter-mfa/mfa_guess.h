/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_guess.h - guesses of pairing keys (DECISIONS M9).
 *
 * Wrong keys are counted in records, so that neither a restart nor another
 * node forgets them: by the address that they come from, and all together,
 * which closes the route for a while; and by the first characters of the key,
 * which kills the one that somebody is looking for.  Names are keyed hashes:
 * no record tells an address or a key.
 *
 * first: the place of the reads that mfa_guess_plan() has planned.
 */
#ifndef MFA_GUESS_H
#define MFA_GUESS_H

#include "plugin/adapter-mfa/mfa_statement.h"

/* What a claim of this key reads. */
factor_status mfa_guess_plan(const struct factor_host *host,
                             const struct factor_step *in, const char *key,
                             struct factor_reads *reads);

/* Until when claims are closed to whoever asks; 0: they are open. */
int64_t mfa_guess_closed_until(const struct mfa_call *call, size_t first);

/* Were so many wrong claims made since this instant that share the first
 * characters of the key, that it must not be believed any more? */
bool mfa_guess_hunted(const struct mfa_call *call, size_t first,
                      int64_t since_ms);

/* One wrong claim of this key more; reports what it closes. */
factor_status mfa_guess_count(const struct mfa_call *call, size_t first,
                              const char *key);

#endif
