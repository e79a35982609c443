/* SPDX-License-Identifier: MIT */
/* bench/bare.c - libmicrohttpd and nothing else: what is left of factord when
 * all of it is taken away.  bare PORT BODY answers BODY to everything. */
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOPS = 2, CONNECTIONS = 20000 }; /* as the daemon's */

/* The body is the program's argument, which nobody changes. */
static enum MHD_Result
answer(void *context, struct MHD_Connection *connection, const char *url,
       const char *method, const char *version, const char *upload,
       size_t *upload_len, void **request)
{
    struct MHD_Response *response;
    enum MHD_Result result;
    char *body = context;

    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    (void)upload_len;
    if (!*request) {
        *request = context; /* not at the first call, says the manual */
        return MHD_YES;
    }
    response = MHD_create_response_from_buffer(strlen(body), body,
                                               MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json");
    result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

int
main(int argc, char **argv)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon;

    if (argc != 3) {
        fputs("usage: bare PORT BODY\n", stderr);
        return 64;
    }
    in.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, argv[2],
        MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)&in,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)LOOPS,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_END);
    if (!daemon) {
        fputs("bare: cannot listen\n", stderr);
        return 1;
    }
    for (;;)
        pause(); /* a signal ends it */
}
