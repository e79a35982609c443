/* SPDX-License-Identifier: MIT */
/* host/flow/policy.c - sign-on policies. */
#include "host/flow/policy.h"

#include <stdlib.h>
#include <string.h>

#include "host/json.h"

struct policies {
    size_t count;
    struct policy *list;
};

static const struct adapter *
find_adapter(const struct adapter *adapters, size_t count, const char *name)
{
    size_t i;

    for (i = 0; name && i < count; i++)
        if (strcmp(adapters[i].name, name) == 0)
            return &adapters[i];
    return NULL;
}

static bool
read_steps(struct policy *policy, const json_t *steps,
           const struct adapter *adapters, size_t adapter_count)
{
    const char *name;
    json_t *entry;
    size_t i;

    policy->step_count = json_array_size(steps);
    policy->steps =
        calloc(policy->step_count + 1, sizeof(policy->steps[0]));
    if (!policy->steps)
        return false;
    json_array_foreach(steps, i, entry) {
        name = json_text(entry, "adapter");
        policy->steps[i].adapter = find_adapter(adapters, adapter_count, name);
        policy->steps[i].input = json_object_get(entry, "input");
        policy->steps[i].require = json_object_get(entry, "require");
    }
    return true;
}

/* M4: somebody must say who the user is before a second factor is asked. */
static void
check_policy(const struct config *config, const struct policy *policy,
             struct problems *problems)
{
    const struct adapter *first =
        policy->step_count ? policy->steps[0].adapter : NULL;

    if (policy->step_count == 0)
        config_problem(config, problems, "/policies",
                       "the policy %s has no steps; name at least one adapter",
                       policy->name);
    else if (first && !(first->description->flags & FACTOR_ADAPTER_FIRST))
        config_problem(config, problems, "/policies",
                       "the policy %s begins with %s, which cannot find out "
                       "who the user is; begin with a first factor such as "
                       "password, or with " POLICY_HINT,
                       policy->name, first->name);
}

struct policies *
policies_new(const struct config *config, const struct adapter *adapters,
             size_t adapter_count, struct problems *problems)
{
    const json_t *section = config_at(config, "/policies");
    struct policies *policies = calloc(1, sizeof(*policies));
    const char *name;
    json_t *entry;

    if (!policies)
        return NULL;
    policies->list =
        calloc(json_object_size(section) + 1, sizeof(policies->list[0]));
    if (!policies->list) {
        policies_free(policies);
        return NULL;
    }
    json_object_foreach(json_unconst(section), name, entry) {
        struct policy *policy = &policies->list[policies->count++];

        policy->name = name;
        policy->acr = json_text(entry, "acr");
        if (!read_steps(policy, json_object_get(entry, "steps"), adapters,
                        adapter_count)) {
            policies_free(policies);
            return NULL;
        }
        check_policy(config, policy, problems);
    }
    return policies;
}

void
policies_free(struct policies *policies)
{
    size_t i;

    if (!policies)
        return;
    for (i = 0; i < policies->count; i++)
        free(policies->list[i].steps);
    free(policies->list);
    free(policies);
}

const struct policy *
policies_find(const struct policies *policies, const char *name)
{
    size_t i;

    for (i = 0; name && i < policies->count; i++)
        if (strcmp(policies->list[i].name, name) == 0)
            return &policies->list[i];
    return NULL;
}

const struct policy *
policies_find_acr(const struct policies *policies, const char *acr)
{
    size_t i;

    for (i = 0; acr && i < policies->count; i++)
        if (policies->list[i].acr && strcmp(policies->list[i].acr, acr) == 0)
            return &policies->list[i];
    return NULL;
}

static bool
one_of(const json_t *allowed, const json_t *value)
{
    size_t i;

    if (!json_is_array(allowed))
        return json_equal(allowed, value);
    for (i = 0; i < json_array_size(allowed); i++)
        if (json_equal(json_array_get(allowed, i), value))
            return true;
    return false;
}

/* An attribute that is not there never holds. */
bool
policy_holds(const struct policy_step *step, const json_t *attributes)
{
    const char *name;
    json_t *allowed;
    const json_t *value;

    json_object_foreach(json_unconst(step->require), name, allowed) {
        value = json_object_get(attributes, name);
        if (!value || !one_of(allowed, value))
            return false;
    }
    return true;
}
