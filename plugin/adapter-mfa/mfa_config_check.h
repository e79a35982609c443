/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_config_check.h - is a configuration one that may be
 * put in force? */
#ifndef MFA_CONFIG_CHECK_H
#define MFA_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* One thing that is wrong: the member as a JSON pointer
 * ("/policies/0/email/otp/otpLength"; "": all of it), and how it has to be.
 * Borrowed. */
typedef void mfa_config_told(void *context, const char *pointer,
                             const char *what);

/* given: an object with one or more of settings, policies and applications;
 * their shapes and ranges must be those of the MFA service API.  whole: the
 * configuration with them; what it names must be there.  weak: what is below
 * this project's standard is let pass (ping_defaults).  Members that are not
 * known are wrong, but for "$comment" and what the service returns for reading
 * alone.  Everything that is wrong is told.  True: nothing is.  Pure. */
bool mfa_config_check(const json_t *given, const json_t *whole, bool weak,
                      mfa_config_told *told, void *context);

#endif
