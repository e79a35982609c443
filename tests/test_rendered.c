/* SPDX-License-Identifier: MIT */
/* tests/test_rendered.c - rendered states: whose they are, how long they
 * hold, and how much room they take. */
#include "host/flow/rendered.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

static const char flow[] = "0123456789abcdefghijkl";
static const char cookie[] = "one.secret", other_cookie[] = "one.sicret";

static atomic_uint stamps[2];
static struct cache_mark marks[2];

static struct rendered_state
state_of(const char *body)
{
    const struct rendered_state state = {
        .body = body,
        .body_len = strlen(body),
        .from_ms = 1000,
        .until_ms = 2000,
        .marks = marks,
        .mark_count = 2,
    };
    size_t i;

    for (i = 0; i < 2; i++) {
        marks[i].stamp = &stamps[i];
        marks[i].value = atomic_load(&stamps[i]);
    }
    return state;
}

/* Whether there is a copy, and it is this one; NULL: there is none. */
static bool
finds(struct rendered *rendered, const struct rendered_key *key,
      int64_t now_ms, const char *body)
{
    const struct client *client;
    size_t len = 0;
    char *seen = rendered_get(rendered, key, now_ms, &len, &client);
    bool found = seen && body ? len == strlen(body) && strcmp(seen, body) == 0
                              : !seen && !body;

    free(seen);
    return found;
}

static void
is_for_one(void)
{
    struct rendered *rendered = rendered_new(1 << 20);
    const struct rendered_key key = {flow, cookie, "de"};
    const struct rendered_key others[] = {
        {flow, other_cookie, "de"}, {flow, "one", "de"}, {flow, "", "de"},
        {flow, cookie, "en"},       {flow, cookie, NULL},
        {"0123456789abcdefghijkm", cookie, "de"},
    };
    const struct rendered_state state = state_of("{\"a\":1}");
    size_t i;

    rendered_put(rendered, &key, &state);
    for (i = 0; i < TAP_COUNT(others); i++)
        CU_ASSERT_TRUE(finds(rendered, &others[i], 1500, NULL));
    CU_ASSERT_TRUE(finds(rendered, &key, 1500, "{\"a\":1}"));
    rendered_free(rendered);
}

static void
holds_for_a_time(void)
{
    struct rendered *rendered = rendered_new(1 << 20);
    const struct rendered_key key = {flow, cookie, NULL};
    const struct rendered_state state = state_of("{}");

    rendered_put(rendered, &key, &state);
    CU_ASSERT_TRUE(finds(rendered, &key, 1000, "{}"));
    CU_ASSERT_TRUE(finds(rendered, &key, 1999, "{}"));
    CU_ASSERT_TRUE(finds(rendered, &key, 2000, NULL));
    rendered_put(rendered, &key, &state);
    CU_ASSERT_TRUE(finds(rendered, &key, 999, NULL)); /* a clock set back */
    CU_ASSERT_TRUE(finds(rendered, &key, 1500, NULL));
    rendered_free(rendered);
}

static void
holds_while_nothing_moves(void)
{
    struct rendered *rendered = rendered_new(1 << 20);
    const struct rendered_key key = {flow, cookie, NULL};
    struct rendered_state state = state_of("{}");

    rendered_put(rendered, &key, &state);
    CU_ASSERT_TRUE(finds(rendered, &key, 1500, "{}"));
    atomic_fetch_add(&stamps[1], 1);
    CU_ASSERT_TRUE(finds(rendered, &key, 1500, NULL));
    rendered_put(rendered, &key, &state); /* of marks that are old already */
    CU_ASSERT_TRUE(finds(rendered, &key, 1500, NULL));
    state = state_of("{\"b\":2}");
    rendered_put(rendered, &key, &state);
    CU_ASSERT_TRUE(finds(rendered, &key, 1500, "{\"b\":2}"));
    marks[0].stamp = NULL;
    rendered_put(rendered, &key, &state);
    CU_ASSERT_TRUE(finds(rendered, &key, 1500, NULL));
    state.mark_count = 0;
    rendered_put(rendered, &key, &state);
    CU_ASSERT_TRUE(finds(rendered, &key, 1500, NULL));
    rendered_free(rendered);
}

static void
is_bounded(void)
{
    struct rendered *rendered = rendered_new(256 * 1024);
    const struct rendered_state state = state_of("{\"c\":3}");
    struct rendered_key key = {NULL, cookie, NULL};
    char name[24], large[32 * 1024];
    struct rendered_state too_large;
    size_t i, kept = 0;

    for (i = 0; i < 4000; i++) {
        snprintf(name, sizeof(name), "flow-%zu", i);
        key.flow = name;
        rendered_put(rendered, &key, &state);
    }
    for (i = 0; i < 4000; i++) {
        snprintf(name, sizeof(name), "flow-%zu", i);
        kept += finds(rendered, &key, 1500, "{\"c\":3}");
    }
    CU_ASSERT(kept > 100);
    CU_ASSERT(kept < 1000);
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    too_large = state_of(large);
    rendered_put(rendered, &key, &too_large);
    CU_ASSERT_FALSE(finds(rendered, &key, 1500, large));
    rendered_free(rendered);
}

int
main(void)
{
    static const struct tap_test tests[] = {
        {"a copy is for one flow, one cookie and one language", is_for_one},
        {"it holds from when it was seen until it says", holds_for_a_time},
        {"it holds while nothing of it moves", holds_while_nothing_moves},
        {"copies are bounded in number and in size", is_bounded},
    };

    return tap_main("rendered", tests, TAP_COUNT(tests));
}
