/* SPDX-License-Identifier: MIT */
/* tests/test_describe.c - what adapters declare, copied: structs of plugins
 * that were built with another minor of the contract. */
#include <string.h>

#include "factor/declare.h"
#include "factor/resource.h"
#include "host/plugin/describe.h"
#include "tests/tap.h"

/* As a later minor would have it: one member more. */
struct longer_field {
    struct factor_field field;
    const char *later;
};
static struct longer_field longer = {
    .field = {.struct_size = sizeof(longer), .type = FACTOR_FIELD_STRING,
              .name = "longer", .max_len = 7},
    .later = "unknown",
};
static struct factor_field shorter = {
    .struct_size = offsetof(struct factor_field, text),
    .type = FACTOR_FIELD_STRING, .name = "shorter"};

static const struct factor_field *const fields[] = {
    FACTOR_FIELD(.type = FACTOR_FIELD_OBJECT, .name = "outer",
                 .fields = (const struct factor_field *const[]){&longer.field,
                                                                NULL}),
    NULL};
static const struct factor_field *const short_fields[] = {
    FACTOR_FIELD(.type = FACTOR_FIELD_OBJECT, .name = "outer",
                 .fields = (const struct factor_field *const[]){&shorter,
                                                                NULL}),
    NULL};
static struct factor_resource resource = {
    FACTOR_SIZED(factor_resource), .name = "things.make", .method = "POST",
    .path = "/things", .body = fields};

static const struct factor_user_default user_default = {
    FACTOR_SIZED(factor_user_default), .member = "mfaEnabled",
    .collection = "a.b", .id = "c", .path = FACTOR_NAMES("there")};

static const struct factor_description theirs = {
    FACTOR_SIZED(factor_description),
    .states = FACTOR_STATES(FACTOR_STATE(.name = "HERE", .text = "Here.",
                                         .actions = FACTOR_NAMES("go"))),
    .actions = FACTOR_ACTIONS(FACTOR_ACTION(.name = "go", .fields = fields)),
    .codes = FACTOR_CODES(FACTOR_CODE("C", "REQUEST_FAILED", "No.", "c.no")),
    .texts = FACTOR_TEXTS(FACTOR_TEXT("c.no", "en", "No.")),
    .resources = (const struct factor_resource *const[]){&resource, NULL},
    .user_defaults =
        (const struct factor_user_default *const[]){&user_default, NULL},
};

static struct factor_arena *arena;
static struct factor_error err;

static const struct factor_description *
copied(factor_status wanted)
{
    const struct factor_description *ours = NULL;

    arena_free(arena);
    arena = arena_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    memset(&err, 0, sizeof(err));
    CU_ASSERT_EQUAL_FATAL(describe_copy(arena, &theirs, &ours, &err), wanted);
    return ours;
}

static void
copies_all_of_it(void)
{
    const struct factor_description *ours = copied(FACTOR_OK);

    CU_ASSERT_PTR_NOT_EQUAL(ours->states[0], theirs.states[0]);
    CU_ASSERT_STRING_EQUAL(ours->states[0]->actions[0], "go");
    CU_ASSERT_PTR_NULL(ours->states[1]);
    CU_ASSERT_STRING_EQUAL(ours->actions[0]->fields[0]->name, "outer");
    CU_ASSERT_STRING_EQUAL(ours->codes[0]->code, "C");
    CU_ASSERT_STRING_EQUAL(ours->texts[0]->text, "No.");
    CU_ASSERT_PTR_NULL(ours->page_parts);
    CU_ASSERT_STRING_EQUAL(ours->user_defaults[0]->path[0], "there");
    CU_ASSERT_PTR_NOT_EQUAL(ours->user_defaults[0], &user_default);
    CU_ASSERT_STRING_EQUAL(ours->resources[0]->path, "/things");
    CU_ASSERT_PTR_NULL(ours->resources[0]->answer);
}

static void
leaves_out_what_is_new(void)
{
    const struct factor_field *field =
        copied(FACTOR_OK)->resources[0]->body[0]->fields[0];

    CU_ASSERT_STRING_EQUAL(field->name, "longer");
    CU_ASSERT_EQUAL(field->max_len, 7);
    CU_ASSERT_EQUAL(field->struct_size, sizeof(*field));
}

static void
refuses_what_is_cut_short(void)
{
    resource.body = short_fields;
    copied(FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "factor_field"));
    resource.body = fields;
    resource.struct_size = 8;
    copied(FACTOR_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "factor_resource is 8"));
    resource.struct_size = sizeof(resource);
}

static const struct tap_test tests[] = {
    {"every table and every list", copies_all_of_it},
    {"a later minor's members are left out", leaves_out_what_is_new},
    {"a struct that is too short is named", refuses_what_is_cut_short},
};

static int
tear_down(void)
{
    arena_free(arena);
    arena = NULL;
    return 0;
}

int
main(void)
{
    static const struct tap_fixture fixture = {NULL, tear_down};

    return tap_main_with("describe", &fixture, tests, TAP_COUNT(tests));
}
