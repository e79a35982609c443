/* SPDX-License-Identifier: MIT */
/* host/config/reference.c - texts given by reference. */
#include "host/config/reference.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST = 65536 }; /* bytes of a text */

/* What a resolver works on. */
struct reference {
    struct factor_arena *arena;
    const char *name; /* of the file, variable or credential */
    const struct origin *where;
    const char *pointer;
    struct problems *problems;
};

typedef const char *resolve_fn(const struct reference *reference);

const char *
path_under(struct factor_arena *arena, const char *directory, const char *path)
{
    if (path[0] == '/' || !directory)
        return path;
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    return arena_format(arena, "%s/%s", directory, path);
}

/* Up to size bytes; -1 and errno, or how many there were. */
static ssize_t
read_whole(int fd, char *bytes, size_t size)
{
    size_t used = 0;
    ssize_t got;

    do {
        got = read(fd, bytes + used, size - used);
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            used += (size_t)got;
    } while (got != 0 && used < size);
    return (ssize_t)used;
}

/* One newline at the end is the editor's. */
static const char *
check_text(const struct reference *reference, char *text, size_t len)
{
    json_t *parsed;

    if (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    if (len > 0 && text[len - 1] == '\r')
        text[--len] = '\0';
    /* jansson knows UTF-8; a NUL is no text either. */
    parsed = len > 0 && !memchr(text, '\0', len) ? json_stringn(text, len)
                                                 : NULL;
    json_decref(parsed);
    if (parsed)
        return text;
    problems_add(reference->problems, reference->where, reference->pointer,
                 "%s is empty or no UTF-8 text; write the value there",
                 reference->name);
    return NULL;
}

static void
warn_if_public(const struct reference *reference, const char *path, int fd)
{
    struct stat status;

    if (fstat(fd, &status) == 0 && (status.st_mode & S_IROTH))
        problems_warn(reference->problems, reference->where,
                      reference->pointer,
                      "everyone may read %s; chmod o-r it", path);
}

static const char *
read_open_file(const struct reference *reference, const char *path, int fd)
{
    char *text = arena_alloc(reference->arena, LONGEST + 1);
    ssize_t len = text ? read_whole(fd, text, LONGEST + 1) : 0;

    if (!text) {
        problems_no_memory(reference->problems);
        return NULL;
    }
    if (len < 0 || len > LONGEST) {
        problems_add(reference->problems, reference->where, reference->pointer,
                     "cannot read %s: %s", path,
                     len < 0 ? strerror(errno) : "longer than 64KiB");
        return NULL;
    }
    return check_text(reference, text, (size_t)len);
}

static const char *
read_file(const struct reference *reference, const char *path)
{
    const char *text;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (!path) {
        problems_no_memory(reference->problems);
        return NULL;
    }
    if (fd < 0) {
        problems_add(reference->problems, reference->where, reference->pointer,
                     "cannot open %s: %s; create it, or correct the path",
                     path, strerror(errno));
        return NULL;
    }
    warn_if_public(reference, path, fd);
    text = read_open_file(reference, path, fd);
    close(fd);
    return text;
}

static const char *
file_path(const struct reference *reference)
{
    return path_under(reference->arena, reference->where->directory,
                      reference->name);
}

static const char *
resolve_file(const struct reference *reference)
{
    return read_file(reference, file_path(reference));
}

static const char *
resolve_env(const struct reference *reference)
{
    const char *value = getenv(reference->name);
    char *copy = arena_copy(reference->arena, value);

    if (copy)
        return check_text(reference, copy, strlen(copy));
    problems_add(reference->problems, reference->where, reference->pointer,
                 "the environment has no %s; set it for the daemon",
                 reference->name);
    return NULL;
}

/* NULL: a problem was added. */
static const char *
credential_path(const struct reference *reference)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    const char *path = NULL;

    if (strchr(reference->name, '/'))
        problems_add(reference->problems, reference->where, reference->pointer,
                     "\"%s\" is no credential's name; write it without \"/\"",
                     reference->name);
    else if (!directory)
        problems_add(reference->problems, reference->where, reference->pointer,
                     "there are no credentials here; give \"%s\" by systemd's "
                     "LoadCredential=, or use \"$file\"", reference->name);
    else if (!(path = arena_format(reference->arena, "%s/%s", directory,
                                   reference->name)))
        problems_no_memory(reference->problems);
    return path;
}

static const char *
resolve_credential(const struct reference *reference)
{
    const char *path = credential_path(reference);

    return path ? read_file(reference, path) : NULL;
}

static const struct {
    const char *key;
    resolve_fn *resolve;
    resolve_fn *path; /* of the file; NULL: it is none */
} resolvers[] = {
    {"$file", resolve_file, file_path},
    {"$env", resolve_env, NULL},
    {"$credential", resolve_credential, credential_path},
};

enum { RESOLVERS = sizeof(resolvers) / sizeof(resolvers[0]) };

bool
reference_is(const json_t *value)
{
    size_t i;

    for (i = 0; i < RESOLVERS; i++)
        if (json_object_get(value, resolvers[i].key))
            return true;
    return false;
}

const char *
reference_resolve(struct factor_arena *arena, const json_t *value,
                  const struct origin *where, const char *pointer,
                  struct problems *problems)
{
    struct reference reference = {arena, NULL, where, pointer, problems};
    size_t i;

    for (i = 0; i < RESOLVERS && json_object_size(value) == 1; i++) {
        reference.name =
            json_string_value(json_object_get(value, resolvers[i].key));
        if (reference.name && *reference.name)
            return resolvers[i].resolve(&reference);
    }
    problems_add(problems, where, pointer,
                 "not a reference; write {\"$file\": PATH}, {\"$env\": NAME} "
                 "or {\"$credential\": NAME}");
    return NULL;
}

const char *
reference_path(struct factor_arena *arena, const json_t *value,
               const struct origin *where, const char *pointer,
               struct problems *problems)
{
    struct reference reference = {arena, NULL, where, pointer, problems};
    size_t i;

    for (i = 0; i < RESOLVERS && json_object_size(value) == 1; i++) {
        reference.name =
            json_string_value(json_object_get(value, resolvers[i].key));
        if (reference.name && *reference.name && resolvers[i].path)
            return resolvers[i].path(&reference);
    }
    problems_add(problems, where, pointer,
                 "not a path; write one in double quotes, or {\"$credential\": "
                 "NAME}");
    return NULL;
}
