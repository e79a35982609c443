/* SPDX-License-Identifier: MIT */
/* tests/test_scopes.c - servers that addresses name: what one of them does, or
 * does not, is no other's loss. */
#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/json.h"
#include "host/loader/loader.h"
#include "host/outgoing/outgoing.h"
#include "host/plugin/effects.h"
#include "tests/outbox_rig.h"

enum { CALLS = 4, REST = 30000, PROMPT = 1000 };

#define GOOD "https://good.example"
#define BAD "https://bad.example"

/* --- The table: one back end of a channel. --- */

static struct factor_delivery fake;
static struct backends *backends;

static struct channel *
open_channel(unsigned calls)
{
    static const struct breaker_rule rule = {5, 30000, REST};
    const struct backend_entry entry = {"push", "fake", &rig_scoped, &fake};

    CU_ASSERT_EQUAL_FATAL(
        backends_new(&entry, 1, calls, &rule, &backends, NULL), FACTOR_OK);
    return backends_channel(backends, "push");
}

static enum backend_pick
take(struct channel *channel, const char *address, int64_t at,
     struct turn *ret_turn)
{
    struct target target;
    size_t place = 0;

    channel_target(channel, address, &target);
    return channel_take(channel, &target, at, &place, ret_turn);
}

/* A call that takes so long and ends so; false: there was none. */
static bool
call(struct channel *channel, const char *address, int64_t at, int64_t took,
     uint32_t result)
{
    struct turn turn;

    if (take(channel, address, at, &turn) != PICK_TAKEN)
        return false;
    turn_done(&turn, result, at + took);
    return true;
}

static bool
is_stranger(struct channel *channel, const char *address)
{
    struct target target;

    channel_target(channel, address, &target);
    return channel_is_stranger(channel, &target);
}

static int64_t
wait_of(struct channel *channel, const char *address, int64_t at)
{
    struct target target;

    channel_target(channel, address, &target);
    return channel_wait_ms(channel, &target, at);
}

static void
rests_alone(void)
{
    struct channel *channel = open_channel(CALLS);
    struct turn turn, other;
    int i;

    for (i = 0; i < 5; i++)
        CU_ASSERT(call(channel, BAD, i, 0, FACTOR_DELIVERY_DEFERRED));
    CU_ASSERT_EQUAL(take(channel, BAD, 5, &turn), PICK_NONE);
    CU_ASSERT_EQUAL(wait_of(channel, BAD, 5), REST - 1);
    CU_ASSERT_EQUAL(wait_of(channel, GOOD, 5), 0);
    for (i = 0; i < 50; i++)
        CU_ASSERT(call(channel, GOOD, 6 + i, 0, FACTOR_DELIVERY_SENT));
    /* Its rest is over: one is tried, which says how it goes on. */
    CU_ASSERT_EQUAL(take(channel, BAD, 4 + REST, &turn), PICK_TAKEN);
    CU_ASSERT_EQUAL(take(channel, BAD, 4 + REST, &other), PICK_NONE);
    CU_ASSERT(wait_of(channel, BAD, 4 + REST) > 0);
    turn_done(&turn, FACTOR_DELIVERY_DEFERRED, 5 + REST);
    CU_ASSERT_EQUAL(wait_of(channel, BAD, 6 + REST), REST - 1);
    CU_ASSERT(call(channel, BAD, 5 + 2 * REST, 0, FACTOR_DELIVERY_SENT));
    CU_ASSERT_EQUAL(wait_of(channel, BAD, 5 + 2 * REST), 0);
    backends_free(backends);
}

/* An answer, whatever it is, is no silence. */
static void
answers_are_no_deferrals(void)
{
    struct channel *channel = open_channel(CALLS);
    int i;

    for (i = 0; i < 50; i++)
        CU_ASSERT(call(channel, BAD, i, 0, FACTOR_DELIVERY_DEFERRED_THERE));
    for (i = 0; i < 50; i++)
        CU_ASSERT(call(channel, BAD, i, 0, FACTOR_DELIVERY_REFUSED_ADDRESS));
    for (i = 0; i < 4; i++)
        CU_ASSERT(call(channel, BAD, i, 0, FACTOR_DELIVERY_DEFERRED));
    CU_ASSERT(call(channel, BAD, 60, 0, FACTOR_DELIVERY_DEFERRED_THERE));
    CU_ASSERT(call(channel, BAD, 61, 0, FACTOR_DELIVERY_DEFERRED));
    CU_ASSERT_EQUAL(wait_of(channel, BAD, 62), 0);
    backends_free(backends);
}

/* Our account is one for all servers. */
static void
account_is_one(void)
{
    struct channel *channel = open_channel(CALLS);

    CU_ASSERT(call(channel, BAD, 0, 0, FACTOR_DELIVERY_REFUSED_ACCOUNT));
    CU_ASSERT_EQUAL(wait_of(channel, GOOD, 0), REST);
    /* The trial meets a server that is silent: nothing is learned. */
    CU_ASSERT(call(channel, BAD, REST, 0, FACTOR_DELIVERY_DEFERRED));
    CU_ASSERT(call(channel, GOOD, REST, 0, FACTOR_DELIVERY_SENT));
    CU_ASSERT_EQUAL(wait_of(channel, GOOD, REST), 0);
    backends_free(backends);
}

static void
one_leaves_a_call(void)
{
    struct channel *channel = open_channel(CALLS);
    struct turn turns[CALLS + 1];
    int i;

    CU_ASSERT(call(channel, BAD, 0, 0, FACTOR_DELIVERY_SENT));
    CU_ASSERT(call(channel, GOOD, 0, 0, FACTOR_DELIVERY_SENT));
    for (i = 0; i < CALLS - 1; i++)
        CU_ASSERT_EQUAL(take(channel, BAD, 1, &turns[i]), PICK_TAKEN);
    CU_ASSERT_EQUAL(take(channel, BAD, 1, &turns[i]), PICK_BUSY);
    CU_ASSERT_EQUAL(take(channel, GOOD, 1, &turns[i]), PICK_TAKEN);
    CU_ASSERT_EQUAL(take(channel, GOOD, 1, &turns[CALLS]), PICK_BUSY);
    for (i = 0; i < CALLS; i++)
        turn_done(&turns[i], FACTOR_DELIVERY_SENT, 2);
    backends_free(backends);
    /* Where there is one call, it is everybody's. */
    channel = open_channel(1);
    CU_ASSERT(call(channel, BAD, 0, 0, FACTOR_DELIVERY_SENT));
    CU_ASSERT(call(channel, GOOD, 0, 0, FACTOR_DELIVERY_SENT));
    backends_free(backends);
}

static void
strangers_share_half(void)
{
    struct channel *channel = open_channel(CALLS);
    struct turn turns[CALLS];
    int i;

    CU_ASSERT(call(channel, GOOD, 0, PROMPT - 1, FACTOR_DELIVERY_SENT));
    CU_ASSERT_FALSE(is_stranger(channel, GOOD));
    CU_ASSERT_EQUAL(take(channel, "https://a.example", 9, &turns[0]),
                    PICK_TAKEN);
    CU_ASSERT_EQUAL(take(channel, "https://b.example", 9, &turns[1]),
                    PICK_TAKEN);
    CU_ASSERT_EQUAL(take(channel, "https://c.example", 9, &turns[2]),
                    PICK_BUSY);
    CU_ASSERT_EQUAL(take(channel, GOOD, 9, &turns[2]), PICK_TAKEN);
    CU_ASSERT_EQUAL(take(channel, GOOD, 9, &turns[3]), PICK_TAKEN);
    for (i = 0; i < CALLS; i++)
        turn_done(&turns[i], FACTOR_DELIVERY_SENT, 10);
    CU_ASSERT_FALSE(is_stranger(channel, "https://a.example"));
    CU_ASSERT(is_stranger(channel, "https://c.example"));
    /* Whatever the answer was, it was slow. */
    CU_ASSERT(call(channel, GOOD, 20, PROMPT, FACTOR_DELIVERY_SENT));
    CU_ASSERT(is_stranger(channel, GOOD));
    backends_free(backends);
}

/* Who invents names fills no memory, and pushes out nobody that works. */
static void
table_is_bounded(void)
{
    struct channel *channel = open_channel(CALLS);
    char name[64];
    int i;

    CU_ASSERT(call(channel, GOOD, 0, 0, FACTOR_DELIVERY_SENT));
    for (i = 0; i < 5; i++)
        CU_ASSERT(call(channel, BAD, 0, PROMPT, FACTOR_DELIVERY_DEFERRED));
    CU_ASSERT_EQUAL(wait_of(channel, BAD, PROMPT), REST);
    for (i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "https://%d.bad.example", i);
        CU_ASSERT(call(channel, name, 0, PROMPT, FACTOR_DELIVERY_DEFERRED));
    }
    CU_ASSERT_FALSE(is_stranger(channel, GOOD));
    /* What was forgotten is as if it had never been called. */
    CU_ASSERT_EQUAL(wait_of(channel, BAD, 0), 0);
    CU_ASSERT(is_stranger(channel, BAD));
    backends_free(backends);
}

static uint32_t
odd_scope(const struct factor_delivery *self, const char *address,
          char ret_scope[FACTOR_SCOPE_SIZE])
{
    (void)self;
    if (strcmp(address, "full") == 0)
        memset(ret_scope, 'x', FACTOR_SCOPE_SIZE);
    else
        snprintf(ret_scope, FACTOR_SCOPE_SIZE, "a\nb");
    return 0;
}

/* It stands in the log. */
static void
odd_names_are_none(void)
{
    static const struct factor_delivery_ops ops = {
        .struct_size = sizeof(ops), .scope = odd_scope};
    static const struct breaker_rule rule = {5, 30000, REST};
    const struct backend_entry entry = {"push", "fake", &ops, NULL};
    struct target target;
    struct channel *channel;

    CU_ASSERT_EQUAL_FATAL(backends_new(&entry, 1, 1, &rule, &backends, NULL),
                          FACTOR_OK);
    channel = backends_channel(backends, "push");
    channel_target(channel, "full", &target);
    CU_ASSERT_STRING_EQUAL(target.scope, "");
    channel_target(channel, "line", &target);
    CU_ASSERT_STRING_EQUAL(target.scope, "");
    backends_free(backends);
}

/* --- The outbox. --- */

static struct factor_delivery other;

static void
set_up(unsigned workers)
{
    fake_make(&fake);
    fake_make(&other);
    rig_make();
    rig_backend("push", &rig_scoped, &fake);
    rig.settings.workers = workers;
    rig.settings.timeout_ms = 60000;
    rig.settings.lease_ms = 600000;
    rig_start();
}

static void
tear_down(void)
{
    rig_remove();
    fake_clear(&fake);
    fake_clear(&other);
}

static void
send_to(const char *address, char ret_id[23])
{
    const struct rig_message message = {
        .channel = "push",
        .address = address,
        .variables = json_pack("{s:s}", "device", "dev-1")};

    rig_send(&message, ret_id);
}

/* A server that has been quick. */
static void
make_known(const char *address)
{
    char id[23];

    send_to(address, id);
    CU_ASSERT(rig_wait(id, "sent"));
}

/* Nobody waits for a back end only to be told that it is another's. */
static void
others_kinds_do_not_wait(void)
{
    char stuck[23], id[23];

    if (tap_skip_slow())
        return;
    set_up(2);
    rig_stop();
    rig_backend("push", &rig_parallel, &other);
    rig_start();
    fake_hang(&fake, true);
    send_to(BAD, stuck);
    CU_ASSERT(fake_wait(&fake, 1));
    send_to("fcm:abc", id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(fake_times(&fake, id), 0);
    CU_ASSERT_EQUAL(fake_times(&other, id), 1);
    fake_hang(&fake, false);
    CU_ASSERT(rig_wait(stuck, "sent"));
    tear_down();
}

static void
nobodys_kind_is_refused(void)
{
    char id[23];

    set_up(2);
    send_to("fcm:abc", id);
    CU_ASSERT(rig_wait(id, "refused"));
    CU_ASSERT_EQUAL(fake_count(&fake), 0);
    tear_down();
}

/* Of its call, in the order in which they were made. */
static size_t
place_of(const char *id)
{
    size_t i, place = SIZE_MAX;

    pthread_mutex_lock(&fake.lock);
    for (i = 0; i < fake.seen_count && place == SIZE_MAX; i++)
        if (strcmp(fake.seen[i].id, id) == 0)
            place = i;
    pthread_mutex_unlock(&fake.lock);
    return place;
}

/* A message that a worker could take now: what is claimed behind it says that
 * the outbox knows of it. */
static void
send_and_hold(const char *address, char ret_id[23])
{
    char next[23];

    send_to(address, ret_id);
    CU_ASSERT(rig_wait(ret_id, "sending"));
    send_to(address, next);
    CU_ASSERT(rig_wait(next, "sending"));
}

/* One worker: what is slow has it, but not the place behind it. */
static void
strangers_wait_behind(void)
{
    char slow[5][23], id[23];
    size_t i;

    set_up(1);
    make_known(GOOD);
    fake_hang(&fake, true);
    for (i = 0; i < TAP_COUNT(slow); i++)
        send_to(BAD, slow[i]);
    CU_ASSERT(fake_wait(&fake, 2));
    for (i = 1; i < TAP_COUNT(slow); i++)
        CU_ASSERT(rig_wait(slow[i], "sending"));
    send_and_hold(GOOD, id);
    fake_hang(&fake, false);
    CU_ASSERT(rig_wait_settled(3 + TAP_COUNT(slow)));
    CU_ASSERT_EQUAL(place_of(id), 2); /* behind the one that had the worker */
    tear_down();
}

/* More than may be held at a time. */
static void
many_strangers_are_put_off(void)
{
    enum { MANY = 200 };
    char address[64], id[23];
    int i;

    set_up(1);
    make_known(GOOD);
    fake_hang(&fake, true);
    for (i = 0; i < MANY; i++) {
        snprintf(address, sizeof(address), "https://%d.bad.example", i);
        send_to(address, id);
    }
    CU_ASSERT(fake_wait(&fake, 2));
    send_and_hold(GOOD, id);
    fake_hang(&fake, false);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT_EQUAL(place_of(id), 2);
    CU_ASSERT(rig_run_down(1000));
    CU_ASSERT_EQUAL(rig_count("sent"), MANY + 3);
    tear_down();
}

/* Known as quick after the first, it gets more workers again. */
static void
a_quick_one_gets_more(void)
{
    char id[23];
    int i;

    set_up(CALLS);
    make_known(GOOD);
    fake.together = CALLS - 1;
    for (i = 0; i < 2 * (CALLS - 1); i++)
        send_to(GOOD, id);
    CU_ASSERT(rig_wait_settled(1 + 2 * (CALLS - 1)));
    CU_ASSERT_EQUAL(fake.most_inside, CALLS - 1);
    tear_down();
}

/* By the injected clock: nothing is tried while it rests, nothing is lost. */
static void
silence_rests(void)
{
    static const uint32_t deferred[] = {FACTOR_DELIVERY_DEFERRED};
    char ids[6][23], id[23];
    struct record *record;
    size_t i;

    set_up(2);
    fake_answer(&fake, deferred, 1, 0);
    for (i = 0; i < 5; i++) {
        send_to(BAD, ids[i]);
        CU_ASSERT(fake_wait(&fake, i + 1));
        CU_ASSERT(rig_wait(ids[i], "queued"));
    }
    fake_answer(&fake, NULL, 0, 0);
    send_to(BAD, ids[5]);
    send_to(GOOD, id);
    CU_ASSERT(rig_wait(id, "sent"));
    CU_ASSERT(rig_wait(ids[5], "queued"));
    CU_ASSERT_EQUAL(fake_times(&fake, ids[5]), 0);
    do {
        rig_let_others();
        record = rig_record("outbox", ids[5]);
        i = record->due_at_ms > rig_now_ms();
        CU_ASSERT_EQUAL(json_number(record->body, "attempt", -1), 0);
        record_unref(record);
    } while (!i);
    CU_ASSERT(rig_run_down(1000));
    CU_ASSERT_EQUAL(rig_count("sent"), 7);
    CU_ASSERT(rig_now_ms() >= RIG_START_MS + REST);
    tear_down();
}

/* --- Real sockets, and Web Push itself. --- */

/* A server that takes connections and never says a word. */
static int
listen_silently(char ret_url[64])
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CU_ASSERT_EQUAL_FATAL(bind(file, (struct sockaddr *)&at, sizeof(at)), 0);
    CU_ASSERT_EQUAL_FATAL(listen(file, 64), 0);
    getsockname(file, (struct sockaddr *)&at, &len);
    snprintf(ret_url, 64, "http://127.0.0.1:%u", ntohs(at.sin_port));
    return file;
}

enum { BODY_LEN = 1024 + 16 + 86 }; /* of every bell, besides its head */

/* One that answers each request, until it is closed. */
static void *
answer_all(void *context)
{
    static const char answer[] =
        "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n"
        "\r\n";
    const int *file = context;
    char bytes[8192];
    size_t len;
    ssize_t got;
    int call_file;

    while ((call_file = accept(*file, NULL, NULL)) >= 0) {
        for (len = 0, got = 1; got > 0 && len < BODY_LEN; len += (size_t)got)
            got = read(call_file, bytes, sizeof(bytes));
        if (write(call_file, answer, sizeof(answer) - 1) < 0)
            break;
        shutdown(call_file, SHUT_WR);
        while (read(call_file, bytes, sizeof(bytes)) > 0)
            ;
        close(call_file);
    }
    return NULL;
}

static void
address_at(const char *url, char ret_address[512])
{
    snprintf(ret_address, 512,
             "webpush:{\"endpoint\":\"%s/p\",\"keys\":{\"p256dh\":\"BCVxsr7N_eN"
             "gVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6"
             "SRpkNtoIAiw4\",\"auth\":\"BTBZMqHH6r4Tts7J_aSIgg\"}}",
             url);
}

/* Web Push, and what it stands on. */
struct webpush {
    struct loader *loader;
    const struct loaded_plugin *plugin;
    struct factor_delivery *self;
    json_t *allowed;
};

static json_t *
webpush_settings(int64_t timeout_ms)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    json_t *settings;
    char *pem;
    long len;

    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    len = BIO_get_mem_data(bio, &pem);
    settings = json_pack("{s:s%, s:s, s:I}", "vapid_key", pem, (size_t)len,
                         "subject", "mailto:ops@example.org", "timeout",
                         (json_int_t)timeout_ms);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return settings;
}

static void
webpush_open(struct webpush *webpush, int64_t timeout_ms)
{
    const char *built = getenv("FACTOR_BUILDDIR");
    json_t *settings = webpush_settings(timeout_ms);
    struct factor_error err = {0};
    char path[4096];

    snprintf(path, sizeof(path), "%s/.libs/delivery-webpush.so",
             built ? built : ".");
    webpush->loader = loader_new(".");
    CU_ASSERT_EQUAL_FATAL(loader_load_file(webpush->loader, path,
                                           &webpush->plugin, &err),
                          FACTOR_OK);
    webpush->allowed = json_pack("[s]", "127.0.0.1");
    outgoing_begin(webpush->allowed, NULL);
    CU_ASSERT_EQUAL_FATAL(webpush->plugin->delivery->init(plugin_host(),
                                                          settings,
                                                          &webpush->self, &err),
                          FACTOR_OK);
    json_decref(settings);
    rig_make();
    rig_backend("push", webpush->plugin->delivery, webpush->self);
    rig.settings.workers = CALLS;
    rig.settings.timeout_ms = 120000;
    rig.settings.lease_ms = 600000;
    rig_start();
}

static void
webpush_close(struct webpush *webpush)
{
    rig_remove();
    webpush->plugin->delivery->fini(webpush->self);
    outgoing_end();
    json_decref(webpush->allowed);
    loader_release(webpush->loader, webpush->plugin);
    loader_free(webpush->loader);
}

enum { SILENT = 6, PATIENCE_MS = 60000 };

/* Whether a call comes to one of them, which gets no answer. */
static bool
called(struct pollfd *files, int *ret_call)
{
    nfds_t i;

    if (poll(files, SILENT, PATIENCE_MS) <= 0)
        return false;
    for (i = 0; i < SILENT; i++)
        if (files[i].revents & POLLIN) {
            *ret_call = accept(files[i].fd, NULL, NULL);
            return true;
        }
    return false;
}

static void
silent_services_hold_half(void)
{
    struct pollfd files[SILENT];
    struct webpush webpush;
    struct outbox_counts counts;
    char url[64], address[512], id[23];
    int good, calls[CALLS / 2], i;
    pthread_t thread;

    webpush_open(&webpush, 100000);
    good = listen_silently(url);
    pthread_create(&thread, NULL, answer_all, &good);
    address_at(url, address);
    make_known(address);
    for (i = 0; i < SILENT; i++) {
        char silent[512];

        files[i].fd = listen_silently(url);
        files[i].events = POLLIN;
        address_at(url, silent);
        send_to(silent, id);
        send_to(silent, id);
    }
    for (i = 0; i < CALLS / 2; i++)
        CU_ASSERT(called(files, &calls[i]));
    for (i = 0; i < 10; i++)
        make_known(address);
    outbox_counts(rig.outbox, &counts);
    CU_ASSERT_EQUAL(counts.deferred, 0); /* they are held, all the while */
    CU_ASSERT_EQUAL(poll(files, SILENT, 0), 0); /* and are no more than half */
    for (i = 0; i < SILENT; i++)
        close(files[i].fd);
    for (i = 0; i < CALLS / 2; i++)
        close(calls[i]);
    CU_ASSERT(rig_stop());
    CU_ASSERT_EQUAL(rig_count("queued"), 2 * SILENT); /* and none is lost */
    shutdown(good, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(good);
    webpush_close(&webpush);
}

/* Long before the outbox would give up. */
static void
silent_service_has_its_time(void)
{
    struct webpush webpush;
    struct record *record = NULL;
    char url[64], address[512], id[23];
    int silent;

    webpush_open(&webpush, 100);
    silent = listen_silently(url);
    address_at(url, address);
    send_to(address, id);
    do {
        rig_let_others();
        record_unref(record);
        record = rig_record("outbox", id);
    } while (!json_text(record->body, "reason"));
    CU_ASSERT_STRING_EQUAL(json_text(record->body, "reason"),
                           "Timeout was reached");
    CU_ASSERT_STRING_EQUAL(json_text(record->body, "state"), "queued");
    CU_ASSERT_EQUAL(json_number(record->body, "attempt", 0), 1);
    record_unref(record);
    close(silent);
    webpush_close(&webpush);
}

static const struct tap_test tests[] = {
    {"D1: a server that an address names rests alone, then one trial",
     rests_alone},
    {"D1: its answers, whatever they are, rest nobody",
     answers_are_no_deferrals},
    {"D1: our account, refused, is refused for all", account_is_one},
    {"scopes: one server leaves a call to others", one_leaves_a_call},
    {"scopes: who is new or was slow shares half of the calls",
     strangers_share_half},
    {"scopes: a table of a fixed size, names that are made up push out none "
     "that works",
     table_is_bounded},
    {"scopes: a name that cannot stand in a log is none", odd_names_are_none},
    {"scopes: another kind's messages pass a back end that is busy",
     others_kinds_do_not_wait},
    {"scopes: what is nobody's kind is refused, unasked",
     nobodys_kind_is_refused},
    {"scopes: one worker: slow servers' messages wait behind all others",
     strangers_wait_behind},
    {"scopes: many new servers do not fill what is held",
     many_strangers_are_put_off},
    {"scopes: a server that is quick has all calls but one",
     a_quick_one_gets_more},
    {"D1: silence rests a server, its messages wait without an attempt",
     silence_rests},
    {"webpush: silent services hold half of the workers, the rest is sent",
     silent_services_hold_half},
    {"webpush: a silent service has its time, its message is tried again",
     silent_service_has_its_time},
};

int
main(void)
{
    json_setup();
    return tap_main("scopes", tests, TAP_COUNT(tests));
}
