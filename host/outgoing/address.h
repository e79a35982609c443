/* SPDX-License-Identifier: MIT */
/* host/outgoing/address.h - which addresses a call may reach whose URL came
 * from outside. */
#ifndef HOST_OUTGOING_ADDRESS_H
#define HOST_OUTGOING_ADDRESS_H

#include <stdbool.h>

struct sockaddr;

/* Whether it is a host of the public internet: not this machine, no private,
 * link-local, shared, reserved, documentation or multicast network, and no
 * IPv6 form of such an IPv4 address.  Pure. */
bool outgoing_is_public(const struct sockaddr *address);

#endif
