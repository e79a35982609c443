/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_config_check.h - is a configuration one that may be
 * put in force? */
#ifndef MFA_CONFIG_CHECK_H
#define MFA_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum { MFA_CONFIG_PROBLEM_SIZE = 400 };

/* given: an object with one or more of settings, policies and applications;
 * their shapes and ranges must be those of the MFA service API.  whole: the
 * configuration with them; what it names must be there.  Members that are not
 * known are let be.  False: ret_problem says which member is wrong and how it
 * has to be.  Pure; any thread. */
bool mfa_config_check(const json_t *given, const json_t *whole,
                      char ret_problem[MFA_CONFIG_PROBLEM_SIZE]);

#endif
