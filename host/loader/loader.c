/* SPDX-License-Identifier: MIT */
/* host/loader/loader.c - opens plugins: look, copy, look again, open, copy
 * tables.
 */
#include "host/loader/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/arena.h"
#include "host/error.h"
#include "host/loader/elf.h"
#include "host/loader/file.h"
#include "host/loader/tables.h"

enum { LONGEST_NAME = 63 }; /* bytes of a plugin's name */

/* A plugin on its way in, or one that is in. */
struct entry {
    struct loaded_plugin plugin;
    struct entry *next;
    struct factor_arena *arena; /* of all that plugin points to */
    const char *base;           /* the file's name without its folder */
    uint32_t kind;              /* that the file's name says */
    char name[LONGEST_NAME + 1];
    void *handle; /* or NULL: not open */
    int copy;     /* its number is in the handle's name: open as long */
};

struct loader {
    char *directory;
    struct entry *entries;
    bool keep; /* FACTOR_KEEP_PLUGINS */
};

/* --- one entry --- */

/* The reason in *err gets the file's name before it. */
static factor_status
name_file(const struct entry *entry, struct factor_error *err)
{
    char reason[sizeof(err->text)];

    if (!err)
        return FACTOR_E_CONFIG;
    memcpy(reason, err->text, sizeof(reason));
    return error_set(err, err->code, "%s: %s", entry->base, reason);
}

/* KIND-NAME.so */
static factor_status
parse_name(struct entry *entry, struct factor_error *err)
{
    const char *dash = strchr(entry->base, '-');
    const char *end = strrchr(entry->base, '.');
    size_t len = dash && end && end > dash ? (size_t)(end - dash - 1) : 0;

    entry->kind =
        dash ? loader_kind(entry->base, (size_t)(dash - entry->base)) : 0;
    if (len > 0 && len <= LONGEST_NAME)
        memcpy(entry->name, dash + 1, len);
    if (!entry->kind || !entry->name[0] || strcmp(end, ".so") != 0 ||
        entry->name[0] == '-' ||
        entry->name[strspn(entry->name,
                           "abcdefghijklmnopqrstuvwxyz0123456789-")])
        return error_set(err, FACTOR_E_CONFIG,
                         "no plugin's file name; it is KIND-NAME.so, where "
                         "KIND is adapter, delivery, source or store");
    return FACTOR_OK;
}

static struct entry *
entry_new(const char *file)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    const char *slash;

    if (!entry)
        return NULL;
    entry->copy = -1;
    entry->arena = arena_new();
    if (entry->arena)
        entry->plugin.file = arena_copy(entry->arena, file);
    if (!entry->plugin.file) {
        arena_free(entry->arena);
        free(entry);
        return NULL;
    }
    slash = strrchr(entry->plugin.file, '/');
    entry->base = slash ? slash + 1 : entry->plugin.file;
    return entry;
}

/* The name under which the dynamic linker knows a private copy. */
static void
copy_path(int copy, char *ret_path, size_t size)
{
    snprintf(ret_path, size, "/proc/self/fd/%d", copy);
}

/* A library may refuse to go (NODELETE).  Its name must then not come up
 * again: dlopen would return the old one for it. */
static void
close_library(struct entry *entry)
{
    char path[40];

    dlclose(entry->handle);
    entry->handle = NULL;
    if (entry->copy < 0)
        return;
    copy_path(entry->copy, path, sizeof(path));
    if (dlopen(path, RTLD_NOW | RTLD_NOLOAD))
        entry->copy = -1;
}

static void
entry_free(const struct loader *loader, struct entry *entry)
{
    if (!entry)
        return;
    if (entry->handle && !loader->keep)
        close_library(entry);
    if (entry->copy >= 0)
        close(entry->copy);
    arena_free(entry->arena);
    free(entry);
}

/* --- from file to tables --- */

static factor_status
check_entry_symbol(const struct elf_entry *found, struct factor_error *err)
{
    if (found->ours)
        return FACTOR_OK;
    if (found->other)
        return error_set(err, FACTOR_E_CONFIG,
                         "it is for contract major %u, this host speaks %u; "
                         "rebuild it with this host's headers",
                         found->other_major, FACTOR_ABI_MAJOR);
    return error_set(err, FACTOR_E_CONFIG,
                     "it is no plugin of ours: it does not export %s; "
                     "register it with FACTOR_REGISTER_PLUGIN",
                     FACTOR_ENTRY_SYMBOL);
}

/* The copy is sealed: what is seen here is what will be opened. */
static factor_status
check_copy(const struct entry *entry, struct factor_error *err)
{
    struct elf_entry found;
    struct stat size;
    factor_status status;
    void *bytes;

    if (fstat(entry->copy, &size) != 0)
        return error_set(err, FACTOR_E_IO, "%s", strerror(errno));
    bytes = mmap(NULL, (size_t)size.st_size, PROT_READ, MAP_PRIVATE,
                 entry->copy, 0);
    if (bytes == MAP_FAILED)
        return error_set(err, FACTOR_E_IO, "%s", strerror(errno));
    status = elf_find_entry(bytes, (size_t)size.st_size, &found, err);
    munmap(bytes, (size_t)size.st_size);
    return status == FACTOR_OK ? check_entry_symbol(&found, err) : status;
}

static factor_status
read_file(struct entry *entry, struct factor_error *err)
{
    factor_status status;
    int fd;

    status = file_open_trusted(entry->plugin.file, &fd, err);
    if (status != FACTOR_OK)
        return status;
    status = file_copy_private(fd, &entry->copy, entry->plugin.sha256, err);
    close(fd);
    return status == FACTOR_OK ? check_copy(entry, err) : status;
}

/* The dynamic linker's reason, without the name that it gave the copy. */
static factor_status
refuse_open(const char *path, struct factor_error *err)
{
    const char *reason = dlerror();
    const char *symbol = reason ? strstr(reason, "undefined symbol: ") : NULL;
    size_t len = strlen(path);

    if (symbol)
        return error_set(err, FACTOR_E_CONFIG,
                         "%s; link it with what defines that, and with "
                         "-Wl,-z,defs to notice at build time", symbol);
    if (reason && strncmp(reason, path, len) == 0 && reason[len] == ':')
        reason += len + 1 + strspn(reason + len + 1, " ");
    return error_set(err, FACTOR_E_CONFIG, "it cannot be opened: %s",
                     reason ? reason : "?");
}

static factor_status
open_library(const struct loader *loader, struct entry *entry,
             struct factor_error *err)
{
    char path[40];
    const char *name = path;

    copy_path(entry->copy, path, sizeof(path));
    if (loader->keep)
        name = entry->plugin.file;
    entry->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    return entry->handle ? FACTOR_OK : refuse_open(name, err);
}

static factor_status
copy_tables(struct entry *entry, struct factor_error *err)
{
    factor_plugin_entry *function;
    void *symbol = dlsym(entry->handle, FACTOR_ENTRY_SYMBOL);

    if (!symbol)
        return error_set(err, FACTOR_E_CONFIG,
                         "it does not export %s; register it with "
                         "FACTOR_REGISTER_PLUGIN", FACTOR_ENTRY_SYMBOL);
    memcpy(&function, &symbol, sizeof(function)); /* POSIX, not C */
    return tables_copy(entry->arena, function(), entry->kind, entry->name,
                       &entry->plugin, err);
}

/* --- all of them --- */

struct loader *
loader_new(const char *directory)
{
    struct loader *loader = calloc(1, sizeof(*loader));

    if (!loader)
        return NULL;
    loader->directory = strdup(directory);
    loader->keep = secure_getenv("FACTOR_KEEP_PLUGINS") != NULL;
    if (loader->directory)
        return loader;
    free(loader);
    return NULL;
}

void
loader_free(struct loader *loader)
{
    struct entry *next;

    if (!loader)
        return;
    for (; loader->entries; loader->entries = next) {
        next = loader->entries->next;
        entry_free(loader, loader->entries);
    }
    free(loader->directory);
    free(loader);
}

static struct entry *
find_entry(const struct loader *loader, uint32_t kind, const char *name)
{
    struct entry *entry = loader->entries;

    while (entry && (entry->kind != kind || strcmp(entry->name, name) != 0))
        entry = entry->next;
    return entry;
}

/* Flows hold to the version that began them: never two under one name. */
static factor_status
check_same(const struct entry *present, const struct entry *wanted,
           struct factor_error *err)
{
    if (strcmp(present->plugin.file, wanted->plugin.file) != 0)
        return error_set(err, FACTOR_E_CONFIG,
                         "the %s \"%s\" is open already, from %s; keep one "
                         "of the two", loader_kind_name(present->kind),
                         present->name, present->plugin.file);
    if (strcmp(present->plugin.sha256, wanted->plugin.sha256) != 0)
        return error_set(err, FACTOR_E_CONFIG,
                         "the file was replaced since it was opened; restart "
                         "the host");
    return FACTOR_OK;
}

/* entry is consumed: it joins the others, or is freed. */
static factor_status
admit(struct loader *loader, struct entry *entry, struct entry **ret_entry,
      struct factor_error *err)
{
    struct entry *present = NULL;
    factor_status status = parse_name(entry, err);

    if (status == FACTOR_OK)
        status = read_file(entry, err);
    if (status == FACTOR_OK)
        present = find_entry(loader, entry->kind, entry->name);
    if (present)
        status = check_same(present, entry, err);
    if (status == FACTOR_OK && !present)
        status = open_library(loader, entry, err);
    if (status == FACTOR_OK && !present)
        status = copy_tables(entry, err);
    if (status != FACTOR_OK)
        name_file(entry, err);
    if (status == FACTOR_OK && !present) {
        entry->next = loader->entries;
        loader->entries = entry;
        present = entry;
    } else {
        entry_free(loader, entry);
    }
    if (status == FACTOR_OK)
        *ret_entry = present;
    return status;
}

factor_status
loader_load_file(struct loader *loader, const char *file,
                 const struct loaded_plugin **ret_plugin,
                 struct factor_error *err)
{
    struct entry *entry = entry_new(file);
    factor_status status;

    if (!entry)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    status = admit(loader, entry, &entry, err);
    if (status != FACTOR_OK)
        return status;
    entry->plugin.references++;
    *ret_plugin = &entry->plugin;
    return FACTOR_OK;
}

factor_status
loader_load(struct loader *loader, uint32_t kind, const char *name,
            const struct loaded_plugin **ret_plugin, struct factor_error *err)
{
    const char *kind_name = loader_kind_name(kind);
    factor_status status;
    char *file;

    if (!kind_name || strchr(name, '/'))
        return error_set(err, FACTOR_E_INPUT, "no plugin's kind or name");
    if (asprintf(&file, "%s/%s-%s.so", loader->directory, kind_name, name) < 0)
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    status = loader_load_file(loader, file, ret_plugin, err);
    free(file);
    return status;
}

void
loader_release(struct loader *loader, const struct loaded_plugin *plugin)
{
    struct entry **link = &loader->entries, *entry;

    while (plugin && *link && &(*link)->plugin != plugin)
        link = &(*link)->next;
    entry = plugin ? *link : NULL;
    if (!entry || --entry->plugin.references > 0)
        return;
    *link = entry->next;
    entry_free(loader, entry);
}

/* --- --list-plugins --- */

static int
is_shared_object(const struct dirent *entry)
{
    const char *end = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && end && strcmp(end, ".so") == 0;
}

/* Not alphasort: the order must not depend on the locale. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void
list_one(struct loader *loader, const char *name, loader_list_fn *list_fn,
         void *context)
{
    const struct loaded_plugin *plugin = NULL;
    struct factor_error err = {0};
    char *file;

    if (asprintf(&file, "%s/%s", loader->directory, name) < 0)
        return;
    loader_load_file(loader, file, &plugin, &err);
    list_fn(context, file, plugin, plugin ? NULL : &err);
    loader_release(loader, plugin);
    free(file);
}

factor_status
loader_list(const char *directory, loader_list_fn *list_fn, void *context,
            struct factor_error *err)
{
    struct loader *loader = loader_new(directory);
    struct dirent **entries = NULL;
    int count = loader ? scandir(directory, &entries, is_shared_object, by_name)
                       : -1;
    factor_status status = FACTOR_OK;
    int i;

    if (count < 0)
        status = error_set(err, FACTOR_E_CONFIG,
                           "%s: %s; correct plugin_directory", directory,
                           strerror(errno));
    for (i = 0; i < count; i++) {
        list_one(loader, entries[i]->d_name, list_fn, context);
        free(entries[i]);
    }
    free(entries);
    loader_free(loader);
    return status;
}
