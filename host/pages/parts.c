/* SPDX-License-Identifier: MIT */
/* host/pages/parts.c - page parts of adapters, from memory.
 *
 * A part runs in the sign-on page and could read what is typed there, so its
 * file is trusted under the very terms of the plugin's own. */
#include "host/pages/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/error.h"
#include "host/loader/file.h"
#include "host/pages/pages.h"

enum { PART_MAX = 256 * 1024, PATH_SIZE = 4096 };

/* --- Reading. --- */

static bool
path_beside(const struct adapter *adapter, const char *file,
            char ret_path[PATH_SIZE])
{
    const char *slash = adapter->file ? strrchr(adapter->file, '/') : NULL;
    int folder = slash ? (int)(slash - adapter->file) : 1;

    return snprintf(ret_path, PATH_SIZE, "%.*s/%s", folder,
                    slash ? adapter->file : ".", file) < PATH_SIZE;
}

/* In the folder of this plugin if it is there, else beside the plugin. */
static bool
find_file(const struct host *host, const struct adapter *adapter,
          const char *file, char ret_path[PATH_SIZE])
{
    const char *folder = config_text(host->config, "/part_directory");

    if (folder &&
        snprintf(ret_path, PATH_SIZE, "%s/adapter-%s/%s", folder,
                 adapter->plugin, file) < PATH_SIZE &&
        access(ret_path, R_OK) == 0)
        return true;
    return path_beside(adapter, file, ret_path);
}

static factor_status
read_body(const char *path, struct adapter_part *part,
          struct factor_error *err)
{
    FILE *file = NULL;
    int fd;
    factor_status st = file_open_trusted(path, &fd, err);

    if (st != FACTOR_OK)
        return st;
    part->body = malloc(PART_MAX);
    file = fdopen(fd, "r");
    if (!file)
        close(fd);
    if (file && part->body)
        part->len = fread(part->body, 1, PART_MAX, file);
    if (!file || !part->body || ferror(file) || part->len == PART_MAX)
        st = error_set(err, FACTOR_E_CONFIG,
                       "%s: it cannot be read, or is over 256 KiB", path);
    if (file)
        fclose(file);
    return st;
}

/* Give back what a short part left of its memory. */
static void
trim(struct adapter_part *part)
{
    char *less = realloc(part->body, part->len + 1);

    if (less)
        part->body = less;
}

static bool
read_part(const struct host *host, const struct adapter *adapter,
          struct adapter_part *part, struct problems *problems)
{
    const char *file = part->declared->file;
    struct factor_error err;
    char path[PATH_SIZE];

    if (asprintf(&part->path, "/parts/%s/%s", adapter->name, file) < 0) {
        part->path = NULL;
        return false;
    }
    if (!find_file(host, adapter, file, path))
        error_set(&err, FACTOR_E_CONFIG, "its path is too long");
    else if (read_body(path, part, &err) == FACTOR_OK) {
        trim(part);
        return true;
    }
    config_problem(host->config, problems, "/adapters",
                   "the page part %s of the adapter %s: %s", file,
                   adapter->name, err.text);
    return true;
}

static bool
read_adapter(const struct host *host, struct adapter *adapter,
             struct problems *problems)
{
    const struct factor_page_part *const *declared =
        adapter->description->page_parts;
    size_t count = 0;

    while (declared && declared[count])
        count++;
    adapter->parts = calloc(count + 1, sizeof(adapter->parts[0]));
    if (!adapter->parts)
        return false;
    for (; adapter->part_count < count; adapter->part_count++) {
        adapter->parts[adapter->part_count].declared =
            declared[adapter->part_count];
        if (!read_part(host, adapter, &adapter->parts[adapter->part_count],
                       problems))
            return false;
    }
    return true;
}

bool
parts_read(struct host *host, struct problems *problems)
{
    size_t i;

    for (i = 0; i < host->adapter_count; i++)
        if (!read_adapter(host, &host->adapters[i], problems))
            return false;
    return true;
}

void
parts_free(struct host *host)
{
    struct adapter *adapter;
    size_t i, k;

    for (i = 0; i < host->adapter_count; i++) {
        adapter = &host->adapters[i];
        for (k = 0; k < adapter->part_count; k++) {
            free(adapter->parts[k].path);
            free(adapter->parts[k].body);
        }
        free(adapter->parts);
        adapter->parts = NULL;
        adapter->part_count = 0;
    }
}

/* --- Serving. --- */

static const struct adapter_part *
find_part(const struct host *host, const char *instance, const char *file)
{
    const struct adapter *adapter = host_adapter(host, instance);
    size_t i;

    for (i = 0; adapter && file && i < adapter->part_count; i++)
        if (strcmp(adapter->parts[i].declared->file, file) == 0)
            return &adapter->parts[i];
    return NULL;
}

static void
serve(struct http_request *request)
{
    const struct host *host = http_context(request);
    const struct adapter_part *part =
        find_part(host, http_variable(request, "instance"),
                  http_variable(request, "file"));

    http_reply(request,
               part ? pages_reply(request, "text/javascript;charset=utf-8",
                                  part->body, part->len, NULL)
                    : http_reply_static(404, "text/plain", "not found\n", 10));
}

const struct http_route parts_routes[] = {
    {"/parts/{instance}/{file}", "part", HTTP_GET, 0, 0, serve},
    {0},
};
