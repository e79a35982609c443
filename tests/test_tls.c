/* SPDX-License-Identifier: MIT */
/* tests/test_tls.c - certificates that are replaced while clients come: who
 * frees what, and what a client sees. */
#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/http/http.h"
#include "host/http/tls.h"
#include "tests/folder.h"
#include "tests/tap.h"

enum { CLIENTS = 3, VISITS = 20, PEM_MAX = 4096, DAY_S = 86400 };

static struct tls *tls;
static struct http_server *server;
static unsigned short port;
static char certificate_file[256], key_file[256];

/* --- Certificates. --- */

static struct {
    const char *name;
    char certificate[PEM_MAX], key[PEM_MAX];
} pairs[] = {{.name = "one.test"}, {.name = "two.test"}};

enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

static void
make_certificate(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key,
                 const char *name)
{
    const time_t now = (time_t)(clock_now_ms() / 1000);
    const unsigned char serial[] = {1};

    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
    gnutls_x509_crt_set_activation_time(certificate, now - DAY_S);
    gnutls_x509_crt_set_expiration_time(certificate, now + DAY_S);
    gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                  name, (unsigned)strlen(name));
    gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name,
                                         (unsigned)strlen(name),
                                         GNUTLS_FSAN_SET);
    gnutls_x509_crt_set_key(certificate, key);
    gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
}

static int
make_pair(size_t i)
{
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
    size_t certificate_size = PEM_MAX - 1, key_size = PEM_MAX - 1;
    int failed;

    gnutls_x509_privkey_init(&key);
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_privkey_generate(
        key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
        0);
    make_certificate(certificate, key, pairs[i].name);
    failed = gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_PEM,
                                    pairs[i].certificate,
                                    &certificate_size) < 0 ||
             gnutls_x509_privkey_export(key, GNUTLS_X509_FMT_PEM, pairs[i].key,
                                        &key_size) < 0;
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
    return failed;
}

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    if (file) {
        fputs(text, file);
        fclose(file);
    }
}

static void
write_pair(size_t certificate, size_t key)
{
    write_file(certificate_file, pairs[certificate].certificate);
    write_file(key_file, pairs[key].key);
}

/* --- A server, and clients. --- */

static void
answer(struct http_request *request)
{
    http_reply(request, http_reply_static(200, "text/plain", "well", 4));
}

static const struct http_route routes[] = {
    {"/", "root", HTTP_GET, 0, 0, answer},
    {.path = NULL},
};

static int
start_server(void)
{
    static const struct http_route *const tables[] = {routes, NULL};
    struct http_listener listener = {.threads = 2, .routes = tables};
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    struct factor_error err;

    if (tls_new(certificate_file, key_file, &tls, &err) != FACTOR_OK ||
        http_listen("127.0.0.1:0", 0, &listener.socket, &err) != FACTOR_OK)
        return 1;
    listener.tls = tls;
    getsockname(listener.socket, (struct sockaddr *)&address, &len);
    port = ntohs(address.sin_port);
    return http_start(&listener, &server, &err) != FACTOR_OK;
}

static int
set_up(void)
{
    size_t i;

    if (folder_make())
        return 1;
    snprintf(certificate_file, sizeof(certificate_file), "%s/certificate",
             folder_path());
    snprintf(key_file, sizeof(key_file), "%s/key", folder_path());
    for (i = 0; i < PAIRS; i++)
        if (make_pair(i))
            return 1;
    write_pair(0, 0);
    return start_server();
}

static int
tear_down(void)
{
    bool stopped = http_stop(server);

    server = NULL;
    tls_free(tls);
    tls = NULL;
    return !stopped || folder_remove();
}

static int
dial(void)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Which of the pairs the server has shown; -1: none of them. */
static int
shown(gnutls_session_t session)
{
    unsigned count = 0;
    const gnutls_datum_t *list =
        gnutls_certificate_get_peers(session, &count);
    gnutls_x509_crt_t certificate;
    int i, found = -1;

    if (count == 0)
        return -1;
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_import(certificate, list, GNUTLS_X509_FMT_DER);
    for (i = 0; i < PAIRS; i++)
        if (gnutls_x509_crt_check_hostname(certificate, pairs[i].name))
            found = i;
    gnutls_x509_crt_deinit(certificate);
    return found;
}

static bool
ask(gnutls_session_t session)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    char reply[1024] = "";
    size_t used = 0;
    ssize_t got = gnutls_record_send(session, request, sizeof(request) - 1);

    while (got > 0 && !strstr(reply, "well")) {
        got = gnutls_record_recv(session, reply + used,
                                 sizeof(reply) - 1 - used);
        if (got > 0)
            used += (size_t)got;
    }
    return strncmp(reply, "HTTP/1.1 200", 12) == 0 && strstr(reply, "well");
}

/* A connection with two requests; between them other() if there is one.
 * Gives what shown() does, or -1. */
static int
visit(void (*other)(void))
{
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    int fd = dial(), pair = -1;

    if (fd < 0)
        return -1;
    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, fd);
    if (gnutls_handshake(session) == 0 && ask(session)) {
        if (other)
            other();
        if (ask(session))
            pair = shown(session);
    }
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    close(fd);
    return pair;
}

/* --- Tests. --- */

static void
reload_with(size_t certificate, size_t key, factor_status expected)
{
    struct factor_error err;

    write_pair(certificate, key);
    CU_ASSERT_EQUAL(tls_reload(tls, &err), expected);
}

static void
take_the_second(void)
{
    reload_with(1, 1, FACTOR_OK);
}

static void
shows_what_was_read_last(void)
{
    CU_ASSERT_EQUAL(visit(NULL), 0);
    CU_ASSERT(tls_is_for(tls, "one.test"));
    CU_ASSERT_FALSE(tls_is_for(tls, "two.test"));
    CU_ASSERT_EQUAL(visit(take_the_second), 0);
    CU_ASSERT_EQUAL(visit(NULL), 1);
    CU_ASSERT(tls_is_for(tls, "two.test"));
    CU_ASSERT(tls_expires_ms(tls) > clock_now_ms());
    CU_ASSERT(tls_expires_ms(tls) <= clock_now_ms() + 1000 * DAY_S);
    reload_with(0, 0, FACTOR_OK);
}

static void
keeps_what_can_be_used(void)
{
    reload_with(1, 0, FACTOR_E_CONFIG);
    CU_ASSERT_EQUAL(visit(NULL), 0);
    reload_with(0, 1, FACTOR_E_CONFIG);
    CU_ASSERT_EQUAL(visit(NULL), 0);
    reload_with(0, 0, FACTOR_OK);
}

static void
reads_both_out_of_one_file(void)
{
    struct factor_error err;
    struct tls *other = NULL;

    folder_write_text("both", folder_text("%s%s", pairs[1].key,
                                          pairs[1].certificate));
    CU_ASSERT_EQUAL(tls_new(folder_in("both"), folder_in("both"), &other,
                            &err), FACTOR_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    CU_ASSERT(tls_is_for(other, "two.test"));
    tls_free(other);
}

static atomic_uint visitors, lost, seen[PAIRS];

static void *
keep_visiting(void *nothing)
{
    int i, pair;

    (void)nothing;
    for (i = 0; i < VISITS; i++) {
        pair = visit(NULL);
        if (pair < 0)
            atomic_fetch_add(&lost, 1);
        else
            atomic_fetch_add(&seen[pair], 1);
    }
    atomic_fetch_sub(&visitors, 1);
    return NULL;
}

static void
replaces_while_clients_come(void)
{
    pthread_t threads[CLIENTS];
    unsigned turn = 0;
    size_t i;

    atomic_store(&visitors, CLIENTS);
    for (i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, keep_visiting, NULL);
    while (atomic_load(&visitors) > 0 || turn % 2 == 1) {
        turn++;
        reload_with(turn % 2, turn % 2, FACTOR_OK);
    }
    for (i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(atomic_load(&lost), 0);
    CU_ASSERT_EQUAL(atomic_load(&seen[0]) + atomic_load(&seen[1]),
                    CLIENTS * VISITS);
}

static const struct tap_test tests[] = {
    {"T3: a connection keeps its certificate, the next one has the new",
     shows_what_was_read_last},
    {"T3: a pair that does not fit leaves the old one in use",
     keeps_what_can_be_used},
    {"tls: key and certificate may be in one file",
     reads_both_out_of_one_file},
    {"T3: the pair is replaced again and again while clients come",
     replaces_while_clients_come},
};

int
main(void)
{
    static const struct tap_fixture fixture = {set_up, tear_down};

    return tap_main_with("tls", &fixture, tests, TAP_COUNT(tests));
}
