/* SPDX-License-Identifier: MIT */
/* phone/answer.c - factor-phone's approve and deny: which request, which
 * number. */
#include "phone/cli.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "phone/show.h"

enum { NUMBER_SIZE = 32, LOOK_MS = 200, LIFE_MAX_S = 600 };

/* --- the number --- */

/* Until when it makes sense to look for a number: the request's end, seen
 * from our clock. */
static int64_t
deadline_ms(const struct factor_phone_request *request, int64_t host_time_s)
{
    int64_t left_s = request->expires_at_s - host_time_s;

    if (host_time_s < 0 || left_s > LIFE_MAX_S)
        left_s = LIFE_MAX_S;
    return system_now_ms() + (left_s < 0 ? 0 : left_s) * 1000;
}

/* One line of standard input, or as much as came before its end; false: the
 * time is over, or nothing came.  By single bytes: the next line belongs to
 * the next request. */
static bool
read_line(char *ret_text, int64_t end_ms)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    size_t len = 0;
    int64_t left_ms;
    char byte;

    for (;;) {
        left_ms = end_ms - system_now_ms();
        if (left_ms <= 0 || poll(&input, 1, (int)left_ms) <= 0)
            return false;
        if (read(STDIN_FILENO, &byte, 1) != 1)
            break;
        if (byte == '\n')
            break;
        if (len < NUMBER_SIZE - 1)
            ret_text[len++] = byte;
    }
    ret_text[len] = '\0';
    return len > 0;
}

/* The file's first line, and empties it: a number is good for one request. */
static bool
take_file(const char *path, char *ret_text)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t len;
    bool emptied;

    if (fd < 0)
        return false;
    len = read(fd, ret_text, NUMBER_SIZE - 1);
    emptied = len > 0 && ftruncate(fd, 0) == 0;
    close(fd);
    if (!emptied)
        return false;
    ret_text[len] = '\0';
    ret_text[strcspn(ret_text, "\r\n")] = '\0';
    return ret_text[0] != '\0';
}

static bool
wait_for_file(const char *path, char *ret_text, int64_t end_ms)
{
    while (!take_file(path, ret_text)) {
        if (system_now_ms() >= end_ms)
            return false;
        system_sleep_ms(LOOK_MS);
    }
    return true;
}

/* From --number, --number-file or standard input; false: from nowhere. */
static bool
find_number(const struct cli *cli, const struct factor_phone_request *request,
            int64_t host_time_s, char *ret_text)
{
    int64_t end_ms = deadline_ms(request, host_time_s);

    if (cli->number) {
        if (strlen(cli->number) >= NUMBER_SIZE)
            return false;
        memcpy(ret_text, cli->number, strlen(cli->number) + 1);
        return true;
    }
    if (cli->number_file && strcmp(cli->number_file, "-") != 0)
        return wait_for_file(cli->number_file, ret_text, end_ms);
    if (isatty(STDIN_FILENO))
        fputs("The number that the page shows: ", stderr);
    else if (!cli->number_file && !cli->automatic)
        return false; /* nobody said that it comes from there */
    return read_line(ret_text, end_ms);
}

/* --- approving --- */

int
cli_approve_one(struct cli *cli, const struct factor_phone_pairing *pairing,
                const struct factor_phone_request *request,
                int64_t host_time_s)
{
    enum factor_phone_result result = FACTOR_PHONE_DENIED;
    char number[NUMBER_SIZE] = "";
    enum factor_phone_status status;

    if (request->number != FACTOR_PHONE_NO_NUMBER &&
        !find_number(cli, request, host_time_s, number))
        return cli_fail(cli, FACTOR_PHONE_USAGE,
                        "the request wants the number that the page shows");
    status = factor_phone_approve(cli->phone, pairing->device, request,
                                  number[0] ? number : NULL, cli->method,
                                  &result);
    if (status)
        return cli_failed(cli);
    show_result(request, result, cli->json);
    return result == FACTOR_PHONE_APPROVED ? CLI_DONE : CLI_REFUSED;
}

static int
deny_one(struct cli *cli, const struct factor_phone_pairing *pairing,
         const struct factor_phone_request *request,
         enum factor_phone_reason reason)
{
    enum factor_phone_result result = FACTOR_PHONE_DENIED;

    if (factor_phone_deny(cli->phone, pairing->device, request, reason,
                          &result))
        return cli_failed(cli);
    show_result(request, result, cli->json);
    return result == FACTOR_PHONE_DENIED ? CLI_DONE : CLI_REFUSED;
}

/* --- which request --- */

/* What waits for one pairing. */
struct waiting {
    const struct factor_phone_pairing *pairing;
    struct factor_phone_requests *requests;
};

/* What waits for all of them; a pairing that cannot be asked is told, and
 * *ret_status is why. */
static size_t
ask_all(struct cli *cli, const struct factor_phone_pairings *pairings,
        struct waiting *ret_waiting, int *ret_status)
{
    size_t count = 0, i;

    for (i = 0; i < pairings->count; i++) {
        ret_waiting[count].pairing = &pairings->items[i];
        if (factor_phone_ask(cli->phone, pairings->items[i].device, 0,
                             &ret_waiting[count].requests))
            *ret_status = cli_failed(cli);
        else
            count++;
    }
    return count;
}

struct choice {
    const struct factor_phone_pairing *pairing;
    const struct factor_phone_request *request;
    int64_t time_s;
    size_t count; /* how many were meant */
};

/* The request of this id, or whose id begins so; word NULL: any. */
static void
choose(const struct waiting *waiting, size_t count, const char *word,
       struct choice *ret_choice)
{
    const struct factor_phone_request *request;
    size_t i, j;

    for (i = 0; i < count; i++)
        for (j = 0; j < waiting[i].requests->count; j++) {
            request = &waiting[i].requests->items[j];
            if (word && strncmp(request->id, word, strlen(word)) != 0)
                continue;
            ret_choice->pairing = waiting[i].pairing;
            ret_choice->request = request;
            ret_choice->time_s = waiting[i].requests->time_s;
            ret_choice->count++;
        }
}

/* Several wait, and it is not said which is meant. */
static int
tell_choices(const struct cli *cli, const struct waiting *waiting,
             size_t count)
{
    const struct factor_phone_requests *requests;
    size_t i, j;

    for (i = 0; i < count; i++) {
        requests = waiting[i].requests;
        for (j = 0; j < requests->count; j++)
            show_request(waiting[i].pairing, &requests->items[j],
                         requests->time_s, cli->json);
    }
    return cli_fail(cli, FACTOR_PHONE_USAGE,
                    "several requests wait; say which one");
}

typedef int answer_fn(struct cli *cli, const struct choice *choice);

static int
answer_chosen(struct cli *cli, const struct factor_phone_pairings *pairings,
              struct waiting *waiting, answer_fn *answer)
{
    const char *word = cli->arg_count > 0 ? cli->args[0] : NULL;
    struct choice choice = { 0 };
    int status = CLI_NOTHING;
    size_t count = ask_all(cli, pairings, waiting, &status), i;

    choose(waiting, count, word, &choice);
    if (choice.count > 1)
        status = tell_choices(cli, waiting, count);
    else if (choice.count == 1)
        status = answer(cli, &choice);
    else if (status == CLI_NOTHING)
        cli_fail(cli, FACTOR_PHONE_NOT_FOUND,
                 word ? "no such request waits" : "nothing waits");
    for (i = 0; i < count; i++)
        factor_phone_requests_free(waiting[i].requests);
    return status;
}

static int
answer(struct cli *cli, answer_fn *answer_one)
{
    struct factor_phone_pairings *pairings = NULL;
    int status = cli_pairings(cli, &pairings);
    struct waiting *waiting;

    if (status != CLI_DONE)
        return status;
    waiting = calloc(pairings->count, sizeof(*waiting));
    status = waiting ? answer_chosen(cli, pairings, waiting, answer_one)
                     : cli_fail(cli, FACTOR_PHONE_MEMORY, "out of memory");
    free(waiting);
    factor_phone_pairings_free(pairings);
    return status;
}

/* --- the commands --- */

static int
approve_choice(struct cli *cli, const struct choice *choice)
{
    return cli_approve_one(cli, choice->pairing, choice->request,
                           choice->time_s);
}

int
cli_approve(struct cli *cli)
{
    return answer(cli, approve_choice);
}

static const struct {
    const char *word;
    enum factor_phone_reason reason;
} reasons[] = {
    { "none", FACTOR_PHONE_NO_REASON },
    { "fraud", FACTOR_PHONE_FRAUD },
    { "biometrics", FACTOR_PHONE_BIOMETRICS },
};

/* The reason of --reason; false: there is no such. */
static bool
find_reason(const char *word, enum factor_phone_reason *ret_reason)
{
    size_t i;

    for (i = 0; word && i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (strcmp(reasons[i].word, word) == 0) {
            *ret_reason = reasons[i].reason;
            return true;
        }
    *ret_reason = FACTOR_PHONE_NO_REASON;
    return !word;
}

static int
deny_choice(struct cli *cli, const struct choice *choice)
{
    enum factor_phone_reason reason;

    find_reason(cli->reason, &reason);
    return deny_one(cli, choice->pairing, choice->request, reason);
}

int
cli_deny(struct cli *cli)
{
    enum factor_phone_reason reason;

    if (!find_reason(cli->reason, &reason))
        return cli_fail(cli, FACTOR_PHONE_USAGE,
                        "--reason is none, fraud or biometrics");
    return answer(cli, deny_choice);
}
