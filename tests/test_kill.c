/* SPDX-License-Identifier: MIT */
/* tests/test_kill.c - the daemon is killed under load, again and again, and
 * started on the same state: what it answered holds.
 *
 * Clients walk through flows over HTTP, each for a user of its own, and know
 * after each answer what must be there; one request may be under way when the
 * daemon dies, and it has happened wholly or not at all.  Others guess at one
 * authenticator together.
 *
 * FACTOR_KILLS says how many (3), FACTOR_KILL_SEED when (1).
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/jose/jose.h"
#include "host/json.h"
#include "tests/folder.h"
#include "tests/kill_http.h"
#include "tests/tap.h"

enum {
    WALKERS = 6,
    GUESSERS = 2,
    THREADS = WALKERS + GUESSERS,
    GUESSES_OF_FLOW = 8,
    GUESSES = 80, /* of a life: the 100th would lock */
    LIFE_MIN_MS = 30, /* of a daemon that is to be killed */
    LIFE_MS = 250,
    PATIENCE_MS = 20000,
    COOKIE = 128,
    ID = 64,
    CODE = 64,
    SEEN_MAX = 4096
};

/* ------------------------------------------------------------ what is wrong */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned faults;

static void wrong(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static void
wrong(const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    if (faults++ < 20)
        tap_note("%s", text);
    pthread_mutex_unlock(&lock);
}

/* -------------------------------------------------------------- the daemon */

static struct {
    int port;
    pid_t pid;
    char base[64], control[128], messages[128];
    struct jose_key *hint_key;
    atomic_bool stopping; /* it is about to be killed, or was */
} server;

static int
free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 0;

    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        port = ntohs(at.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static bool
write_file(const char *name, const char *text)
{
    FILE *file = fopen(folder_in(name), "we");
    bool done = file && fputs(text, file) >= 0;

    return file && fclose(file) == 0 && done;
}

static bool
make_hint_key(json_t **ret_jwks)
{
    json_t *jwk = NULL;
    bool made = jose_jwk_generate("ES256", &jwk, NULL) == FACTOR_OK &&
                jose_key_import(jwk, &server.hint_key, NULL) == FACTOR_OK;

    json_decref(jwk);
    *ret_jwks = made ? json_pack("{s:[o]}", "keys",
                                 jose_key_public(server.hint_key))
                     : NULL;
    return made;
}

/* Nothing locks and nothing is limited: every answer is then foreseeable.
 * What a dead daemon was about to send is sent after a lease. */
static json_t *
configuration(json_t *jwks)
{
    return json_pack(
        "{s:{s:s}, s:s, s:s, s:{s:[{s:s}]}, s:{s:{s:s, s:i}, s:{s:s, s:i, s:i,"
        " s:i, s:i, s:s, s:s}}, s:{s:{s:[{s:s}, {s:s}]}}, s:{s:{s:s, s:b, s:b,"
        " s:s, s:s, s:[s], s:{s:o}}}, s:{s:i, s:i, s:i}, s:{s:s, s:s}}",
        "store", "plugin", "sqlite", "users_file", "users.ndjson", "log_level",
        "error", "delivery", "email", "plugin", "file", "adapters", "password",
        "plugin", "password", "yescrypt_cost", 1, "otp", "plugin", "otp",
        "lock_after", 100, "account_lock_after", 1000, "disable_after", 1000,
        "max_attempts", 10, "device_selection", "user_choice",
        "resend_cooldown", "0s", "policies", "otp", "steps", "adapter",
        "password", "adapter", "otp", "clients", "app", "type", "public",
        "pi_flow", 1, "native", 1, "pkce", "optional", "id_token_alg", "ES256",
        "policies", "otp", "login_hint_token", "jwks", jwks, "limits",
        "sends_per_address_10min", 0, "sends_per_address_day", 0,
        "sends_per_account_day", 0, "outbox", "lease", "2s", "timeout",
        "500ms");
}

static bool
write_configuration(void)
{
    char users[2048] = "";
    json_t *jwks, *json;
    char *text = NULL;
    bool done = false;
    size_t i;

    for (i = 0; i < WALKERS; i++)
        snprintf(users + strlen(users), sizeof(users) - strlen(users),
                 "{\"username\":\"w%zu\",\"email\":\"w%zu@example.org\","
                 "\"phone\":\"+4915100%05zu\"}\n",
                 i, i, i);
    snprintf(users + strlen(users), sizeof(users) - strlen(users),
             "{\"username\":\"guessed\",\"email\":\"guessed@example.org\"}\n");
    if (!make_hint_key(&jwks))
        return false;
    json = configuration(jwks);
    text = json ? json_dumps(json, 0) : NULL;
    done = text && write_file("factord.json", text) &&
           write_file("users.ndjson", users);
    free(text);
    json_decref(json);
    return done;
}

static void
become_daemon(void)
{
    const char *build = getenv("FACTOR_BUILDDIR");
    const char *program = folder_text("%s/factord", build ? build : ".");
    const char *const arguments[] = {
        program,
        "--config",
        folder_in("factord.json"),
        "--set",
        folder_text("plugin_directory=%s/.libs", build ? build : "."),
        "--set",
        folder_text("state_directory=%s", folder_path()),
        "--set",
        folder_text("server.listen=127.0.0.1:%d", server.port),
        "--set",
        folder_text("server.base_url=%s", server.base),
        "--set",
        folder_text("server.web_directory=%s/web", getenv("FACTOR_SRCDIR")),
        NULL,
    };

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(program, (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static bool
answers(void)
{
    struct kill_http http;
    struct kill_reply reply;
    bool ready;

    kill_http_make(&http, server.port, NULL);
    ready = kill_http_call(&http, "GET", "/readyz", "", NULL, &reply) &&
            reply.status == 200;
    kill_reply_clear(&reply);
    kill_http_close(&http);
    return ready;
}

static bool
start_daemon(void)
{
    int64_t until = clock_steady_ms() + PATIENCE_MS;

    atomic_store(&server.stopping, false);
    server.pid = fork();
    if (server.pid == 0)
        become_daemon();
    while (clock_steady_ms() < until) {
        if (answers())
            return true;
        if (waitpid(server.pid, NULL, WNOHANG) == server.pid) {
            server.pid = 0;
            break;
        }
        usleep(2000);
    }
    wrong("the daemon does not start");
    return false;
}

static void
kill_daemon(void)
{
    atomic_store(&server.stopping, true);
    if (server.pid <= 0)
        return;
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
    server.pid = 0;
}

/* ---------------------------------------------------------------- messages */

/* What was delivered to one address: each id once. */
struct mailbox {
    char address[64];
    long offset; /* in the file */
    char seen[SEEN_MAX][24];
    size_t count;
    char code[CODE]; /* of the newest */
};

static void
take_message(struct mailbox *box, const json_t *message)
{
    const char *id = json_text(message, "id"), *to = json_text(message, "to");
    const char *code = json_text(message, "code");
    size_t i;

    if (!id || !to || !code || strcmp(to, box->address) != 0)
        return;
    for (i = 0; i < box->count; i++)
        if (strcmp(box->seen[i], id) == 0)
            return; /* at least once */
    if (box->count == SEEN_MAX)
        abort();
    snprintf(box->seen[box->count++], sizeof(box->seen[0]), "%s", id);
    snprintf(box->code, sizeof(box->code), "%s", code);
}

/* Read the lines that came since; one without its end is left for later. */
static void
read_messages(struct mailbox *box)
{
    FILE *file = fopen(server.messages, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    json_t *message;

    if (!file)
        return;
    fseek(file, box->offset, SEEK_SET);
    while ((len = getline(&line, &size, file)) > 0 && line[len - 1] == '\n') {
        box->offset += len;
        message = json_loadb(line, (size_t)len, 0, NULL);
        take_message(box, message);
        json_decref(message);
    }
    free(line);
    fclose(file);
}

/* Wait until so many came.  `while_up`: give up when the daemon is killed. */
static bool
wait_messages(struct mailbox *box, size_t count, bool while_up)
{
    int64_t until = clock_steady_ms() + PATIENCE_MS;

    for (;;) {
        read_messages(box);
        if (box->count >= count)
            return true;
        if ((while_up && atomic_load(&server.stopping)) ||
            clock_steady_ms() > until)
            return false;
        usleep(1000);
    }
}

/* ----------------------------------------------------------------- clients */

/* A browser. */
struct browser {
    struct kill_http http;
    char cookie[COOKIE];
};

/* What was told: the state after it, or an error. */
struct told {
    bool answered; /* else it is not known what became of it */
    int status;
    char state[40];
    char code[40];  /* of the first detail, or of the error */
    char flow[32];
    char device[ID];  /* the one for e-mail */
    char grant[64]; /* the authorization code at the end */
};

static void
copy_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
}

static void
read_devices(const json_t *json, struct told *told)
{
    json_t *device;
    size_t i;

    json_array_foreach(json_object_get(json, "devices"), i, device)
        if (strcmp(json_text(device, "type"), "EMAIL") == 0)
            copy_text(told->device, sizeof(told->device),
                      json_text(device, "id"));
}

static void
read_told(const struct kill_reply *reply, struct told *told)
{
    const json_t *json = reply->json;
    const json_t *detail = json_array_get(json_object_get(json, "details"), 0);
    const char *code = json_text(detail ? detail : json, "code");

    memset(told, 0, sizeof(*told));
    told->status = reply->status;
    /* What the daemon could not do, it did not do. */
    told->answered = reply->status >= 200 && reply->status < 500;
    copy_text(told->state, sizeof(told->state), json_text(json, "status"));
    copy_text(told->code, sizeof(told->code), code);
    if (!code)
        copy_text(told->code, sizeof(told->code), json_text(json, "error"));
    copy_text(told->flow, sizeof(told->flow), json_text(json, "id"));
    copy_text(told->grant, sizeof(told->grant),
              json_text(json_object_get(json, "authorizeResponse"), "code"));
    read_devices(json, told);
}

/* 429 has done nothing: again, a little later. */
static void
call(struct browser *browser, const char *method, const char *target,
     const char *type, const char *body, struct told *told)
{
    char headers[512];
    struct kill_reply reply;

    do {
        snprintf(headers, sizeof(headers),
                 "X-XSRF-Header: t\r\nContent-Type: %s\r\n%s%s%s", type,
                 browser->cookie[0] ? "Cookie: PF=" : "", browser->cookie,
                 browser->cookie[0] ? "\r\n" : "");
        kill_http_call(&browser->http, method, target, headers, body, &reply);
        read_told(&reply, told);
        if (reply.cookie[0])
            memcpy(browser->cookie, reply.cookie, COOKIE);
        kill_reply_clear(&reply);
        if (told->status == 429)
            usleep(20000);
    } while (told->status == 429);
}

static void
act(struct browser *browser, const char *flow, const char *action,
    const char *name, const char *value, struct told *told)
{
    char target[160], body[256] = "";

    snprintf(target, sizeof(target), "/pf-ws/authn/flows/%s?action=%s", flow,
             action);
    if (name && strcmp(name, "deviceRef") == 0)
        snprintf(body, sizeof(body), "{\"deviceRef\":{\"id\":\"%s\"}}", value);
    else if (name)
        snprintf(body, sizeof(body), "{\"%s\":\"%s\"}", name, value);
    call(browser, "POST", target, "application/json", body, told);
}

static void
look(struct browser *browser, const char *flow, struct told *told)
{
    char target[128];

    snprintf(target, sizeof(target), "/pf-ws/authn/flows/%s", flow);
    call(browser, "GET", target, "application/json", NULL, told);
}

/* The client's word that it has seen the user's first factor. */
static char *
make_hint(const char *user)
{
    char jti[23];
    int64_t now_s = clock_now_ms() / 1000;
    json_t *claims;
    char *token = NULL;

    clock_random_id(jti, 22);
    claims = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:[s]}", "iss", "app",
                       "sub", user, "aud", server.base, "jti", jti, "iat",
                       (json_int_t)now_s, "exp", (json_int_t)now_s + 120,
                       "amr", "pwd");
    if (jose_sign(server.hint_key, NULL, claims, &token, NULL) != FACTOR_OK)
        abort();
    json_decref(claims);
    return token;
}

/* In a session of its own. */
static void
begin(struct browser *browser, const char *hint, struct told *told)
{
    char target[1200];

    browser->cookie[0] = '\0';
    snprintf(target, sizeof(target),
             "/as/authorization.oauth2?client_id=app&response_type=code"
             "&response_mode=pi.flow&scope=openid&state=s"
             "&login_hint_token=%s",
             hint);
    call(browser, "GET", target, "application/json", NULL, told);
}

static void
redeem(struct browser *browser, const char *grant, struct told *told)
{
    struct browser bare = {.http = browser->http};
    char body[256];

    snprintf(body, sizeof(body),
             "grant_type=authorization_code&client_id=app&code=%s", grant);
    call(&bare, "POST", "/as/token.oauth2",
         "application/x-www-form-urlencoded", body, told);
    browser->http = bare.http;
}

/* ----------------------------------------------------------------- walkers */

/* What must be there, in the end. */
struct model {
    size_t messages;
    int64_t failures;
    char flow[32]; /* "": none is known */
    const char *state;
    char grant[64]; /* not redeemed yet, or "" */
};

struct walker {
    char name[16];
    struct browser browser;
    struct mailbox box;
    uint64_t random;
    struct model acked, tried;
    /* The last of each kind, to be sent once more. */
    char *hint;
    bool hint_used;
    char right_flow[32], right_code[CODE], right_cookie[COOKIE];
    bool right_taken;
    char redeemed[64];
    unsigned steps;
    bool lost; /* its last request was not answered */
};

static struct walker walkers[WALKERS];

static unsigned
draw(struct walker *walker, unsigned below)
{
    walker->random ^= walker->random >> 12;
    walker->random ^= walker->random << 25;
    walker->random ^= walker->random >> 27;
    return (unsigned)((walker->random * UINT64_C(0x2545F4914F6CDD1D)) >> 33) %
           below;
}

static bool
take(struct walker *walker, const struct told *told, const char *state,
     const char *code)
{
    walker->lost = !told->answered;
    if (!told->answered) {
        if (!atomic_load(&server.stopping))
            wrong("%s: status %d for no reason", walker->name, told->status);
        return false;
    }
    if (strcmp(told->code, code) != 0 || strcmp(told->state, state) != 0) {
        wrong("%s: \"%s\" \"%s\" instead of \"%s\" \"%s\"", walker->name,
              told->state, told->code, state, code);
        return false;
    }
    walker->acked = walker->tried;
    walker->steps++;
    return true;
}

static bool
walk_begin(struct walker *walker, struct told *told)
{
    struct model *tried = &walker->tried;

    free(walker->hint);
    walker->hint = make_hint(walker->name);
    walker->hint_used = false;
    tried->flow[0] = tried->grant[0] = '\0';
    tried->state = "DEVICE_SELECTION_REQUIRED";
    begin(&walker->browser, walker->hint, told);
    if (told->answered)
        memcpy(tried->flow, told->flow, sizeof(tried->flow));
    walker->hint_used =
        take(walker, told, "DEVICE_SELECTION_REQUIRED", "");
    return walker->hint_used;
}

static bool
walk_select(struct walker *walker, struct told *told)
{
    char device[ID];

    memcpy(device, told->device, sizeof(device));
    walker->tried.messages++;
    walker->tried.state = "OTP_REQUIRED";
    act(&walker->browser, walker->acked.flow, "selectDevice", "deviceRef",
        device, told);
    return take(walker, told, "OTP_REQUIRED", "") &&
           wait_messages(&walker->box, walker->acked.messages, true);
}

static bool
walk_wrong(struct walker *walker, struct told *told)
{
    char code[CODE];

    copy_text(code, sizeof(code), walker->box.code);
    code[0] = code[0] == '9' ? '0' : (char)(code[0] + 1);
    walker->tried.failures++;
    act(&walker->browser, walker->acked.flow, "checkOtp", "otp", code, told);
    return take(walker, told, "", "INVALID_OTP");
}

static bool
walk_right(struct walker *walker, struct told *told)
{
    memcpy(walker->right_flow, walker->acked.flow, sizeof(walker->right_flow));
    memcpy(walker->right_code, walker->box.code, CODE);
    memcpy(walker->right_cookie, walker->browser.cookie, COOKIE);
    walker->right_taken = false;
    walker->tried.state = "OTP_VERIFIED";
    walker->tried.failures = 0;
    act(&walker->browser, walker->acked.flow, "checkOtp", "otp",
        walker->right_code, told);
    walker->right_taken = take(walker, told, "OTP_VERIFIED", "");
    return walker->right_taken;
}

static bool
walk_end(struct walker *walker, struct told *told)
{
    walker->tried.state = "COMPLETED";
    act(&walker->browser, walker->acked.flow, "continueAuthentication", NULL,
        NULL, told);
    memcpy(walker->tried.grant, told->grant, sizeof(told->grant));
    return take(walker, told, "COMPLETED", "");
}

static bool
walk_redeem(struct walker *walker, struct told *told)
{
    memcpy(walker->redeemed, walker->acked.grant, sizeof(walker->redeemed));
    walker->tried.grant[0] = '\0';
    redeem(&walker->browser, walker->acked.grant, told);
    return take(walker, told, "", "");
}

static bool
walk_through(struct walker *walker)
{
    unsigned guesses = draw(walker, 3);
    struct told told;

    if (!walk_begin(walker, &told) || !walk_select(walker, &told))
        return false;
    for (; guesses > 0; guesses--)
        if (!walk_wrong(walker, &told))
            return false;
    if (draw(walker, 5) == 0)
        return true;
    if (!walk_right(walker, &told) || !walk_end(walker, &told))
        return false;
    return draw(walker, 3) == 0 || walk_redeem(walker, &told);
}

static void *
walk(void *context)
{
    struct walker *walker = context;

    while (!atomic_load(&server.stopping) && walk_through(walker))
        ;
    kill_http_close(&walker->browser.http);
    return NULL;
}

/* ---------------------------------------------------------------- guessers */

static struct {
    struct mailbox box;
    atomic_uint guesses_acked, guesses_tried; /* in this life */
    atomic_uint begins_acked, begins_tried;   /* ever */
    unsigned guesses;                         /* acknowledged, ever */
} guessed;

static bool
guess_once(struct browser *browser, const char *flow)
{
    struct told told;

    atomic_fetch_add(&guessed.guesses_tried, 1);
    act(browser, flow, "checkOtp", "otp", "000000", &told);
    if (!told.answered)
        return false;
    if (strcmp(told.code, "INVALID_OTP") != 0) {
        wrong("a guess was told \"%s\" \"%s\"", told.state, told.code);
        return false;
    }
    atomic_fetch_add(&guessed.guesses_acked, 1);
    return true;
}

static bool
guess_in_flow(struct browser *browser)
{
    char *hint = make_hint("guessed");
    struct told told;
    int i;

    atomic_fetch_add(&guessed.begins_tried, 1);
    begin(browser, hint, &told);
    free(hint);
    if (!told.answered)
        return false;
    atomic_fetch_add(&guessed.begins_acked, 1);
    for (i = 0; i < GUESSES_OF_FLOW; i++)
        if (!guess_once(browser, told.flow))
            return false;
    return true;
}

static void *
guess(void *context)
{
    struct browser browser;

    (void)context;
    kill_http_make(&browser.http, server.port, NULL);
    while (!atomic_load(&server.stopping) &&
           atomic_load(&guessed.guesses_tried) < GUESSES &&
           guess_in_flow(&browser))
        ;
    kill_http_close(&browser.http);
    return NULL;
}

/* ------------------------------------------------------------- what is left */

/* By the operators' socket; a new reference, or NULL. */
static json_t *
control(const char *method, const char *target)
{
    struct kill_http http;
    struct kill_reply reply;
    json_t *json = NULL;

    kill_http_make(&http, server.port, server.control);
    if (kill_http_call(&http, method, target, "", NULL, &reply) &&
        reply.status == 200)
        json = json_incref(reply.json);
    kill_reply_clear(&reply);
    kill_http_close(&http);
    return json;
}

/* Of the e-mail authenticator, -1: it and the account do not agree; 0 for
 * one that was never used. */
static int64_t
count_failures(const char *user)
{
    json_t *list, *one;
    int64_t failures = 0, account;
    size_t i;

    list = control("POST", folder_text("/users/%s/actions/otp/"
                                       "listAuthenticators",
                                       user));
    json_array_foreach(json_object_get(list, "authenticators"), i, one)
        if (strcmp(json_text(one, "channel"), "email") == 0)
            failures = json_number(one, "failures", -1);
    account = json_number(json_object_get(list, "account"), "failures", -1);
    json_decref(list);
    return failures == account ? failures : -1;
}

/* Whether the flow is where the model has it.  One that was completed by the
 * request that was lost has a cookie that its browser does not know. */
static bool
state_is(struct walker *walker, const struct model *model)
{
    struct told told;

    if (!model->flow[0])
        return true;
    look(&walker->browser, model->flow, &told);
    if (strcmp(model->state, "COMPLETED") == 0 && told.status == 404)
        return walker->lost;
    return strcmp(told.state, model->state) == 0;
}

static bool
user_is(struct walker *walker, const struct model *model)
{
    return count_failures(walker->name) == model->failures &&
           state_is(walker, model);
}

/* The request that was lost has happened, or not: go on from there. */
static void
resolve(struct walker *walker)
{
    bool was = user_is(walker, &walker->acked);
    bool is = user_is(walker, &walker->tried);

    if (!was && !is)
        wrong("%s: %" PRId64 " failures (%" PRId64 " or %" PRId64
              "), and the state is not %s or %s",
              walker->name, count_failures(walker->name),
              walker->acked.failures, walker->tried.failures,
              walker->acked.state ? walker->acked.state : "none",
              walker->tried.state ? walker->tried.state : "none");
    else if (is && !was)
        walker->acked = walker->tried;
    walker->tried = walker->acked;
}

/* Where a flow looks the same before and after (a begin that was lost, a
 * message): what was promised came, and at most one more. */
static void
check_messages(struct walker *walker, size_t most)
{
    struct model *model = &walker->acked;

    if (!wait_messages(&walker->box, model->messages, false))
        wrong("%s: %zu messages of %zu", walker->name, walker->box.count,
              model->messages);
    if (walker->box.count > most)
        wrong("%s: %zu messages, %zu were asked for", walker->name,
              walker->box.count, most);
    model->messages = walker->tried.messages = walker->box.count;
}

/* --- Once more. --- */

static void
replay_hint(struct walker *walker)
{
    struct browser browser;
    struct told told;
    unsigned times = walker->hint_used, try;

    kill_http_make(&browser.http, server.port, NULL);
    for (try = 0; walker->hint && try < 2; try++) {
        begin(&browser, walker->hint, &told);
        times += told.answered && strcmp(told.state, "") != 0 &&
                 strcmp(told.state, "FAILED") != 0;
    }
    if (times > 1)
        wrong("%s: a hint was taken %u times", walker->name, times);
    kill_http_close(&browser.http);
}

static void
replay_code(struct walker *walker)
{
    struct browser browser;
    struct told told;
    unsigned times = walker->right_taken, try;

    if (!walker->right_flow[0])
        return;
    kill_http_make(&browser.http, server.port, NULL);
    memcpy(browser.cookie, walker->right_cookie, COOKIE);
    look(&browser, walker->right_flow, &told);
    times = walker->right_taken || strcmp(told.state, "OTP_VERIFIED") == 0;
    for (try = 0; try < 2; try++) {
        act(&browser, walker->right_flow, "checkOtp", "otp",
            walker->right_code, &told);
        times += strcmp(told.state, "OTP_VERIFIED") == 0;
    }
    if (times > 1)
        wrong("%s: a passcode was taken %u times", walker->name, times);
    if (!walker->right_taken && strcmp(told.state, "OTP_VERIFIED") == 0)
        wrong("%s: a passcode is taken again and again", walker->name);
    walker->right_flow[0] = '\0';
    kill_http_close(&browser.http);
}

/* A grant that was given and not redeemed works, once; one that was
 * redeemed, never again. */
static void
replay_grant(struct walker *walker)
{
    struct browser browser;
    struct told told;

    kill_http_make(&browser.http, server.port, NULL);
    if (walker->acked.grant[0]) {
        redeem(&browser, walker->acked.grant, &told);
        if (told.status != 200 &&
            strcmp(walker->redeemed, walker->acked.grant) != 0)
            wrong("%s: a grant is lost: %s", walker->name, told.code);
        memcpy(walker->redeemed, walker->acked.grant,
               sizeof(walker->redeemed));
    }
    if (walker->redeemed[0]) {
        redeem(&browser, walker->redeemed, &told);
        if (strcmp(told.code, "invalid_grant") != 0)
            wrong("%s: a grant was redeemed twice: %d", walker->name,
                  told.status);
    }
    walker->redeemed[0] = walker->acked.grant[0] = '\0';
    walker->tried.grant[0] = '\0';
    kill_http_close(&browser.http);
}

static void
check_walker(struct walker *walker)
{
    size_t most = walker->tried.messages;

    resolve(walker);
    replay_hint(walker);
    replay_code(walker);
    replay_grant(walker);
    check_messages(walker, most);
    /* What was sent once more may have counted, or verified: begin anew. */
    walker->acked.failures = count_failures(walker->name);
    walker->acked.flow[0] = '\0';
    walker->tried = walker->acked;
}

/* Counted from nought again, or they would lock some day. */
static void
forget_guesses(void)
{
    json_t *unlocked = control("POST", "/users/guessed/unlock");

    json_decref(unlocked);
    if (count_failures("guessed") != 0)
        wrong("the guesses are not forgotten");
    guessed.guesses += atomic_load(&guessed.guesses_acked);
    atomic_store(&guessed.guesses_acked, 0);
    atomic_store(&guessed.guesses_tried, 0);
}

static void
check_guessed(void)
{
    unsigned least = atomic_load(&guessed.guesses_acked);
    unsigned most = atomic_load(&guessed.guesses_tried);
    int64_t failures = count_failures("guessed");

    if (failures < least || failures > most)
        wrong("%u guesses were answered, %u sent, %" PRId64 " counted", least,
              most, failures);
    if (!wait_messages(&guessed.box, atomic_load(&guessed.begins_acked),
                       false) ||
        guessed.box.count > atomic_load(&guessed.begins_tried))
        wrong("%u flows began with a message, %zu messages came",
              atomic_load(&guessed.begins_acked), guessed.box.count);
    forget_guesses();
}

static void
check_audit(void)
{
    json_t *verified = control("GET", "/audit/verify");

    if (!json_flag(verified, "holds")) {
        char *text = verified ? json_dumps(verified, 0) : NULL;

        wrong("the audit chain: %s", text ? text : "is not there");
        free(text);
    }
    json_decref(verified);
}

/* --------------------------------------------------------------- the kills */

static void
run_threads(uint64_t life_ms)
{
    pthread_t threads[THREADS];
    size_t i;

    for (i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, i < WALKERS ? walk : guess,
                           i < WALKERS ? &walkers[i] : NULL) != 0)
            abort();
    usleep((useconds_t)(life_ms * 1000));
    kill_daemon();
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void
check_all(void)
{
    size_t i;

    check_audit();
    check_guessed();
    for (i = 0; i < WALKERS; i++)
        check_walker(&walkers[i]);
}

static void
make_walkers(uint64_t seed)
{
    size_t i;

    for (i = 0; i < WALKERS; i++) {
        struct walker *walker = &walkers[i];

        snprintf(walker->name, sizeof(walker->name), "w%zu", i);
        snprintf(walker->box.address, sizeof(walker->box.address),
                 "w%zu@example.org", i);
        walker->random = (seed * WALKERS + i + 1) *
                         UINT64_C(0x9E3779B97F4A7C15);
        kill_http_make(&walker->browser.http, server.port, NULL);
    }
    snprintf(guessed.box.address, sizeof(guessed.box.address),
             "guessed@example.org");
}

static uint64_t
number_from(const char *name, uint64_t absent)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : absent;
}

static void
kills_lose_nothing(void)
{
    const uint64_t kills = number_from("FACTOR_KILLS", 3);
    struct walker *dice = &walkers[0];
    unsigned steps = 0, i;
    uint64_t n;

    make_walkers(number_from("FACTOR_KILL_SEED", 1));
    CU_ASSERT_TRUE_FATAL(start_daemon());
    for (n = 0; n < kills && faults < 20; n++) {
        run_threads(LIFE_MIN_MS + draw(dice, LIFE_MS));
        if (!start_daemon())
            break;
        check_all();
    }
    for (i = 0; i < WALKERS; i++)
        steps += walkers[i].steps;
    tap_note("%" PRIu64 " kills; answered: %u steps, %u guesses, %u flows "
             "of guessers",
             n, steps, guessed.guesses,
             atomic_load(&guessed.begins_acked));
    CU_ASSERT_EQUAL(n, kills);
    CU_ASSERT_EQUAL(faults, 0);
    CU_ASSERT(steps > 0);
}

static const struct tap_test tests[] = {
    {"what was answered holds after kill -9, and nothing happens twice",
     kills_lose_nothing},
};

static int
set_up(void)
{
    if (folder_make() != 0)
        return 1;
    server.port = free_port();
    snprintf(server.base, sizeof(server.base), "http://127.0.0.1:%d",
             server.port);
    snprintf(server.control, sizeof(server.control), "%s",
             folder_in("control.sock"));
    snprintf(server.messages, sizeof(server.messages), "%s",
             folder_in("outbox.jsonl"));
    return server.port == 0 || !write_configuration();
}

static int
tear_down(void)
{
    size_t i;

    kill_daemon();
    for (i = 0; i < WALKERS; i++)
        free(walkers[i].hint);
    jose_key_free(server.hint_key);
    return folder_remove();
}

int
main(void)
{
    const struct tap_fixture fixture = {set_up, tear_down};

    return tap_main_with("daemon: kill -9", &fixture, tests,
                         TAP_COUNT(tests));
}
