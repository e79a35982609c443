/* SPDX-License-Identifier: MIT */
/* tests/mfa_rig.h - the MFA adapter under the fake host, with a user kim, for
 * the tests of pairing, management and operators. */
#ifndef TESTS_MFA_RIG_H
#define TESTS_MFA_RIG_H

#include <stdbool.h>

#include <jansson.h>

#include "factor/test.h"

#define KIM "44444444-4444-4444-8444-444444444444"
#define APP "7f0e0000-0000-4000-8000-000000000001"
#define OTHER_APP "7f0e0000-0000-4000-8000-000000000002"
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

/* Settings, as members of an object. */
#define ONE_APP                                                                \
    "\"applications\": [{\"name\": \"Authenticator\", \"id\": \"" APP "\"}]"
#define NO_COOLDOWN "\"resend_cooldown\": \"0s\""
#define SETUP "\"prompt_setup\": true"
#define MANAGE "\"manage_devices\": true"
#define FIRST_ALLOWED "\"first_device\": \"allowed\""
#define FIRST_EMAIL "\"first_device\": \"email-confirmed\""
#define OPEN "{" ONE_APP ", " NO_COOLDOWN ", " SETUP ", " FIRST_ALLOWED "}"
#define MANAGED "{" ONE_APP ", " NO_COOLDOWN ", " MANAGE "}"

/* The key of doc/phone-protocol.md, section 10, and its check value. */
#define PHONE_CHECK "D2WV7S"
extern const char phone_pem[], other_pem[];
json_t *phone_jwk(void);
json_t *other_jwk(void);

struct scene {
    struct factor_test *t;
    const struct factor_test_reply *reply;
    char code[16];   /* of the last message that had one */
    char device[64]; /* id of the device that was last made */
};

/* To be given to tap_main_with(). */
int mfa_set_up(void);
const struct factor_plugin *mfa_plugin(void);

const char *text(const json_t *json, const char *name);
json_int_t number(const json_t *json, const char *name);
bool flag(const json_t *json, const char *name);
json_t *parse(const char *source);

/* Settings: the text of an object. */
struct scene open_scene(const char *settings);
void adopt_scene(struct scene *s, struct factor_test *test);
void close_scene(struct scene *s);
void begin(struct scene *s);

/* more is stolen. */
void seed_device(struct scene *s, const char *id, json_t *more);
void seed_email(struct scene *s, const char *id);
void seed_phone(struct scene *s, const char *id, const char *status);
/* Change members of a record, as if by another step. */
void change(struct scene *s, const char *collection, const char *id,
            json_t *members);
const json_t *device(const struct scene *s, const char *id);
size_t device_count(const struct scene *s);

void act(struct scene *s, const char *action, json_t *fields);
void operate(struct scene *s, const char *action, json_t *fields);
void get(struct scene *s);
void authenticate(struct scene *s);
void act_on(struct scene *s, const char *action, const char *device);
void submit(struct scene *s, const char *action, const char *field,
            const char *value);
void enter_code(struct scene *s, const char *action, const char *code);
void enter_wrong(struct scene *s, const char *action);
void choose_method(struct scene *s, const char *type);
/* Up to DEVICE_PAIRING_METHOD_REQUIRED of a user without devices. */
void to_menu(struct scene *s);
/* Up to DEVICE_MANAGEMENT, by the seeded mailbox "d-email". */
void to_management(struct scene *s);

bool in_state(const struct scene *s, const char *state);
bool is_error(const struct scene *s, const char *top, const char *detail);
bool failed_with(const struct scene *s, const char *state, const char *code);
bool has_status(const struct scene *s, const char *status);
bool has_amr(const struct scene *s, const char *words);
bool has_audit(const struct scene *s, const char *event);
/* The message by this template that the last step sent, or NULL. */
const json_t *message(const struct scene *s, const char *template_id);
/* A device in the view, or NULL. */
const json_t *listed(const struct scene *s, const char *id);

#endif
