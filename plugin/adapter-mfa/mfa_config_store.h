/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_config_store.h - puts another configuration in force:
 * the one way, for operators and for the REST API. */
#ifndef MFA_CONFIG_STORE_H
#define MFA_CONFIG_STORE_H

#include "plugin/adapter-mfa/mfa_config_check.h"
#include "plugin/adapter-mfa/mfa_step.h"

/* What is given (an object with one or more of settings, policies and
 * applications) takes the place of these parts.  It is checked, completed (ids,
 * what names stand for), written and audited; everything that is wrong is told,
 * and then nothing is written.  *ret_config: what is in force after the commit,
 * a new reference; NULL: it was refused. */
factor_status mfa_config_replace(const struct mfa_step *s, const json_t *given,
                                 mfa_config_told *told, void *context,
                                 json_t **ret_config);

/* Back to what the configuration file says of this part ("settings"): audited.
 * *ret_config: as above. */
factor_status mfa_config_reset(const struct mfa_step *s, const char *part,
                               json_t **ret_config);

#endif
