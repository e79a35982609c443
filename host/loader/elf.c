/* SPDX-License-Identifier: MIT */
/* host/loader/elf.c - reads the dynamic symbols of a shared object.
 *
 * Everything in the file is untrusted: each offset is checked against the
 * file's end, and each struct is copied out before it is read, since nothing
 * need be aligned.  A file that is cut short anywhere is noticed: the linker
 * puts the section headers last. */
#include "host/loader/elf.h"

#include <elf.h>
#include <link.h> /* ElfW */
#include <stdlib.h>
#include <string.h>

#include "factor/plugin.h"
#include "host/error.h"

enum { ENTRY_PREFIX = sizeof(FACTOR_ENTRY_SYMBOL) - 2 }; /* without "0" */

struct elf {
    const unsigned char *bytes;
    size_t len;
    ElfW(Ehdr) header;
    struct factor_error *err;
};

static factor_status
refuse(const struct elf *elf, const char *why)
{
    return error_set(elf->err, FACTOR_E_CONFIG, "%s", why);
}

/* Is offset and so many bytes within the file? */
static bool
holds(const struct elf *elf, uint64_t offset, uint64_t size)
{
    return offset <= elf->len && size <= elf->len - offset;
}

static bool
copy_out(const struct elf *elf, uint64_t offset, void *ret, size_t size)
{
    if (!holds(elf, offset, size))
        return false;
    memcpy(ret, elf->bytes + offset, size);
    return true;
}

/* The count-th of equal structs of a table. */
static bool
copy_nth(const struct elf *elf, uint64_t table, uint64_t count, void *ret,
         size_t size)
{
    uint64_t offset;

    return !__builtin_mul_overflow(count, (uint64_t)size, &offset) &&
           !__builtin_add_overflow(offset, table, &offset) &&
           copy_out(elf, offset, ret, size);
}

/* --- header --- */

static factor_status
check_ident(struct elf *elf)
{
    const unsigned char ours[] = {
        sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32,
        __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB,
        EV_CURRENT,
    };

    if (elf->len < SELFMAG || memcmp(elf->bytes, ELFMAG, SELFMAG) != 0)
        return refuse(elf, "it is not a shared object; build it with "
                           "cc -shared -fPIC");
    if (!copy_out(elf, 0, &elf->header, sizeof(elf->header)))
        return refuse(elf, "the file is cut short; install it again");
    if (memcmp(elf->bytes + EI_CLASS, ours, sizeof(ours)) != 0 ||
        elf->header.e_type != ET_DYN)
        return refuse(elf, "it is no shared object for this machine; build "
                           "it here with cc -shared -fPIC");
    return FACTOR_OK;
}

static factor_status
check_header(struct elf *elf)
{
    const ElfW(Ehdr) *header = &elf->header;
    factor_status status = check_ident(elf);

    if (status != FACTOR_OK)
        return status;
    if (header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phnum == 0 ||
        header->e_phnum == PN_XNUM ||
        header->e_shentsize != sizeof(ElfW(Shdr)) || header->e_shnum == 0)
        return refuse(elf, "its ELF header is damaged; install it again");
    if (!holds(elf, header->e_phoff,
               (uint64_t)header->e_phnum * header->e_phentsize) ||
        !holds(elf, header->e_shoff,
               (uint64_t)header->e_shnum * header->e_shentsize))
        return refuse(elf, "the file is cut short; install it again");
    return FACTOR_OK;
}

/* --- segments: what the dynamic linker will map --- */

static bool
segment_ok(const struct elf *elf, const ElfW(Phdr) *segment)
{
    uint64_t end;

    if (segment->p_type != PT_LOAD && segment->p_type != PT_DYNAMIC)
        return true;
    if (segment->p_filesz > segment->p_memsz ||
        __builtin_add_overflow((uint64_t)segment->p_vaddr,
                               (uint64_t)segment->p_memsz, &end))
        return false;
    return holds(elf, segment->p_offset, segment->p_filesz);
}

static factor_status
check_segments(const struct elf *elf)
{
    bool loads = false, dynamic = false;
    ElfW(Phdr) segment;
    unsigned i;

    for (i = 0; i < elf->header.e_phnum; i++) {
        if (!copy_nth(elf, elf->header.e_phoff, i, &segment, sizeof(segment)) ||
            !segment_ok(elf, &segment))
            return refuse(elf, "its segments reach past the file's end; "
                               "install it again");
        loads |= segment.p_type == PT_LOAD;
        dynamic |= segment.p_type == PT_DYNAMIC;
    }
    if (!loads || !dynamic)
        return refuse(elf, "it has nothing to load; build it with cc -shared "
                           "-fPIC");
    return FACTOR_OK;
}

/* --- symbols --- */

/* A NUL-terminated name within the string table, or NULL. */
static const char *
name_at(const struct elf *elf, const ElfW(Shdr) *strings, uint64_t offset)
{
    const unsigned char *start;

    if (offset >= strings->sh_size)
        return NULL;
    start = elf->bytes + strings->sh_offset + offset;
    return memchr(start, '\0', strings->sh_size - offset) ? (const char *)start
                                                          : NULL;
}

static bool
is_entry(const ElfW(Sym) *symbol, const char *name)
{
    unsigned binding = symbol->st_info >> 4, type = symbol->st_info & 0xf;

    return symbol->st_shndx != SHN_UNDEF && type == STT_FUNC &&
           (binding == STB_GLOBAL || binding == STB_WEAK) &&
           strncmp(name, FACTOR_ENTRY_SYMBOL, ENTRY_PREFIX) == 0;
}

static void
note_entry(const char *name, struct elf_entry *entry)
{
    char *end;
    unsigned long major;

    if (strcmp(name, FACTOR_ENTRY_SYMBOL) == 0)
        entry->ours = true;
    if (strspn(name + ENTRY_PREFIX, "0123456789") == 0)
        return;
    major = strtoul(name + ENTRY_PREFIX, &end, 10);
    if (*end || major == FACTOR_ABI_MAJOR || major > 9999)
        return;
    if (!entry->other || entry->other_major < major)
        entry->other_major = (unsigned)major;
    entry->other = true;
}

static factor_status
scan_symbols(const struct elf *elf, const ElfW(Shdr) *symbols,
             const ElfW(Shdr) *strings, struct elf_entry *entry)
{
    uint64_t count = symbols->sh_size / sizeof(ElfW(Sym)), i;
    ElfW(Sym) symbol;
    const char *name;

    if (!holds(elf, symbols->sh_offset, symbols->sh_size) ||
        !holds(elf, strings->sh_offset, strings->sh_size))
        return refuse(elf, "its symbols reach past the file's end; install "
                           "it again");
    for (i = 0; i < count; i++) {
        if (!copy_nth(elf, symbols->sh_offset, i, &symbol, sizeof(symbol)))
            break;
        name = name_at(elf, strings, symbol.st_name);
        if (!name)
            return refuse(elf, "a symbol's name is damaged; install it again");
        if (is_entry(&symbol, name))
            note_entry(name, entry);
    }
    return FACTOR_OK;
}

static factor_status
find_symbols(const struct elf *elf, struct elf_entry *entry)
{
    ElfW(Shdr) symbols, strings;
    unsigned i;

    for (i = 0; i < elf->header.e_shnum; i++) {
        if (!copy_nth(elf, elf->header.e_shoff, i, &symbols, sizeof(symbols)))
            break;
        if (symbols.sh_type != SHT_DYNSYM)
            continue;
        if (symbols.sh_link >= elf->header.e_shnum ||
            !copy_nth(elf, elf->header.e_shoff, symbols.sh_link, &strings,
                      sizeof(strings)) ||
            strings.sh_type != SHT_STRTAB ||
            symbols.sh_entsize != sizeof(ElfW(Sym)))
            return refuse(elf, "its symbol table is damaged; install it again");
        return scan_symbols(elf, &symbols, &strings, entry);
    }
    return refuse(elf, "it has no dynamic symbols; build it with cc -shared "
                       "-fPIC and do not strip its section headers");
}

factor_status
elf_find_entry(const void *bytes, size_t len, struct elf_entry *ret_entry,
               struct factor_error *err)
{
    struct elf elf = {.bytes = bytes, .len = len, .err = err};
    struct elf_entry entry = {0};
    factor_status status = check_header(&elf);

    if (status == FACTOR_OK)
        status = check_segments(&elf);
    if (status == FACTOR_OK)
        status = find_symbols(&elf, &entry);
    if (status == FACTOR_OK)
        *ret_entry = entry;
    return status;
}
