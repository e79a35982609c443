/* SPDX-License-Identifier: MIT */
/* host/http/listen.c - binds the sockets that the configuration names. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/error.h"
#include "host/http/http.h"

#define UNIX_PREFIX "unix:"

enum {
    BACKLOG = 4096,
    SOCKET_KIND = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC
};

static factor_status
refused(const char *what, struct factor_error *err)
{
    return error_set(err, FACTOR_E_CONFIG, "cannot listen on %s: %s", what,
                     strerror(errno));
}

/* --- ADDRESS:PORT ------------------------------------------------------ */

struct place {
    char address[256], port[6];
};

/* Take "ADDRESS:PORT" or "[V6]:PORT" apart. */
static bool
split_place(const char *where, struct place *ret_place)
{
    const char *colon = strrchr(where, ':');
    const char *start = where, *end = colon;
    size_t digits;

    if (!colon)
        return false;
    digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] != '\0' ||
        strtoul(colon + 1, NULL, 10) > 65535)
        return false;
    if (*where == '[') {
        start++;
        end--;
    }
    if (end <= start || (start > where) != (*end == ']') ||
        (start == where && memchr(start, ':', (size_t)(end - start))) ||
        (size_t)(end - start) >= sizeof(ret_place->address))
        return false;
    memcpy(ret_place->address, start, (size_t)(end - start));
    ret_place->address[end - start] = '\0';
    memcpy(ret_place->port, colon + 1, digits + 1);
    return true;
}

static factor_status
tcp_refused(const char *where, const struct place *place,
            struct factor_error *err)
{
    switch (errno) {
    case EADDRINUSE:
        return error_set(err, FACTOR_E_IO,
                         "port %s is taken: stop the program that listens on "
                         "%s, or choose another port",
                         place->port, where);
    case EACCES:
        return error_set(err, FACTOR_E_CONFIG,
                         "port %s is not for this user: choose one from 1024 "
                         "on, or give the right to bind it "
                         "(CAP_NET_BIND_SERVICE)",
                         place->port);
    case EADDRNOTAVAIL:
        return error_set(err, FACTOR_E_CONFIG,
                         "%s is no address of this machine: choose one of its "
                         "own, or 0.0.0.0 for all",
                         place->address);
    default:
        return refused(where, err);
    }
}

static bool
bind_and_listen(int fd, const struct sockaddr *address, socklen_t len)
{
    return bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0;
}

static int
tcp_socket(const struct addrinfo *address)
{
    const int on = 1, off = 0;
    int fd = socket(address->ai_family, SOCKET_KIND, 0);
    int saved;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* [::] takes IPv4 too, whatever the system's default is. */
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind_and_listen(fd, address->ai_addr, address->ai_addrlen))
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static factor_status
listen_tcp(const char *where, int *ret_socket, struct factor_error *err)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct place place;
    int fd, why;

    if (!split_place(where, &place))
        return error_set(err, FACTOR_E_CONFIG,
                         "\"%s\" is no place to listen on: write "
                         "ADDRESS:PORT, [V6]:PORT or unix:/path",
                         where);
    why = getaddrinfo(place.address, place.port, &hints, &found);
    if (why != 0)
        return error_set(err, FACTOR_E_CONFIG,
                         "%s is no address to listen on: %s", place.address,
                         gai_strerror(why));
    fd = tcp_socket(found);
    freeaddrinfo(found);
    if (fd < 0)
        return tcp_refused(where, &place, err);
    *ret_socket = fd;
    return FACTOR_OK;
}

/* --- unix:/path -------------------------------------------------------- */

/* True if the path is a socket on which nobody listens any more. */
static bool
is_stale(const struct sockaddr_un *address)
{
    struct stat info;
    bool stale;
    int fd;

    if (lstat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCKET_KIND, 0);
    if (fd < 0)
        return false;
    stale = connect(fd, (const struct sockaddr *)address, sizeof(*address)) !=
                0 &&
            errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static bool
bind_unix(int fd, const struct sockaddr_un *address, unsigned mode)
{
    const struct sockaddr *general = (const struct sockaddr *)address;

    /* bind() gives the file this mode less the umask, so that it is never
     * more open than it shall be; the chmod is for what the umask took. */
    if (fchmod(fd, mode) != 0)
        return false;
    if (bind(fd, general, sizeof(*address)) != 0) {
        if (errno != EADDRINUSE)
            return false;
        if (!is_stale(address)) {
            errno = EADDRINUSE;
            return false;
        }
        if (unlink(address->sun_path) != 0 ||
            bind(fd, general, sizeof(*address)) != 0)
            return false;
    }
    return chmod(address->sun_path, mode) == 0 && listen(fd, BACKLOG) == 0;
}

static factor_status
listen_unix(const char *path, unsigned mode, int *ret_socket,
            struct factor_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    factor_status st;
    int fd;

    if (path[0] != '/' || strlen(path) >= sizeof(address.sun_path))
        return error_set(err, FACTOR_E_CONFIG,
                         "\"unix:%s\" is no place to listen on: the path "
                         "begins with / and has at most %zu bytes",
                         path, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCKET_KIND, 0);
    if (fd < 0)
        return refused(path, err);
    if (!bind_unix(fd, &address, mode ? mode : 0600)) {
        st = errno == EADDRINUSE
                 ? error_set(err, FACTOR_E_IO,
                             "%s is taken: stop the program that listens "
                             "there, or remove the file if it is no socket",
                             path)
                 : refused(path, err);
        close(fd);
        return st;
    }
    *ret_socket = fd;
    return FACTOR_OK;
}

factor_status
http_listen(const char *where, unsigned unix_mode, int *ret_socket,
            struct factor_error *err)
{
    const size_t prefix = sizeof(UNIX_PREFIX) - 1;

    if (strncmp(where, UNIX_PREFIX, prefix) == 0)
        return listen_unix(where + prefix, unix_mode, ret_socket, err);
    return listen_tcp(where, ret_socket, err);
}
