/* SPDX-License-Identifier: MIT */
/* host/notify.c - one datagram to the socket that NOTIFY_SOCKET names. */
#include "host/notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or "@" and a name that is in no file system. */
static bool
place(const char *name, struct sockaddr_un *ret_address, socklen_t *ret_len)
{
    size_t len = name ? strlen(name) : 0;

    if (len < 2 || (name[0] != '/' && name[0] != '@') ||
        len >= sizeof(ret_address->sun_path))
        return false;
    memset(ret_address, 0, sizeof(*ret_address));
    ret_address->sun_family = AF_UNIX;
    memcpy(ret_address->sun_path, name, len);
    if (name[0] == '@')
        ret_address->sun_path[0] = '\0';
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

void
notify(const char *lines)
{
    struct sockaddr_un address;
    socklen_t len;
    int fd;

    if (!place(getenv("NOTIFY_SOCKET"), &address, &len))
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, lines, strlen(lines), MSG_NOSIGNAL,
           (const struct sockaddr *)&address, len);
    close(fd);
}
