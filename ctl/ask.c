/* SPDX-License-Identifier: MIT */
/* ctl/ask.c - what a command was given, and its request to the daemon. */
#include "ctl/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/call.h"
#include "ctl/print.h"

int
fail(const char *text)
{
    fprintf(stderr, "factorctl: %s\n", text);
    return EXIT_FAILURE;
}

json_t *
ask(const struct request *request, const char *method, const char *path,
    const char *body, size_t len)
{
    struct call_answer answer;

    if (!call(request->socket, method, path, body, len, &answer)) {
        fail(answer.error);
        return NULL;
    }
    if (answer.status < 300)
        return answer.body;
    if (request->json)
        print_json(answer.body);
    print_refusal(answer.body);
    json_decref(answer.body);
    return NULL;
}

int
ask_and_print(const struct request *request, const char *method, char *path,
              const char *body, void (*print)(json_t *answer))
{
    json_t *answer;

    if (!path)
        return fail("out of memory");
    answer = ask(request, method, path, body, body ? strlen(body) : 0);
    free(path);
    if (!answer)
        return EXIT_FAILURE;
    if (request->json)
        print_json(answer);
    else
        print(answer);
    json_decref(answer);
    return EXIT_SUCCESS;
}

int
tell(const struct request *request, const char *method, const char *path,
     const char *body, const char *done)
{
    json_t *answer = ask(request, method, path, body, body ? strlen(body) : 0);

    if (!answer)
        return EXIT_FAILURE;
    if (request->json)
        print_json(answer);
    else
        puts(done);
    json_decref(answer);
    return EXIT_SUCCESS;
}
