/* SPDX-License-Identifier: MIT */
/* ctl/ask.h - what a command was given, and its request to the daemon. */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What was asked on the command line. */
struct request {
    const char *socket;
    bool json;
    const char *adapter; /* which instance; NULL: as the command says */
    char **args;         /* after the command's words */
    int arg_count;
};

/* Say what is wrong; EXIT_FAILURE. */
int fail(const char *text);

/* The answer, or NULL after saying what was wrong.  The JSON of a refusal is
 * shown with --json, too. */
json_t *ask(const struct request *request, const char *method,
            const char *path, const char *body, size_t len);

/* The same for a command that ends with it: the answer as JSON, or by print;
 * takes path over, NULL: no memory. */
int ask_and_print(const struct request *request, const char *method,
                  char *path, const char *body,
                  void (*print)(json_t *answer));

/* Ask, and print the whole answer or nothing but that it is done. */
int tell(const struct request *request, const char *method, const char *path,
         const char *body, const char *done);

#endif
