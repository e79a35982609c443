/* SPDX-License-Identifier: MIT */
/* passcode/mask.h - addresses as they may be shown. */
#ifndef PASSCODE_MASK_H
#define PASSCODE_MASK_H

#include <stddef.h>

/* For what is neither a mailbox nor a number: characters left visible.  Never
 * more than half of the address, whatever is set. */
struct passcode_mask_rule {
    size_t leading;
    size_t trailing;
};

/* Room for the masked form of an address, with its NUL. */
size_t passcode_mask_size(const char *address);

/* "so****@acme.test", "+155*****55", "ab****yz".  The number of stars says
 * nothing about the length; short addresses show less.  Pure. */
void passcode_mask(const char *address, const struct passcode_mask_rule *rule,
                   char *ret_masked);

/* One spelling per mailbox and number, so that each is one authenticator:
 * ASCII letters small, no white space, and of a number only plus and digits.
 * ret_normal takes strlen(address) + 1 bytes. */
void passcode_normalise(const char *address, char *ret_normal);

#endif
