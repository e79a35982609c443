/* SPDX-License-Identifier: MIT */
/* host/notify.h - tells the service manager how we are (sd_notify(3)). */
#ifndef HOST_NOTIFY_H
#define HOST_NOTIFY_H

/* Lines such as "READY=1".  Nothing happens where nobody wants to know.  Any
 * thread. */
void notify(const char *lines);

#endif
