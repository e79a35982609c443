/* SPDX-License-Identifier: MIT */
/* tests/confine.c - runs a command within bounds such as systemd sets:
 *
 *     confine NUMBER,NUMBER,... COMMAND [ARGUMENT]...
 *
 * Of the system calls only these are there, any other ends the process; no
 * socket but of IP and unix, no memory that is written and run, no capability,
 * no new privilege, no core dump. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { ARCHITECTURE = (int)AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__)
enum { ARCHITECTURE = (int)AUDIT_ARCH_AARCH64 };
#else
enum { ARCHITECTURE = 0 };
#endif

enum { FILTER_MAX = 2048, CAPABILITIES = 64, EXIT_SKIP = 77 };

static struct sock_filter filter[FILTER_MAX];
static unsigned short filter_len;

static void
add(unsigned code, unsigned value, unsigned if_true, unsigned if_false)
{
    const struct sock_filter line = {
        .code = (unsigned short)code,
        .jt = (unsigned char)if_true,
        .jf = (unsigned char)if_false,
        .k = value,
    };

    if (filter_len < FILTER_MAX)
        filter[filter_len++] = line;
}

static void
load(size_t offset)
{
    add(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

static void
end(unsigned verdict)
{
    add(BPF_RET | BPF_K, verdict, 0, 0);
}

/* The next `skipped` lines are for this number alone. */
static void
only_for(long number, unsigned skipped)
{
    add(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, skipped);
}

/* End the process where (argument & mask) == bad. */
static void
refuse_bits(long number, int argument, unsigned mask, unsigned bad)
{
    only_for(number, 5);
    load(offsetof(struct seccomp_data, args) + 8 * (unsigned)argument);
    add(BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
    add(BPF_JMP | BPF_JEQ | BPF_K, bad, 0, 1);
    end(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(struct seccomp_data, nr));
}

static void
only_families(void)
{
    static const unsigned families[] = {AF_UNIX, AF_INET, AF_INET6};
    size_t i;

    only_for(SYS_socket, 6);
    load(offsetof(struct seccomp_data, args));
    for (i = 0; i < 3; i++)
        add(BPF_JMP | BPF_JEQ | BPF_K, families[i], 3 - (unsigned)i, 0);
    end(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(struct seccomp_data, nr));
}

static void
make_filter(const char *numbers)
{
    char *next;

    load(offsetof(struct seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)ARCHITECTURE, 1, 0);
    end(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(struct seccomp_data, nr));
    refuse_bits(SYS_mmap, 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC);
    refuse_bits(SYS_mprotect, 2, PROT_EXEC, PROT_EXEC);
    only_families();
    for (; *numbers; numbers = *next == ',' ? next + 1 : next) {
        only_for(strtol(numbers, &next, 10), 1);
        end(SECCOMP_RET_ALLOW);
        if (next == numbers)
            exit(EXIT_FAILURE);
    }
    end(SECCOMP_RET_KILL_PROCESS);
}

static void
drop_capabilities(void)
{
    struct __user_cap_header_struct header = {
        .version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    int i;

    for (i = 0; i < CAPABILITIES; i++)
        prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    syscall(SYS_capset, &header, none);
}

int
main(int argc, char **argv)
{
    const struct rlimit no_core = {0, 0};
    struct sock_fprog program = {.filter = filter};

    if (argc < 3)
        return EXIT_FAILURE;
    if (ARCHITECTURE == 0)
        return EXIT_SKIP;
    make_filter(argv[1]);
    program.len = filter_len;
    setrlimit(RLIMIT_CORE, &no_core);
    drop_capabilities();
    if (filter_len == FILTER_MAX || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        fprintf(stderr, "confine: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    execv(argv[2], argv + 2);
    fprintf(stderr, "confine: %s: %s\n", argv[2], strerror(errno));
    return EXIT_FAILURE;
}
