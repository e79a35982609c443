/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/mfa_config_check.h - is a configuration one that may be
 * put in force? */
#ifndef MFA_CONFIG_CHECK_H
#define MFA_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum mfa_wrong {
    MFA_WRONG_VALUE,   /* of another type or form, or not supported */
    MFA_WRONG_CHOICE,  /* none of .choices */
    MFA_WRONG_RANGE,   /* not from .min to .max */
    MFA_WRONG_MISSING, /* it has to be there */
    MFA_WRONG_EMPTY,   /* it has to be more than "" */
    MFA_WRONG_TAKEN,   /* by the entry whose id is .existing */
    MFA_WRONG_WHOLE    /* only together with others: see .what */
};

/* One thing that is wrong.  Borrowed. */
struct mfa_problem {
    enum mfa_wrong wrong;
    const char *pointer; /* the member (JSON pointer), "": all of it:
                          * "/policies/0/email/otp/otpLength" */
    const char *what;    /* how it has to be, for people */
    int64_t min, max;    /* RANGE: of a time in the unit that was given, if */
    bool is_time;        /* ... it is the duration of {"duration", ...} */
    const char *const *choices; /* CHOICE; ended by NULL */
    const char *existing;       /* TAKEN; or NULL: it has no id */
};
typedef void mfa_config_told(void *context, const struct mfa_problem *problem);

/* given: an object with one or more of settings, policies and applications;
 * their shapes and ranges must be those of the MFA service API.  whole: the
 * configuration with them; what it names must be there.  weak: what is below
 * this project's standard is let pass (ping_defaults).  Members that are not
 * known are wrong, but for "$comment" and what the service returns for reading
 * alone.  Everything that is wrong is told.  True: nothing is.  Pure. */
bool mfa_config_check(const json_t *given, const json_t *whole, bool weak,
                      mfa_config_told *told, void *context);

#endif
