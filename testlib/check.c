/* SPDX-License-Identifier: MIT */
/* testlib/check.c - what a plugin declares, shows and decides, against the
 * rules of the contract. */
#include "testlib/fake.h"

#include <string.h>

static const char *const parents[] = {
    "VALIDATION_ERROR",
    "REQUEST_FAILED",
    "INVALID_REQUEST",
    "REGISTRATION_FAILED",
    "UNEXPECTED_ERROR",
    "INVALID_DEVICE_TARGET",
    /* Of REST resources. */
    "ACCESS_FAILED",
    "INVALID_DATA",
    "NOT_FOUND",
    "REQUEST_LIMITED",
    "UNIQUENESS_VIOLATION",
    NULL,
};

bool
fake_listed(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

const struct factor_state *
fake_state(const struct factor_description *about, const char *name)
{
    const struct factor_state *const *state;

    for (state = about->states; *state; state++)
        if (strcmp((*state)->name, name) == 0)
            return *state;
    return NULL;
}

const struct factor_action *
fake_action(const struct factor_description *about, const char *name)
{
    const struct factor_action *const *action;

    for (action = about->actions; *action; action++)
        if (strcmp((*action)->name, name) == 0)
            return *action;
    return NULL;
}

const struct factor_code *
fake_code(const struct factor_description *about, const char *code)
{
    const struct factor_code *const *at;

    for (at = about->codes; at && *at; at++)
        if (strcmp((*at)->code, code) == 0)
            return *at;
    return NULL;
}

const struct factor_resource *
fake_resource(const struct factor_description *about, const char *name)
{
    const struct factor_resource *const *at;

    for (at = about->resources; at && *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

/* --- What is declared --- */

static bool
ops_fit(const struct factor_plugin *plugin)
{
    static const size_t ops_sizes[] = {
        [FACTOR_KIND_ADAPTER] = sizeof(struct factor_adapter_ops),
        [FACTOR_KIND_DELIVERY] = sizeof(struct factor_delivery_ops),
        [FACTOR_KIND_SOURCE] = sizeof(struct factor_source_ops),
        [FACTOR_KIND_STORE] = sizeof(struct factor_store_ops),
    };
    const uint32_t *struct_size = plugin->ops;

    return plugin->kind >= FACTOR_KIND_ADAPTER &&
           plugin->kind <= FACTOR_KIND_STORE && struct_size &&
           *struct_size == ops_sizes[plugin->kind];
}

static bool
check_settings(const struct factor_setting *const *setting, char *problem)
{
    for (; setting && *setting; setting++) {
        if ((*setting)->struct_size != sizeof(**setting) || !(*setting)->name)
            return fake_say(problem,
                            "a setting's struct_size or name is not set");
        if ((*setting)->type < FACTOR_SETTING_STRING ||
            (*setting)->type > FACTOR_SETTING_ANY)
            return fake_say(problem, "setting %s: no such type",
                            (*setting)->name);
        if (!(*setting)->text)
            return fake_say(problem, "setting %s has no text",
                            (*setting)->name);
        if (!check_settings((*setting)->members, problem))
            return false;
    }
    return true;
}

/* Functions that an adapter must have; the host calls them unasked. */
static bool
check_ops(const struct factor_plugin *plugin, char *problem)
{
    const struct factor_adapter_ops *ops = plugin->ops;

    if (plugin->kind != FACTOR_KIND_ADAPTER)
        return true;
    if (!ops->init || !ops->describe || !ops->get_state_model ||
        !ops->handle_action || !ops->fini)
        return fake_say(problem, "an adapter's function is missing");
    return true;
}

bool
fake_check_plugin(const struct factor_plugin *plugin, char *problem)
{
    if (plugin->struct_size != sizeof(*plugin))
        return fake_say(problem, "the plugin's struct_size is %u, not %zu",
                        plugin->struct_size, sizeof(*plugin));
    if (plugin->abi_minor > FACTOR_ABI_MINOR || plugin->flags)
        return fake_say(problem, "built for minor %u, not %u, or unknown flags",
                        plugin->abi_minor, FACTOR_ABI_MINOR);
    if (!plugin->name || !plugin->version || !plugin->text)
        return fake_say(problem, "name, version or text is missing");
    if (!ops_fit(plugin))
        return fake_say(problem, "kind or the struct_size of its ops is wrong");
    return check_ops(plugin, problem) &&
           check_settings(plugin->settings, problem);
}

static bool
check_fields(const struct factor_field *const *field, const char *action,
             char *problem)
{
    for (; field && *field; field++) {
        if ((*field)->struct_size != sizeof(**field) || !(*field)->name)
            return fake_say(problem, "action %s: a field's struct_size or name",
                            action);
        if ((*field)->type < FACTOR_FIELD_STRING ||
            (*field)->type > FACTOR_FIELD_OBJECT)
            return fake_say(problem, "field %s: no such type", (*field)->name);
        if (!check_fields((*field)->fields, action, problem))
            return false;
    }
    return true;
}

static bool
check_actions(const struct factor_description *about, char *problem)
{
    const struct factor_action *const *at, *action;
    const char *const *code;

    for (at = about->actions; *at; at++) {
        action = *at;
        if (action->struct_size != sizeof(*action) || !action->name)
            return fake_say(problem, "an action's struct_size or name");
        if (fake_action(about, action->name) != action)
            return fake_say(problem, "action %s is declared twice",
                            action->name);
        if ((action->flags & FACTOR_ACTION_MEASURE) &&
            !(action->flags & FACTOR_ACTION_OPERATOR))
            return fake_say(problem, "action %s measures: no client takes it",
                            action->name);
        for (code = action->errors; code && *code; code++)
            if (!fake_code(about, *code))
                return fake_say(problem, "action %s: code %s is not declared",
                                action->name, *code);
        if (!check_fields(action->fields, action->name, problem))
            return false;
    }
    return true;
}

static bool
check_states(const struct factor_description *about, char *problem)
{
    const struct factor_state *const *at, *state;
    const char *const *action;

    for (at = about->states; *at; at++) {
        state = *at;
        if (state->struct_size != sizeof(*state) || !state->name)
            return fake_say(problem, "a state's struct_size or name");
        if (fake_state(about, state->name) != state)
            return fake_say(problem, "state %s is declared twice", state->name);
        for (action = state->actions; action && *action; action++)
            if (!fake_action(about, *action))
                return fake_say(problem, "state %s: action %s is not declared",
                                state->name, *action);
    }
    return true;
}

static bool
check_codes(const struct factor_description *about, char *problem)
{
    const struct factor_code *const *at, *code;

    for (at = about->codes; at && *at; at++) {
        code = *at;
        if (code->struct_size != sizeof(*code) || !code->code || !code->message)
            return fake_say(problem, "a code's struct_size, code or message");
        if (!code->parent || !fake_listed(parents, code->parent))
            return fake_say(problem, "code %s: no such parent \"%s\"",
                            code->code, code->parent ? code->parent : "(null)");
    }
    return true;
}

static bool
in_english(const struct factor_description *about, const char *key)
{
    const struct factor_text *const *at;

    for (at = about->texts; *at; at++)
        if (strcmp((*at)->key, key) == 0 && strcmp((*at)->language, "en") == 0)
            return true;
    return false;
}

static bool
check_texts(const struct factor_description *about, char *problem)
{
    const struct factor_text *const *at, *text;

    for (at = about->texts; at && *at; at++) {
        text = *at;
        if (text->struct_size != sizeof(*text) || !text->key ||
            !text->language || !text->text)
            return fake_say(problem, "a text's struct_size or a member");
        if (!in_english(about, text->key))
            return fake_say(problem, "text %s is not there in English",
                            text->key);
    }
    return true;
}

static bool
check_resources(const struct factor_description *about, char *problem)
{
    const struct factor_resource *const *at, *resource;

    for (at = about->resources; at && *at; at++) {
        resource = *at;
        if (resource->struct_size != sizeof(*resource) || !resource->name ||
            !resource->method || !resource->path)
            return fake_say(problem, "a resource's struct_size or a member");
        if (fake_resource(about, resource->name) != resource)
            return fake_say(problem, "resource %s is declared twice",
                            resource->name);
    }
    return true;
}

static bool
check_page_parts(const struct factor_description *about, char *problem)
{
    const struct factor_page_part *const *at;
    const char *const *state;

    for (at = about->page_parts; at && *at; at++) {
        if ((*at)->struct_size != sizeof(**at) || (*at)->flags ||
            !(*at)->file || strchr((*at)->file, '/') ||
            (*at)->file[0] == '.')
            return fake_say(problem, "a page part's struct_size or file");
        for (state = (*at)->states; state && *state; state++)
            if (!fake_state(about, *state))
                return fake_say(problem, "page part %s: state %s is not "
                                         "declared", (*at)->file, *state);
    }
    return true;
}

bool
fake_check_tables(const struct factor_description *about, char *problem)
{
    if (!about)
        return fake_say(problem, "describe() returned NULL");
    if (about->struct_size != sizeof(*about) ||
        (about->flags & ~(uint32_t)FACTOR_ADAPTER_FIRST))
        return fake_say(problem, "the description's struct_size or flags");
    if (!about->states || !about->actions)
        return fake_say(problem, "states and actions may not be NULL");
    return check_codes(about, problem) && check_actions(about, problem) &&
           check_states(about, problem) && check_texts(about, problem) &&
           check_resources(about, problem) &&
           check_page_parts(about, problem);
}

/* --- What is shown --- */

/* Members of the envelope, which are the host's. */
static const char *const envelope[] = {
    "id", "status", "pluginTypeId", "_links", "_pf_authn_api_state", NULL,
};

static bool
check_view(const struct factor_state *state, const json_t *view, char *problem)
{
    const char *key;
    json_t *value;

    if (!json_is_object(view))
        return fake_say(problem, "state %s: the view is no object",
                        state->name);
    json_object_foreach((json_t *)(uintptr_t)view, key, value) {
        if (fake_listed(envelope, key))
            return fake_say(problem, "state %s: member %s is the host's",
                            state->name, key);
        if (!fake_listed(state->members, key))
            return fake_say(problem, "state %s: member %s is not declared",
                            state->name, key);
    }
    return true;
}

static bool
check_failure(const struct factor_description *about,
              const struct factor_state *state, const char *failure,
              char *problem)
{
    if (!(state->flags & FACTOR_STATE_FAILED))
        return !failure ||
               fake_say(problem, "state %s is not a failed one", state->name);
    if (!failure || !fake_code(about, failure))
        return fake_say(problem, "state %s: failure \"%s\" is no declared code",
                        state->name, failure ? failure : "(null)");
    return true;
}

bool
fake_check_sight(const struct factor_description *about, const json_t *sight,
                 char *problem)
{
    const char *name = fake_get(sight, "state");
    const struct factor_state *state = name ? fake_state(about, name) : NULL;
    json_t *action;
    size_t i;

    if (!state)
        return fake_say(problem,
                        "get_state_model: state \"%s\" is not declared",
                        name ? name : "(null)");
    json_array_foreach(json_object_get(sight, "actions"), i, action)
        if (!fake_listed(state->actions, json_string_value(action)))
            return fake_say(problem,
                            "state %s: action %s is not declared for it", name,
                            json_string_value(action));
    return check_view(state, json_object_get(sight, "view"), problem) &&
           check_failure(about, state, fake_get(sight, "failure"), problem);
}

/* --- What is decided --- */

static bool
check_details(const struct factor_test *test, const struct fake_job *job,
              const json_t *decision, char *problem)
{
    json_t *detail, *inner;
    const char *code;
    size_t i;

    json_array_foreach(json_object_get(decision, "details"), i, detail) {
        code = fake_get(detail, "code");
        if (!code || !fake_code(test->about, code))
            return fake_say(problem, "detail code \"%s\" is not declared",
                            code ? code : "(null)");
        if (job->action && !fake_listed(job->action->errors, code))
            return fake_say(problem, "action %s does not declare error %s",
                            job->action->name, code);
        inner = json_object_get(detail, "inner");
        if (!json_is_null(inner) && !json_is_object(inner))
            return fake_say(problem, "detail %s: inner is no object", code);
    }
    return true;
}

static bool
is_object_or_null(const json_t *decision, const char *key, char *problem)
{
    const json_t *value = json_object_get(decision, key);

    return json_is_object(value) || json_is_null(value) ||
           fake_say(problem, "outcome.%s is no object", key);
}

static bool
check_ask(const json_t *decision, char *problem)
{
    const json_t *questions = json_object_get(decision, "questions");
    json_t *question;
    size_t i;

    if (json_array_size(questions) == 0)
        return fake_say(problem, "FACTOR_ASK without questions");
    json_array_foreach(questions, i, question)
        if (!fake_get(question, "name") || !fake_get(question, "source") ||
            !json_is_object(json_object_get(question, "input")))
            return fake_say(problem, "a question's name, source or input");
    return true;
}

static bool
check_continue(const struct factor_test *test, const struct fake_job *job,
               const json_t *decision, char *problem)
{
    const char *state = fake_get(decision, "state");

    if (job->asker == FAKE_OPERATOR || job->asker == FAKE_REST)
        return true;
    if (!state || !fake_state(test->about, state))
        return fake_say(problem, "FACTOR_CONTINUE in state \"%s\"",
                        state ? state : "(null)");
    return true;
}

static bool
check_success(const struct factor_test *test, const struct fake_job *job,
              const json_t *decision, char *problem)
{
    const char *subject = fake_get(decision, "subject");

    bool in_flow = job->asker != FAKE_OPERATOR && job->asker != FAKE_REST;

    if (subject && test->subject && strcmp(subject, test->subject) != 0)
        return fake_say(problem, "success for another user than the flow's");
    if (in_flow && !subject && !test->subject)
        return fake_say(problem, "success, and nobody knows who it is");
    if (job->asker != FAKE_REST &&
        json_array_size(json_object_get(decision, "details")))
        return fake_say(problem, "success with details");
    if (fake_int(decision, "kinds") &
        ~(json_int_t)(FACTOR_KIND_KNOWLEDGE | FACTOR_KIND_POSSESSION |
                      FACTOR_KIND_INHERENCE))
        return fake_say(problem, "unknown bits in outcome.kinds");
    return true;
}

/* There is no flow that could fail, and nobody to wait for a source. */
static bool
check_rest(const json_t *decision, char *problem)
{
    uint32_t verdict = (uint32_t)fake_int(decision, "verdict");
    json_int_t status = fake_int(decision, "http_status");

    if (verdict != FACTOR_SUCCESS && verdict != FACTOR_CONTINUE)
        return fake_say(problem, "a resource's verdict is neither success nor "
                                 "continue");
    if (status && (status < 200 || status > 599))
        return fake_say(problem, "a resource's status is %lld",
                        (long long)status);
    if (json_array_size(json_object_get(decision, "details")) && status &&
        status < 400)
        return fake_say(problem, "details with status %lld",
                        (long long)status);
    return true;
}

/* The host drops what a measuring action would write. */
static bool
check_measure(const struct fake_job *job, const json_t *decision,
              char *problem)
{
    static const char *const effects[] = { "puts",   "removes", "sends",
                                           "audits", "unknown", NULL };
    const char *const *effect;

    if (!job->action || !(job->action->flags & FACTOR_ACTION_MEASURE))
        return true;
    for (effect = effects; *effect; effect++)
        if (json_array_size(json_object_get(decision, *effect)))
            return fake_say(problem, "action %s measures, and has effects",
                            job->action->name);
    return true;
}

bool
fake_check_decision(const struct factor_test *test, const struct fake_job *job,
                    const json_t *decision, char *problem)
{
    const json_t *sends = json_object_get(decision, "sends");

    if (!is_object_or_null(decision, "data", problem) ||
        !is_object_or_null(decision, "attributes", problem) ||
        !check_details(test, job, decision, problem) ||
        !check_measure(job, decision, problem))
        return false;
    if ((job->flags & FACTOR_STEP_SEND_REFUSED) && json_array_size(sends))
        return fake_say(problem, "a send in spite of FACTOR_STEP_SEND_REFUSED");
    if (job->asker == FAKE_REST && !check_rest(decision, problem))
        return false;
    switch ((uint32_t)fake_int(decision, "verdict")) {
    case FACTOR_CONTINUE:
        return check_continue(test, job, decision, problem);
    case FACTOR_SUCCESS:
        return check_success(test, job, decision, problem);
    case FACTOR_FAILURE:
        return true;
    case FACTOR_ASK:
        return check_ask(decision, problem);
    default:
        return fake_say(problem, "verdict %lld is none",
                        (long long)fake_int(decision, "verdict"));
    }
}
