/* SPDX-License-Identifier: MIT */
/* plugin/adapter-mfa/rest/devices.c - a user's devices (MFA service API, B.6):
 * listed, ordered, named, locked and removed. */
#include "plugin/adapter-mfa/rest/devices.h"

#include <string.h>

#include "plugin/adapter-mfa/mfa_effects.h"
#include "plugin/adapter-mfa/mfa_pair.h"

enum { NICKNAME_BYTES = 4 * MFA_NICKNAME_MAX };

struct mfa_device *
mfa_rest_path_device(struct mfa_rest *call)
{
    return mfa_find(&call->s, mfa_text(call->s.in->path, "device"));
}

/* --- The list --- */

static bool
meets(const struct mfa_device *device, const json_t *filter)
{
    const char *status = mfa_text(filter, "status");
    const char *type = mfa_text(filter, "type");
    const char *is = device->active ? "ACTIVE" : "ACTIVATION_REQUIRED";

    return (!status || strcmp(status, is) == 0) &&
           (!type || strcmp(type, mfa_type_name(device->type)) == 0);
}

static json_t *
list_json(const struct mfa_rest *call)
{
    const json_t *filter = json_object_get(call->s.in->query, "filter");
    json_t *list = json_array();
    size_t i;

    for (i = 0; list && i < call->s.device_count; i++)
        if (meets(&call->s.devices[i], filter) &&
            json_array_append_new(
                list, mfa_rest_device(&call->s, &call->s.devices[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* Of active devices; none where the order was removed. */
static json_t *
order_json(const struct mfa_rest *call)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; list && !call->s.account.unordered &&
                i < call->s.device_count;
         i++)
        if (call->s.devices[i].active &&
            json_array_append_new(list, json_pack("{s:s}", "id",
                                                  call->s.devices[i].id))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static bool
wants_order(const struct mfa_rest *call)
{
    const char *expand = mfa_text(call->s.in->query, "expand");

    return expand && strcmp(expand, "order") == 0;
}

static factor_status
list(struct mfa_rest *call)
{
    json_t *body = json_pack("{s:o, s:{s:{}}}", "devices", list_json(call),
                             "_links", "devices.reorder");

    if (body && wants_order(call) &&
        json_object_set_new(body, "order", order_json(call))) {
        json_decref(body);
        body = NULL;
    }
    return mfa_rest_answer(call, body);
}

/* --- The order --- */

/* Every active device, once. */
static bool
is_whole_order(struct mfa_rest *call, const json_t *order)
{
    const struct mfa_device *device;
    size_t count = json_array_size(order), i, j;

    for (i = 0; i < count; i++) {
        device = mfa_find(&call->s, mfa_text(json_array_get(order, i), "id"));
        if (!device || !device->active)
            return false;
        for (j = 0; j < i; j++)
            if (strcmp(mfa_text(json_array_get(order, j), "id"),
                       device->id) == 0)
                return false;
    }
    return count == mfa_active_count(&call->s);
}

static json_t *
ids_of(const json_t *order)
{
    json_t *ids = json_array();
    size_t i;

    for (i = 0; ids && i < json_array_size(order); i++)
        if (json_array_append(
                ids, json_object_get(json_array_get(order, i), "id"))) {
            json_decref(ids);
            return NULL;
        }
    return ids;
}

/* What is listed is in the order that was just asked for. */
static factor_status
list_again(struct mfa_rest *call)
{
    const struct factor_records *found =
        call->s.in->reads[MFA_READ_DEVICES];
    factor_status status;

    call->s.device_count = 0;
    status = mfa_load_devices(&call->s, found);
    return status ? status : list(call);
}

static factor_status
put_order(struct mfa_rest *call, const char *event)
{
    factor_status status = mfa_put_account(&call->s);

    return status ? status
                  : mfa_audit(&call->s, event,
                              json_pack("{s:s}", "user", call->s.user_id));
}

static factor_status
reorder(struct mfa_rest *call)
{
    const json_t *given = json_object_get(call->s.in->fields, "order");
    json_t *ids;
    factor_status status;

    if (!mfa_rest_trusted(call))
        return mfa_rest_forbid(call);
    if (!is_whole_order(call, given))
        return mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, "order", NULL);
    ids = ids_of(given);
    if (!ids)
        return FACTOR_E_NOMEM;
    call->s.account.order = ids;
    call->s.account.unordered = false;
    call->s.account.default_device =
        json_string_value(json_array_get(ids, 0));
    status = put_order(call, "mfa.devices_ordered");
    if (!status)
        status = list_again(call);
    json_decref(ids);
    return status;
}

static factor_status
remove_order(struct mfa_rest *call)
{
    factor_status status;

    if (!mfa_rest_trusted(call))
        return mfa_rest_forbid(call);
    call->s.account.order = NULL;
    call->s.account.unordered = true;
    call->s.account.default_device = NULL;
    status = put_order(call, "mfa.order_removed");
    return status ? status : mfa_rest_done(call);
}

/* --- One device --- */

static factor_status
read_one(struct mfa_rest *call)
{
    const struct mfa_device *device = mfa_rest_path_device(call);

    return device ? mfa_rest_answer_device(call, device)
                  : mfa_rest_not_found(call);
}

static factor_status
delete_one(struct mfa_rest *call)
{
    const struct mfa_device *device = mfa_rest_path_device(call);
    factor_status status;

    if (!device)
        return mfa_rest_not_found(call);
    if (!mfa_rest_trusted(call))
        return mfa_rest_forbid(call);
    status = mfa_drop_device(&call->s, device);
    return status ? status : mfa_rest_done(call);
}

/* What was changed on the device of the path, and why. */
static factor_status
changed(struct mfa_rest *call, struct mfa_device *device, const char *event)
{
    factor_status status;

    device->updated_at_ms = call->s.in->now_ms;
    status = mfa_put_device(&call->s, device);
    if (!status)
        status = mfa_audit_device(&call->s, event, device, "rest");
    return status ? status : mfa_rest_answer_device(call, device);
}

static factor_status
unlock(struct mfa_rest *call)
{
    struct mfa_device *device = mfa_rest_path_device(call);

    if (!device)
        return mfa_rest_not_found(call);
    device->counter = (struct passcode_counter){ .failures = 0 };
    device->fail_count = 0;
    return changed(call, device, "mfa.unlocked");
}

static factor_status
set_blocked(struct mfa_rest *call, bool blocked)
{
    struct mfa_device *device = mfa_rest_path_device(call);

    if (!device)
        return mfa_rest_not_found(call);
    if (device->blocked == blocked)
        return mfa_rest_answer_device(call, device);
    device->blocked = blocked;
    device->blocked_at_ms = blocked ? call->s.in->now_ms : 0;
    return changed(call, device,
                   blocked ? "mfa.device_blocked" : "mfa.device_unblocked");
}

static factor_status
block(struct mfa_rest *call)
{
    return set_blocked(call, true);
}

static factor_status
unblock(struct mfa_rest *call)
{
    return set_blocked(call, false);
}

bool
mfa_rest_nickname_fits(struct mfa_rest *call, factor_status *ret_status)
{
    const char *nickname = mfa_text(call->s.in->fields, "nickname");
    size_t len = nickname ? mfa_nickname_length(nickname) : 0;

    if (len <= MFA_NICKNAME_MAX)
        return true;
    *ret_status =
        len == SIZE_MAX
            ? mfa_rest_refuse(call, MFA_REST_INVALID_VALUE, "nickname", NULL)
            : mfa_rest_refuse(call, MFA_REST_TOO_LONG, "nickname",
                              json_pack("{s:i}", "maximumValue",
                                        MFA_NICKNAME_MAX));
    return false;
}

static factor_status
rename_one(struct mfa_rest *call)
{
    const char *nickname = mfa_text(call->s.in->fields, "nickname");
    struct mfa_device *device = mfa_rest_path_device(call);
    factor_status status;

    if (!device)
        return mfa_rest_not_found(call);
    if (!mfa_rest_trusted(call))
        return mfa_rest_forbid(call);
    if (!mfa_rest_nickname_fits(call, &status))
        return status;
    device->nickname = *nickname ? nickname : NULL;
    return changed(call, device, "mfa.device_renamed");
}

/* --- The table --- */

#define DEVICES MFA_USER "/devices"
#define DEVICE DEVICES "/{device}"
#define TYPE(action) "application/vnd.pingidentity." action "+json"

/* Who may: a worker by role, the user for himself. */
#define BY_BOTH(worker, scope)                                                 \
    .who = FACTOR_WHO_ROLE | FACTOR_WHO_USER, .roles = (worker),               \
    .scopes = FACTOR_NAMES(scope)
#define BY_WORKER(worker) .who = FACTOR_WHO_ROLE, .roles = (worker)
#define READS BY_BOTH(mfa_rest_identity_readers, "p1:read:device")
#define MAKES BY_BOTH(mfa_rest_identity_admins, "p1:create:device")
#define CHANGES BY_BOTH(mfa_rest_identity_admins, "p1:update:device")
#define DROPS BY_BOTH(mfa_rest_identity_admins, "p1:delete:device")
#define HELPS BY_WORKER(mfa_rest_help_desk)

#define OPERATION(operation, verb, where, ...)                                 \
    .resource = { FACTOR_SIZED(factor_resource), .name = (operation),          \
                  .method = (verb), .path = where, __VA_ARGS__ },              \
    .plan = mfa_rest_plan_user
#define ANSWERS .answer = mfa_rest_device_answer

static const char *const filters[] = { "status", "type", NULL };
static const struct factor_field *const list_query[] = {
    MFA_FIELD(STRING, "expand", .max_len = 64,
              .text = "order: _embedded.order has the ids in their order."),
    NULL
};
static const struct factor_field *const order_body[] = {
    MFA_FIELD(ARRAY, "order", .flags = FACTOR_FIELD_REQUIRED,
              .max = MFA_DEVICES_MAX,
              .fields =
                  FACTOR_FIELDS(MFA_MEMBERS(NULL, MFA_REQUIRED_ID("id")))),
    NULL
};
static const struct factor_field *const nickname_body[] = {
    MFA_FIELD(STRING, "nickname", .flags = FACTOR_FIELD_EMPTY,
              .max_len = NICKNAME_BYTES,
              .text = "At most 100 characters; empty: none."),
    NULL
};

const struct mfa_operation mfa_rest_devices[] = {
    { OPERATION("devices.list", "GET", DEVICES, READS, ANSWERS,
                .list = "devices", .filters = filters, .query = list_query,
                .text = "Lists a user's devices in their order."),
      .run = list },
    { OPERATION("devices.create", "POST", DEVICES, MAKES, ANSWERS,
                .body = mfa_rest_create_body, .status = 201,
                .text = "Makes a device."),
      .run = mfa_rest_create_device },
    { OPERATION("devices.reorder", "POST", DEVICES, CHANGES, ANSWERS,
                .media_type = TYPE("devices.reorder"), .body = order_body,
                .list = "devices", .text = "Sets the order of devices."),
      .run = reorder },
    { OPERATION("devices.order.remove", "POST", DEVICES, CHANGES,
                .media_type = TYPE("devices.order.remove"), .status = 204,
                .text = "Removes the order: the user is asked each time."),
      .run = remove_order },
    { OPERATION("devices.order.delete", "DELETE", DEVICES, CHANGES,
                .media_type = TYPE("devices.order.remove"), .status = 204,
                .text = "Removes the order: the user is asked each time."),
      .run = remove_order },
    { OPERATION("devices.read", "GET", DEVICE, READS, ANSWERS,
                .text = "Reads a device."),
      .run = read_one },
    { OPERATION("devices.delete", "DELETE", DEVICE, DROPS, .status = 204,
                .text = "Removes a device."),
      .run = delete_one },
    { OPERATION("devices.activate", "POST", DEVICE, MAKES, ANSWERS,
                .media_type = TYPE("device.activate"),
                .body = mfa_rest_activate_body,
                .text = "Activates a device by its code."),
      .run = mfa_rest_activate_device },
    { OPERATION("devices.activate.put", "PUT", DEVICE, MAKES, ANSWERS,
                .media_type = TYPE("device.activate"),
                .body = mfa_rest_activate_body,
                .text = "Activates a device by its code."),
      .run = mfa_rest_activate_device },
    { OPERATION("devices.sendActivationCode", "POST", DEVICE, MAKES, ANSWERS,
                .media_type = TYPE("device.sendActivationCode"),
                .text = "Sends the code of a device again."),
      .run = mfa_rest_send_activation },
    { OPERATION("devices.unlock", "POST", DEVICE, HELPS, ANSWERS,
                .media_type = TYPE("device.unlock"),
                .text = "Lifts a device's lock."),
      .run = unlock },
    { OPERATION("devices.block", "POST", DEVICE, HELPS, ANSWERS,
                .media_type = TYPE("device.block"),
                .text = "Keeps a device from being used."),
      .run = block },
    { OPERATION("devices.unblock", "POST", DEVICE, HELPS, ANSWERS,
                .media_type = TYPE("device.unblock"),
                .text = "Lets a device be used again."),
      .run = unblock },
    { OPERATION("devices.nickname", "PUT", DEVICE "/nickname", CHANGES,
                ANSWERS, .body = nickname_body,
                .text = "Names a device."),
      .run = rename_one },
    { .run = NULL },
};
