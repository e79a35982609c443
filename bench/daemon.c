/* SPDX-License-Identifier: MIT */
/* bench/daemon.c - starts and watches the programs that are measured. */
#include "bench/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/rest.h"

/* As the unit that is installed has it. */
#define MALLOC_TUNABLES \
    "glibc.malloc.tcache_count=500:glibc.malloc.mxfast=0"

/* --- Any program --- */

static void
redirect(const struct bench *bench, const char *name)
{
    char path[sizeof(bench->state) + 64];
    int log, null = open("/dev/null", O_RDWR);

    snprintf(path, sizeof(path), "%s/%s.log", bench->state, name);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (null < 0 || log < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        _exit(127);
}

/* execvp wants texts that it may change, and does not change them. */
static void
become(const char *const *argv)
{
    union {
        const char *const *given;
        char *const *wanted;
    } args = {argv};

    execvp(argv[0], args.wanted);
}

pid_t
program_start(const struct bench *bench, const char *name,
              const char *const *argv)
{
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        die("cannot start %s: %s", name, strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    redirect(bench, name);
    become(argv);
    _exit(127);
}

void
program_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int
program_run(const struct bench *bench, const char *name,
            const char *const *argv)
{
    pid_t pid = program_start(bench, name, argv);
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

bool
program_find(const char *name, char *ret_path, size_t size)
{
    const char *path = getenv("PATH"), *end;
    char folders[4096];

    snprintf(folders, sizeof(folders), "%s:/usr/sbin:/usr/local/sbin",
             path ? path : "");
    for (path = folders; *path; path = *end ? end + 1 : end) {
        end = path + strcspn(path, ":");
        if (snprintf(ret_path, size, "%.*s/%s", (int)(end - path), path,
                     name) < (int)size &&
            access(ret_path, X_OK) == 0)
            return true;
    }
    return false;
}

/* --- What the kernel says of a process --- */

static bool
read_proc(pid_t pid, const char *file, char *ret_text, size_t size)
{
    char path[128];
    FILE *stream;
    size_t len;

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
    stream = fopen(path, "re");
    if (!stream)
        return false;
    len = fread(ret_text, 1, size - 1, stream);
    ret_text[len] = '\0';
    fclose(stream);
    return true;
}

/* utime and stime are the 12th and 13th behind the name's parenthesis. */
static int64_t
own_cpu_ns(pid_t pid)
{
    char text[1024];
    const char *at;
    int64_t ticks;
    char *next;
    int i;

    if (!read_proc(pid, "stat", text, sizeof(text)) ||
        !(at = strrchr(text, ')')))
        return 0;
    for (i = 0; i < 12 && at; i++)
        at = strchr(at + 1, ' ');
    if (!at)
        return 0;
    ticks = strtoll(at, &next, 10);
    ticks += strtoll(next, NULL, 10);
    return ticks * (INT64_C(1000000000) / sysconf(_SC_CLK_TCK));
}

int64_t
program_cpu_ns(pid_t pid)
{
    int64_t sum_ns = own_cpu_ns(pid);
    char file[64], text[1024], *at = text;
    long child;

    snprintf(file, sizeof(file), "task/%ld/children", (long)pid);
    if (!read_proc(pid, file, text, sizeof(text)))
        return sum_ns;
    while ((child = strtol(at, &at, 10)) > 0)
        sum_ns += own_cpu_ns((pid_t)child);
    return sum_ns;
}

long
program_memory_kib(pid_t pid, const char *member)
{
    char text[4096], name[64];
    const char *at;

    snprintf(name, sizeof(name), "\n%s:", member);
    if (!read_proc(pid, "status", text, sizeof(text)) ||
        !(at = strstr(text, name)))
        return 0;
    return strtol(at + strlen(name), NULL, 10);
}

/* --- Ports --- */

unsigned
free_port(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&in, sizeof(in)) ||
        getsockname(fd, (struct sockaddr *)&in, &len))
        die("no free port: %s", strerror(errno));
    close(fd);
    return ntohs(in.sin_port);
}

int64_t
wait_for(pid_t pid, const struct address *address, const char *path)
{
    int64_t end_ns = now_ns() + INT64_C(60000000000);

    while (http_get(address, path, NULL, 0) != 200) {
        if (waitpid(pid, NULL, WNOHANG) == pid)
            die("what was started ended at once; see bench/state/*.log");
        if (now_ns() > end_ns)
            die("nobody answers for 60 s");
        usleep(200);
    }
    return now_ns();
}

/* --- factord --- */

void
daemon_prepare(struct bench *bench, const char *jwks)
{
    struct daemon *self = &bench->daemon;
    char path[sizeof(self->state) + 16];
    unsigned port = free_port();

    snprintf(self->host, sizeof(self->host), "127.0.0.1:%u", port);
    snprintf(self->base_url, sizeof(self->base_url), "http://%s", self->host);
    snprintf(self->jwks, sizeof(self->jwks), "%s", jwks);
    snprintf(self->state, sizeof(self->state), "%s/factord", bench->state);
    if (mkdir(self->state, 0700))
        die("%s: %s", self->state, strerror(errno));
    snprintf(path, sizeof(path), "%s/control.sock", self->state);
    address_tcp(&self->address, port);
    address_unix(&self->control, path);
}

/* The clients of conf/bench.json, who all sign hints with our key. */
static const char *const clients[] = {"bench-es256", "bench-rs256",
                                      "bench-push"};

int64_t
daemon_start(struct bench *bench)
{
    enum { CLIENTS = sizeof(clients) / sizeof(clients[0]), MORE = 4 };
    struct daemon *self = &bench->daemon;
    char program[600], config[600], sets[CLIENTS + MORE][1200];
    const char *argv[3 + 2 * (CLIENTS + MORE) + 1];
    size_t i, count = 0;
    int64_t began_ns;

    snprintf(program, sizeof(program), "%s/factord", bench->build);
    snprintf(config, sizeof(config), "%s/conf/bench.json", bench->source);
    for (i = 0; i < CLIENTS; i++)
        snprintf(sets[i], sizeof(sets[i]),
                 "clients.%s.login_hint_token.jwks=%s", clients[i],
                 self->jwks);
    snprintf(sets[i++], sizeof(sets[0]), "state_directory=%s", self->state);
    snprintf(sets[i++], sizeof(sets[0]), "server.listen=%s", self->host);
    snprintf(sets[i++], sizeof(sets[0]), "server.base_url=%s", self->base_url);
    snprintf(sets[i], sizeof(sets[0]), "%s", REST_CLIENT);
    argv[count++] = program;
    argv[count++] = "--config";
    argv[count++] = config;
    for (i = 0; i < CLIENTS + MORE; i++) {
        argv[count++] = "--set";
        argv[count++] = sets[i];
    }
    argv[count] = NULL;
    setenv(REST_SECRET_VARIABLE, REST_SECRET, 1);
    setenv("GLIBC_TUNABLES", MALLOC_TUNABLES, 0);
    began_ns = now_ns();
    self->pid = program_start(bench, "factord", argv);
    return wait_for(self->pid, &self->address, "/healthz") - began_ns;
}

void
daemon_stop(struct bench *bench)
{
    program_stop(bench->daemon.pid);
    bench->daemon.pid = 0;
}

void
daemon_count(struct bench *bench, struct daemon_counts *ret_counts)
{
    char body[2048];
    json_t *json;

    if (http_get(&bench->daemon.control, "/status", body, sizeof(body)) != 200)
        die("the control socket does not answer");
    json = json_loads(body, 0, NULL);
#define MEMBER(name) ((uint64_t)json_integer_value(json_object_get(json, name)))
    *ret_counts = (struct daemon_counts){
        .commits = MEMBER("commits"),
        .batches = MEMBER("batches"),
        .parked = MEMBER("parked"),
    };
#undef MEMBER
    json_decref(json);
}

/* --- Users --- */

static void
write_users(const char *path, unsigned count)
{
    FILE *stream = fopen(path, "we");
    unsigned i;

    if (!stream)
        die("%s: %s", path, strerror(errno));
    for (i = 0; i < count; i++)
        fprintf(stream,
                "{\"username\":\"u%07u\",\"email\":\"u%07u@bench.test\","
                "\"phone\":\"+1555%07u\",\"mfaEnabled\":true}\n",
                i, i, i);
    if (fclose(stream))
        die("%s: %s", path, strerror(errno));
}

int64_t
daemon_import(struct bench *bench)
{
    char program[600], file[600], socket[700];
    const char *argv[] = {program, "--socket", socket, "users",
                          "import", file,      NULL};
    int64_t began_ns;

    snprintf(program, sizeof(program), "%s/factorctl", bench->build);
    snprintf(file, sizeof(file), "%s/users.ndjson", bench->state);
    snprintf(socket, sizeof(socket), "%s/control.sock", bench->daemon.state);
    write_users(file, bench->numbers.users);
    began_ns = now_ns();
    if (program_run(bench, "factorctl", argv) != 0)
        die("users could not be imported; see factorctl.log in %s",
            bench->state);
    return now_ns() - began_ns;
}
