/* SPDX-License-Identifier: MIT */
/* host/http/handed.c - takes the sockets that LISTEN_FDS tells of. */
#include "host/http/handed.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/error.h"

enum { FIRST = 3, COUNT_MAX = 64, NAME_MAX_LEN = 64 };

static const struct {
    const char *name;
    size_t offset;
} uses[] = {
    {"public", offsetof(struct handed, public)},
    {"admin", offsetof(struct handed, admin)},
};

enum { USES = sizeof(uses) / sizeof(uses[0]) };

static long
number_in(const char *variable)
{
    const char *text = getenv(variable);
    char *end;
    long number = text && *text ? strtol(text, &end, 10) : 0;

    return number > 0 && *end == '\0' ? number : 0;
}

/* Of "public:admin" the next name; false: there is none. */
static bool
next_name(const char **names, char ret_name[NAME_MAX_LEN])
{
    size_t len = *names ? strcspn(*names, ":") : 0;

    if (len == 0 || len >= NAME_MAX_LEN)
        return false;
    memcpy(ret_name, *names, len);
    ret_name[len] = '\0';
    *names = (*names)[len] == ':' ? *names + len + 1 : NULL;
    return true;
}

/* 0 where it is no socket. */
static int
socket_option(int socket, int option)
{
    int value = 0;
    socklen_t len = sizeof(value);

    return getsockopt(socket, SOL_SOCKET, option, &value, &len) == 0 ? value
                                                                     : 0;
}

static bool
listens(int socket)
{
    return socket_option(socket, SO_TYPE) == SOCK_STREAM &&
           socket_option(socket, SO_ACCEPTCONN);
}

static bool
prepare(int socket)
{
    int flags = fcntl(socket, F_GETFL);

    return flags >= 0 && fcntl(socket, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(socket, F_SETFD, FD_CLOEXEC) == 0;
}

static factor_status
take_one(struct handed *handed, const char *name, int socket,
         struct factor_error *err)
{
    size_t i = 0;
    int *place;

    while (i < USES && strcmp(uses[i].name, name) != 0)
        i++;
    if (i == USES)
        return error_set(err, FACTOR_E_CONFIG,
                         "a socket named \"%s\" was handed over: give it the "
                         "name public or admin (FileDescriptorName=)",
                         name);
    place = (int *)(void *)((char *)handed + uses[i].offset);
    if (*place >= 0)
        return error_set(err, FACTOR_E_CONFIG,
                         "two sockets named \"%s\" were handed over: leave "
                         "one ListenStream=, [::] takes IPv4 too",
                         name);
    if (!listens(socket) || !prepare(socket))
        return error_set(err, FACTOR_E_CONFIG,
                         "the socket \"%s\" that was handed over is none that "
                         "listens: use ListenStream= and Accept=no",
                         name);
    *place = socket;
    return FACTOR_OK;
}

factor_status
handed_take(struct handed *ret_handed, struct factor_error *err)
{
    long count = number_in("LISTEN_PID") == (long)getpid()
                     ? number_in("LISTEN_FDS")
                     : 0;
    const char *names = getenv("LISTEN_FDNAMES");
    char name[NAME_MAX_LEN];
    factor_status st = FACTOR_OK;
    int i;

    ret_handed->public = ret_handed->admin = -1;
    for (i = 0; st == FACTOR_OK && i < count && i < COUNT_MAX; i++) {
        if (!next_name(&names, name))
            memcpy(name, "unknown", sizeof("unknown"));
        st = take_one(ret_handed, name, FIRST + i, err);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return st;
}

bool
handed_is_local(int socket)
{
    struct sockaddr_storage address;
    const struct sockaddr_in *v4 = (const void *)&address;
    const struct sockaddr_in6 *v6 = (const void *)&address;
    socklen_t len = sizeof(address);

    if (getsockname(socket, (struct sockaddr *)&address, &len) != 0)
        return false;
    if (address.ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    if (address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    return address.ss_family == AF_UNIX;
}
