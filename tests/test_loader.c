/* SPDX-License-Identifier: MIT */
/* tests/test_loader.c - every way to refuse a plugin. */
#include <CUnit/CUnit.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/loader/loader.h"
#include "host/loader/elf.h"
#include "tests/folder.h"
#include "tests/tap.h"

static struct loader *loader;

/* --- tools --- */

static const char *
built(const char *name)
{
    const char *top = getenv("FACTOR_BUILDDIR");

    return folder_text("%s/tests/plugins/.libs/%s", top ? top : ".", name);
}

static unsigned char *
read_whole(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "re");
    unsigned char *bytes = malloc(4 << 20);

    *ret_len = file && bytes ? fread(bytes, 1, 4 << 20, file) : 0;
    if (file)
        fclose(file);
    return bytes;
}

/* Copy a built plugin, perhaps under another name. */
static void
bring_as(const char *name, const char *as)
{
    size_t len;
    unsigned char *bytes = read_whole(built(name), &len);

    CU_ASSERT_NOT_EQUAL_FATAL(len, 0);
    folder_write(as, bytes, len);
    free(bytes);
}

static void
bring(const char *name)
{
    bring_as(name, name);
}

static void
expect_refusal(const char *name, const char *expected)
{
    const struct loaded_plugin *plugin = NULL;
    struct factor_error err = {0};

    CU_ASSERT_EQUAL(FACTOR_E_CONFIG,
                    loader_load_file(loader, folder_in(name), &plugin, &err));
    CU_ASSERT_EQUAL(FACTOR_E_CONFIG, err.code);
    CU_ASSERT_PTR_NULL(plugin);
    loader_release(loader, plugin);
    folder_expect_text(expected, err.text);
}

static const struct loaded_plugin *
expect_load(const char *name)
{
    const struct loaded_plugin *plugin = NULL;
    struct factor_error err = {0};

    CU_ASSERT_EQUAL_FATAL(
        FACTOR_OK, loader_load_file(loader, folder_in(name), &plugin, &err));
    return plugin;
}

static int
set_up(void)
{
    if (folder_make() != 0)
        return 1;
    loader = loader_new(folder_path());
    return loader ? 0 : 1;
}

static int
tear_down(void)
{
    loader_free(loader);
    loader = NULL;
    return folder_remove();
}

/* --- what is right --- */

static void
loads_what_is_right(void)
{
    const struct loaded_plugin *plugin = NULL;
    struct factor_error err = {0};

    bring("adapter-good.so");
    CU_ASSERT_EQUAL_FATAL(FACTOR_OK, loader_load(loader, FACTOR_KIND_ADAPTER,
                                                 "good", &plugin, &err));
    CU_ASSERT_STRING_EQUAL("good", plugin->info->name);
    CU_ASSERT_EQUAL(sizeof(struct factor_plugin), plugin->info->struct_size);
    CU_ASSERT_PTR_NOT_NULL(plugin->adapter);
    CU_ASSERT_PTR_NOT_NULL(plugin->adapter->handle_action);
    CU_ASSERT_PTR_NULL(plugin->delivery);
    CU_ASSERT_PTR_NULL(plugin->source);
    CU_ASSERT_PTR_NULL(plugin->store);
    CU_ASSERT_STRING_EQUAL("digits", plugin->info->settings[0]->name);
    CU_ASSERT_PTR_NULL(plugin->info->settings[1]);
    CU_ASSERT_EQUAL(64, strlen(plugin->sha256));
    CU_ASSERT_EQUAL(1, plugin->references);
    loader_release(loader, plugin);
}

static void
loads_each_kind(void)
{
    const struct loaded_plugin *plugin;

    bring("delivery-good.so");
    bring("source-good.so");
    plugin = expect_load("delivery-good.so");
    CU_ASSERT_PTR_NOT_NULL(plugin->delivery);
    CU_ASSERT_EQUAL(FACTOR_DELIVERY_PARALLEL, plugin->delivery->flags);
    CU_ASSERT_STRING_EQUAL("email", plugin->delivery->channels[0]);
    loader_release(loader, plugin);
    plugin = expect_load("source-good.so");
    CU_ASSERT_PTR_NOT_NULL(plugin->source);
    CU_ASSERT_PTR_NULL(plugin->adapter);
    loader_release(loader, plugin);
}

static void
counts_references(void)
{
    const struct loaded_plugin *first, *second;

    bring("adapter-good.so");
    first = expect_load("adapter-good.so");
    second = expect_load("adapter-good.so");
    CU_ASSERT_PTR_EQUAL(first, second);
    CU_ASSERT_EQUAL(2, first->references);
    loader_release(loader, second);
    CU_ASSERT_EQUAL(1, first->references);
    CU_ASSERT_STRING_EQUAL("good", first->info->name);
    loader_release(loader, first);
    loader_release(loader, NULL);
}

static void
copies_only_what_it_knows(void)
{
    const struct loaded_plugin *plugin;

    bring("adapter-long.so");
    plugin = expect_load("adapter-long.so");
    CU_ASSERT_EQUAL(sizeof(struct factor_adapter_ops),
                    plugin->adapter->struct_size);
    loader_release(loader, plugin);
}

/* The dynamic linker knows a library by name; the name of one that stayed
 * must not be given to the next. */
static void
never_returns_the_last_one(void)
{
    const struct loaded_plugin *plugin;

    bring("adapter-nodelete.so");
    bring("adapter-good.so");
    plugin = expect_load("adapter-nodelete.so");
    loader_release(loader, plugin);
    plugin = expect_load("adapter-good.so");
    CU_ASSERT_STRING_EQUAL("good", plugin->info->name);
    loader_release(loader, plugin);
    bring_as("adapter-long.so", "adapter-long.so");
    plugin = expect_load("adapter-long.so");
    CU_ASSERT_STRING_EQUAL("long", plugin->info->name);
    loader_release(loader, plugin);
}

/* --- what is wrong with the plugin --- */

static void
refuses_no_such_file(void)
{
    const struct loaded_plugin *plugin = NULL;
    struct factor_error err = {0};

    CU_ASSERT_EQUAL(FACTOR_E_CONFIG, loader_load(loader, FACTOR_KIND_SOURCE,
                                                 "none", &plugin, &err));
    folder_expect_text(folder_text("source-none.so: %s/source-none.so: No such "
                                   "file or directory; install the plugin, or "
                                   "correct plugin_directory", folder_path()),
                       err.text);
}

static void
refuses_a_strange_name(void)
{
    static const char *const names[] = {
        "otp.so",           "adapter-.so",   "adapter-Good.so",
        "adapter-good.dll", "adapter--x.so", "plugin-good.so",
        "adapter-good",     "adapter-a.b.so"};
    size_t i;

    for (i = 0; i < TAP_COUNT(names); i++)
        expect_refusal(names[i],
                       folder_text("%s: no plugin's file name; it is "
                               "KIND-NAME.so, where KIND is adapter, "
                               "delivery, source or store", names[i]));
}

static void
refuses_a_stranger(void)
{
    bring("adapter-stranger.so");
    unsetenv("FACTOR_TEST_RAN");
    expect_refusal("adapter-stranger.so",
                   "adapter-stranger.so: it is no plugin of ours: it does "
                   "not export factor_plugin_v1; register it with "
                   "FACTOR_REGISTER_PLUGIN");
    CU_ASSERT_PTR_NULL(getenv("FACTOR_TEST_RAN"));
    folder_write_text("adapter-text.so", "INPUT(-lm)\n");
    expect_refusal("adapter-text.so",
                   "adapter-text.so: it is not a shared object; build it "
                   "with cc -shared -fPIC");
    folder_write_text("adapter-empty.so", "");
    expect_refusal("adapter-empty.so",
                   "adapter-empty.so: the file is empty, over 64MiB or "
                   "cannot be read; install it again");
}

static void
refuses_another_major(void)
{
    bring("adapter-major.so");
    unsetenv("FACTOR_TEST_RAN");
    expect_refusal("adapter-major.so",
                   "adapter-major.so: it is for contract major 2, this host "
                   "speaks 1; rebuild it with this host's headers");
    CU_ASSERT_PTR_NULL(getenv("FACTOR_TEST_RAN"));
}

/* Plugins that are wrong in one thing, and the reason given. */
static const struct {
    const char *name, *reason;
} wrong[] = {
    {"adapter-minor.so",
     "it is for contract 1.1, this host speaks 1.0; install a newer factord, "
     "or rebuild it with this host's headers"},
    {"adapter-short.so",
     "struct_size of its plugin is 48, not 56 or more; rebuild it with this "
     "host's headers"},
    {"adapter-kind.so", "its kind 99 is unknown; use FACTOR_KIND_..."},
    {"adapter-flags.so",
     "its plugin has unknown flags 0x80000000; rebuild it with this host's "
     "headers"},
    {"adapter-noversion.so",
     "it has no version or no text; register it with both"},
    {"adapter-noops.so", "it has no ops; give the struct of its calls"},
    {"adapter-opsflags.so",
     "its ops has unknown flags 0x80; rebuild it with this host's headers"},
    {"adapter-shortops.so",
     "struct_size of its ops is 40, not 64 or more; rebuild it with this "
     "host's headers"},
    {"adapter-nocall.so",
     "its call handle_action() is missing; every adapter has one"},
    {"store-few.so", "its call read() is missing; every store has one"},
    {"adapter-null.so",
     "factor_plugin_v1() returned NULL; register the plugin with "
     "FACTOR_REGISTER_PLUGIN"},
    {"adapter-misfit.so",
     "setting \"digits\": its default does not fit: 9 is out of range; from "
     "6 to 8 are allowed"},
    {"adapter-undefined.so",
     "undefined symbol: nobody_defines_this; link it with what defines that, "
     "and with -Wl,-z,defs to notice at build time"},
};

static void
refuses_what_breaks_the_contract(void)
{
    size_t i;

    for (i = 0; i < TAP_COUNT(wrong); i++) {
        bring(wrong[i].name);
        expect_refusal(wrong[i].name,
                       folder_text("%s: %s", wrong[i].name, wrong[i].reason));
    }
}

static void
refuses_another_name(void)
{
    bring_as("adapter-good.so", "adapter-better.so");
    expect_refusal("adapter-better.so",
                   "adapter-better.so: inside it is the adapter \"good\"; "
                   "rename the file or the plugin");
    bring_as("adapter-good.so", "store-good.so");
    expect_refusal("store-good.so",
                   "store-good.so: inside it is the adapter \"good\"; rename "
                   "the file or the plugin");
}

static void
refuses_two_of_one_name(void)
{
    const struct loaded_plugin *plugin;

    bring("adapter-good.so");
    plugin = expect_load("adapter-good.so");
    CU_ASSERT_EQUAL(0, mkdir(folder_in("more"), 0755));
    bring_as("adapter-good.so", "more/adapter-good.so");
    expect_refusal("more/adapter-good.so",
                   folder_text("adapter-good.so: the adapter \"good\" is open "
                           "already, from %s/adapter-good.so; keep one of "
                           "the two", folder_path()));
    bring_as("adapter-long.so", "adapter-good.so");
    expect_refusal("adapter-good.so",
                   "adapter-good.so: the file was replaced since it was "
                   "opened; restart the host");
    loader_release(loader, plugin);
}

/* --- what is wrong with the file --- */

static void
refuses_a_file_that_others_write(void)
{
    bring("adapter-good.so");
    CU_ASSERT_EQUAL(0, chmod(folder_in("adapter-good.so"), 0646));
    expect_refusal("adapter-good.so",
                   folder_text("adapter-good.so: others may write "
                           "%s/adapter-good.so; chmod go-w it", folder_path()));
    CU_ASSERT_EQUAL(0, chmod(folder_in("adapter-good.so"), 0664));
    expect_refusal("adapter-good.so",
                   folder_text("adapter-good.so: others may write "
                           "%s/adapter-good.so; chmod go-w it", folder_path()));
}

static void
refuses_a_folder_that_others_write(void)
{
    const char *inner = folder_in("open/inner");
    const char *open = folder_in("open");

    CU_ASSERT_EQUAL(0, mkdir(open, 0755));
    CU_ASSERT_EQUAL(0, mkdir(inner, 0755));
    bring_as("adapter-good.so", "open/inner/adapter-good.so");
    loader_release(loader, expect_load("open/inner/adapter-good.so"));
    CU_ASSERT_EQUAL(0, chmod(open, 0775));
    expect_refusal("open/inner/adapter-good.so",
                   folder_text("adapter-good.so: others may write the folder "
                           "%s/open; chmod go-w it", folder_path()));
    CU_ASSERT_EQUAL(0, chmod(open, 0757));
    expect_refusal("open/inner/adapter-good.so",
                   folder_text("adapter-good.so: others may write the folder "
                           "%s/open; chmod go-w it", folder_path()));
}

/* Sticky, but root's alone: ours would let us be moved about. */
static void
allows_sticky_folders_of_root(void)
{
    const char *sticky = folder_in("sticky");

    CU_ASSERT_EQUAL(0, mkdir(sticky, 0755));
    bring_as("adapter-good.so", "sticky/adapter-good.so");
    CU_ASSERT_EQUAL(0, chmod(sticky, 01777));
    if (geteuid() == 0) {
        loader_release(loader, expect_load("sticky/adapter-good.so"));
        CU_ASSERT_EQUAL(0, chown(sticky, 12345, (gid_t)-1));
    }
    expect_refusal("sticky/adapter-good.so",
                   folder_text("adapter-good.so: others may write the folder "
                           "%s/sticky; chmod go-w it", folder_path()));
}

static void
refuses_another_owner(void)
{
    if (geteuid() != 0) {
        tap_skip("needs root");
        return;
    }
    bring("adapter-good.so");
    CU_ASSERT_EQUAL(0, chown(folder_in("adapter-good.so"), 12345, (gid_t)-1));
    expect_refusal("adapter-good.so",
                   folder_text("adapter-good.so: %s/adapter-good.so belongs to "
                           "user 12345; only root's or our own are trusted: "
                           "chown it", folder_path()));
    CU_ASSERT_EQUAL(0, unlink(folder_in("adapter-good.so")));
    CU_ASSERT_EQUAL(0, mkdir(folder_in("theirs"), 0755));
    bring_as("adapter-good.so", "theirs/adapter-good.so");
    CU_ASSERT_EQUAL(0, chown(folder_in("theirs"), 12345, (gid_t)-1));
    expect_refusal("theirs/adapter-good.so",
                   folder_text("adapter-good.so: %s/theirs belongs to user "
                           "12345; only root's or our own are trusted: chown "
                           "it", folder_path()));
}

/* A link is a way in: the folders that hold it and its target both count. */
static void
follows_links_with_care(void)
{
    CU_ASSERT_EQUAL(0, mkdir(folder_in("target"), 0755));
    bring_as("adapter-good.so", "target/adapter-good.so");
    CU_ASSERT_EQUAL(0, symlink("target", folder_in("link")));
    loader_release(loader, expect_load("link/adapter-good.so"));
    CU_ASSERT_EQUAL(0, chmod(folder_in("target"), 0777));
    expect_refusal("link/adapter-good.so",
                   folder_text("adapter-good.so: others may write the folder "
                           "%s/target; chmod go-w it", folder_path()));
    CU_ASSERT_EQUAL(0, chmod(folder_in("target"), 0755));
    CU_ASSERT_EQUAL(0, mkdir(folder_in("loose"), 0755));
    CU_ASSERT_EQUAL(0, symlink(folder_in("target"), folder_in("loose/link")));
    CU_ASSERT_EQUAL(0, chmod(folder_in("loose"), 0777));
    expect_refusal("loose/link/adapter-good.so",
                   folder_text("adapter-good.so: others may write the folder "
                           "%s/loose; chmod go-w it", folder_path()));
    CU_ASSERT_EQUAL(0, symlink("round", folder_in("round")));
    expect_refusal("round/adapter-good.so",
                   "adapter-good.so: its path is too long or its links go "
                   "round; correct the path");
}

static void
refuses_what_is_no_file(void)
{
    CU_ASSERT_EQUAL(0, mkfifo(folder_in("adapter-pipe.so"), 0644));
    expect_refusal("adapter-pipe.so",
                   folder_text("adapter-pipe.so: %s/adapter-pipe.so is not a "
                           "file; put the plugin there", folder_path()));
}

/* --- damaged files --- */

/* A copy at the very end of its block, so that reading past it shows. */
static factor_status
look_at(const unsigned char *bytes, size_t len)
{
    unsigned char *copy = malloc(len ? len : 1);
    struct elf_entry entry = {0};
    factor_status status;

    memcpy(copy, bytes, len);
    status = elf_find_entry(copy, len, &entry, NULL);
    free(copy);
    return status == FACTOR_OK && entry.ours ? FACTOR_OK : FACTOR_E_CONFIG;
}

static void
refuses_every_truncation(void)
{
    size_t len, cut, taken = 0;
    unsigned char *bytes = read_whole(built("adapter-good.so"), &len);

    CU_ASSERT_EQUAL(FACTOR_OK, look_at(bytes, len));
    for (cut = 0; cut < len; cut++)
        if (look_at(bytes, cut) == FACTOR_OK)
            taken++;
    CU_ASSERT_EQUAL(0, taken);
    for (cut = 1; cut < len; cut += len / 16) {
        const struct loaded_plugin *plugin = NULL;

        folder_write("adapter-good.so", bytes, cut);
        CU_ASSERT_EQUAL(FACTOR_E_CONFIG,
                        loader_load_file(loader, folder_in("adapter-good.so"),
                                         &plugin, NULL));
        loader_release(loader, plugin);
    }
    free(bytes);
}

/* Every byte of the headers, and any byte at all, changed in three ways:
 * whatever is said of it, nothing is read past the end. */
static void
survives_every_flip(void)
{
    static const unsigned char masks[] = {0x01, 0x80, 0xff};
    size_t len, at, i, refused = 0;
    unsigned char *bytes = read_whole(built("adapter-good.so"), &len);

    for (at = 0; at < len; at += at < 1024 || len - at < 4096 ? 1 : 5)
        for (i = 0; i < TAP_COUNT(masks); i++) {
            bytes[at] ^= masks[i];
            if (look_at(bytes, len) != FACTOR_OK)
                refused++;
            bytes[at] ^= masks[i];
        }
    CU_ASSERT(refused > 100);
    free(bytes);
}

/* --- --list-plugins --- */

struct listed {
    char text[4096];
};

static void
note_listed(void *context, const char *file, const struct loaded_plugin *plugin,
            const struct factor_error *err)
{
    struct listed *listed = context;
    size_t used = strlen(listed->text);

    snprintf(listed->text + used, sizeof(listed->text) - used, "%s %s\n",
             strrchr(file, '/') + 1,
             plugin ? plugin->info->version : err->text);
}

static void
lists_a_folder(void)
{
    struct listed listed = {""};
    struct factor_error err = {0};

    CU_ASSERT_EQUAL(0, mkdir(folder_in("list"), 0755));
    bring_as("source-good.so", "list/source-good.so");
    bring_as("adapter-good.so", "list/adapter-good.so");
    bring_as("adapter-good.so", "list/README");
    bring_as("adapter-good.so", "list/good.so");
    CU_ASSERT_EQUAL(FACTOR_OK, loader_list(folder_in("list"), note_listed,
                                           &listed, &err));
    folder_expect_text("adapter-good.so 1.0\n"
                "good.so good.so: no plugin's file name; it is KIND-NAME.so, "
                "where KIND is adapter, delivery, source or store\n"
                "source-good.so 1.0\n", listed.text);
    CU_ASSERT_EQUAL(FACTOR_E_CONFIG, loader_list(folder_in("nowhere"),
                                                 note_listed, &listed, &err));
    folder_expect_text(folder_text("%s/nowhere: No such file or directory; "
                                   "correct plugin_directory", folder_path()),
                       err.text);
}

static const struct tap_test tests[] = {
    {"a plugin in which nothing is wrong is loaded", loads_what_is_right},
    {"plugins of each kind are loaded", loads_each_kind},
    {"a plugin is opened once and its references are counted",
     counts_references},
    {"of longer structs only what is known is copied",
     copies_only_what_it_knows},
    {"a library that stayed is never taken for the next one",
     never_returns_the_last_one},
    {"a file that is not there is refused", refuses_no_such_file},
    {"a file that is not named KIND-NAME.so is refused",
     refuses_a_strange_name},
    {"a file that is no plugin of ours is refused before it runs",
     refuses_a_stranger},
    {"a plugin of another major is refused before it runs",
     refuses_another_major},
    {"a plugin that breaks the contract is refused, with the reason",
     refuses_what_breaks_the_contract},
    {"a plugin with another name than its file is refused",
     refuses_another_name},
    {"a second plugin of one name and kind is refused",
     refuses_two_of_one_name},
    {"a file that others may write is refused",
     refuses_a_file_that_others_write},
    {"a folder that others may write is refused, however far up",
     refuses_a_folder_that_others_write},
    {"a sticky folder is allowed if it is root's",
     allows_sticky_folders_of_root},
    {"a file or folder of another user is refused", refuses_another_owner},
    {"links are followed, and what holds them is checked",
     follows_links_with_care},
    {"what is no file is refused", refuses_what_is_no_file},
    {"a plugin cut short anywhere is refused", refuses_every_truncation},
    {"a plugin with any byte changed is looked at safely",
     survives_every_flip},
    {"the plugins of a folder are listed, and what is wrong with others",
     lists_a_folder},
};

int
main(void)
{
    static const struct tap_fixture fixture = {set_up, tear_down};

    return tap_main_with("loader", &fixture, tests, TAP_COUNT(tests));
}
