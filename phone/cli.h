/* SPDX-License-Identifier: MIT */
/* phone/cli.h - what the parts of factor-phone share. */
#ifndef PHONE_CLI_H
#define PHONE_CLI_H

#include <stdbool.h>

#include "phone/phone.h"
#include "phone/system.h"

/* Exit statuses, as the manual page has them. */
enum {
    CLI_DONE = 0,
    CLI_REFUSED = 1, /* the host, or what the phone thinks of it */
    CLI_USAGE = 2,
    CLI_NETWORK = 3,
    CLI_NOTHING = 4, /* nothing waits, no such pairing, the time is over */
    CLI_STATE = 5    /* the file, or this machine */
};

/* What was asked on the command line; texts may be NULL. */
struct cli {
    struct factor_phone *phone;
    struct system system;
    const char *state, *ca_file;
    bool json;
    const char *device; /* the pairing, by id, its beginning, or user */
    const char *issuer, *key, *name, *application, *push; /* pair */
    const char *client;                                   /* payload */
    const char *number, *number_file, *method, *reason;   /* answers */
    int64_t timeout_s; /* wait; -1: for ever */
    bool automatic, once, force;
    char **args; /* after the command's name */
    int arg_count;
};

/* Tell how the phone's last call failed; returns the exit status. */
int cli_failed(struct cli *cli);
/* The same with a text of our own. */
int cli_fail(const struct cli *cli, enum factor_phone_status status,
             const char *text);
/* The exit status of a phone's. */
int cli_exit_status(enum factor_phone_status status);

/* The pairings, or those that --device names.  CLI_DONE: there is one or
 * more. */
int cli_pairings(struct cli *cli, struct factor_phone_pairings **ret_list);
/* Is this one meant?  word NULL: any is. */
bool cli_means(const struct factor_phone_pairing *pairing, const char *word);
/* What the phone says of itself. */
struct factor_phone_about cli_about(const struct cli *cli);

/* Commands, see answer.c and wait.c. */
int cli_approve(struct cli *cli);
int cli_deny(struct cli *cli);
int cli_wait(struct cli *cli);

/* Approve a request of a pairing, with a number from wherever it comes, and
 * print the result.  An exit status. */
int cli_approve_one(struct cli *cli,
                    const struct factor_phone_pairing *pairing,
                    const struct factor_phone_request *request,
                    int64_t host_time_s);

#endif
