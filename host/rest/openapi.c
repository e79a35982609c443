/* SPDX-License-Identifier: MIT */
/* host/rest/openapi.c - the API description. */
#include "host/rest/openapi.h"

#include <ctype.h>
#include <string.h>

#include "config.h"
#include "host/api/api.h"
#include "host/json.h"
#include "host/rest/tables.h"

#define PLAIN "application/json"
#define ERROR_SCHEMA "#/components/schemas/Error"

/* --- Schemas of fields. --- */

/* Of a request, or of an answer, which has more than it was asked for. */
enum direction { REQUEST, ANSWER };

static json_t *members_schema(const struct factor_field *const *fields,
                              enum direction direction);
static json_t *field_schema(const struct factor_field *field,
                            enum direction direction);

static json_t *
texts(const char *const *list)
{
    json_t *array = json_array();

    for (; list && *list; list++)
        json_array_append_new(array, json_string(*list));
    return array;
}

static json_t *
string_schema(const struct factor_field *field, enum direction direction)
{
    json_t *schema = json_pack("{s:s}", "type", "string");

    if (field->max_len && direction == REQUEST)
        json_object_set_new(schema, "maxLength", json_integer(field->max_len));
    if (field->flags & FACTOR_FIELD_REQUIRED)
        json_object_set_new(schema, "minLength", json_integer(1));
    if (field->values)
        json_object_set_new(schema, "enum", texts(field->values));
    json_set_text(schema, "format", field->format);
    return schema;
}

static json_t *
integer_schema(const struct factor_field *field, enum direction direction)
{
    json_t *schema = json_pack("{s:s}", "type", "integer");

    (void)direction;
    if (field->min == 0 && field->max == 0)
        return schema;
    json_object_set_new(schema, "minimum", json_integer(field->min));
    json_object_set_new(schema, "maximum", json_integer(field->max));
    return schema;
}

static json_t *
boolean_schema(const struct factor_field *field, enum direction direction)
{
    (void)field;
    (void)direction;
    return json_pack("{s:s}", "type", "boolean");
}

static json_t *
object_schema(const struct factor_field *field, enum direction direction)
{
    return members_schema(field->fields, direction);
}

static json_t *
array_schema(const struct factor_field *field, enum direction direction)
{
    json_t *schema =
        json_pack("{s:s, s:o}", "type", "array", "items",
                  field_schema(field->fields[0], direction));

    if (field->max && direction == REQUEST)
        json_object_set_new(schema, "maxItems", json_integer(field->max));
    return schema;
}

static json_t *
map_schema(const struct factor_field *field, enum direction direction)
{
    return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                     field->fields ? field_schema(field->fields[0], direction)
                                   : json_true());
}

static json_t *(*const schemas[])(const struct factor_field *field,
                                  enum direction direction) = {
    [FACTOR_FIELD_STRING] = string_schema,
    [FACTOR_FIELD_INTEGER] = integer_schema,
    [FACTOR_FIELD_BOOLEAN] = boolean_schema,
    [FACTOR_FIELD_OBJECT] = object_schema,
    [FACTOR_FIELD_ARRAY] = array_schema,
    [FACTOR_FIELD_MAP] = map_schema,
};

static json_t *
field_schema(const struct factor_field *field, enum direction direction)
{
    json_t *schema = schemas[field->type](field, direction);

    json_set_text(schema, "description", field->text);
    if (field->flags & FACTOR_FIELD_READ_ONLY)
        json_object_set_new(schema, "readOnly", json_true());
    return schema;
}

static bool
must_be_there(const struct factor_field *field, enum direction direction)
{
    return direction == REQUEST && !(field->flags & FACTOR_FIELD_READ_ONLY) &&
           field->flags & (FACTOR_FIELD_REQUIRED | FACTOR_FIELD_EMPTY);
}

/* What is not declared is passed over in requests, and is in no answer. */
static json_t *
members_schema(const struct factor_field *const *fields,
               enum direction direction)
{
    json_t *properties = json_object(), *required = json_array(), *schema;

    for (; fields && *fields; fields++) {
        json_object_set_new(properties, (*fields)->name,
                            field_schema(*fields, direction));
        if (must_be_there(*fields, direction))
            json_array_append_new(required, json_string((*fields)->name));
    }
    schema = json_pack("{s:s, s:o}", "type", "object", "properties",
                       properties);
    if (json_array_size(required) > 0)
        json_object_set(schema, "required", required);
    if (direction == ANSWER)
        json_object_set_new(schema, "additionalProperties", json_false());
    json_decref(required);
    return schema;
}

/* --- Schemas of answers, with what the host adds. --- */

static json_t *
reference_schema(void)
{
    return json_pack("{s:s, s:{s:{s:s, s:s}}, s:[s]}", "type", "object",
                     "properties", "id", "type", "string", "format", "uuid",
                     "required", "id");
}

static json_t *
links_schema(void)
{
    return json_pack(
        "{s:s, s:{s:s, s:{s:{s:s, s:s}}, s:[s]}, s:[s]}", "type", "object",
        "additionalProperties", "type", "object", "properties", "href", "type",
        "string", "format", "uri", "required", "href", "required", "self");
}

static json_t *
whole_schema(const struct factor_resource *resource)
{
    json_t *schema = members_schema(resource->answer, ANSWER);
    json_t *properties = json_object_get(schema, "properties");

    if (rest_is_open(resource)) {
        json_object_set_new(properties, "time",
                            json_pack("{s:s}", "type", "integer"));
        return schema;
    }
    json_object_set_new(properties, "_links", links_schema());
    json_object_set_new(properties, "environment", reference_schema());
    if (strstr(resource->path, "{user}/"))
        json_object_set_new(properties, "user", reference_schema());
    json_object_set_new(schema, "required", json_pack("[s]", "_links"));
    return schema;
}

static json_t *
list_schema(const struct factor_resource *resource)
{
    return json_pack(
        "{s:s, s:{s:o, s:{s:s, s:{s:{s:s, s:o}}, s:[s]}, s:{s:s}, s:{s:s}},"
        " s:[s, s, s]}",
        "type", "object", "properties", "_links", links_schema(), "_embedded",
        "type", "object", "properties", resource->list, "type", "array",
        "items", whole_schema(resource), "required", resource->list, "count",
        "type", "integer", "size", "type", "integer", "required", "_links",
        "_embedded", "size");
}

static json_t *
answer_schema(const struct factor_resource *resource)
{
    return resource->list ? list_schema(resource) : whole_schema(resource);
}

/* --- Parameters. --- */

static json_t *
parameter(const char *where, const char *name, size_t len, bool required,
          json_t *schema)
{
    return json_pack("{s:s%, s:s, s:b, s:o}", "name", name, len, "in", where,
                     "required", (int)required, "schema", schema);
}

static void
add_path_parameters(json_t *list, const char *path)
{
    size_t len;

    for (; (path = strchr(path, '{')); path += len) {
        len = strcspn(++path, "}");
        json_array_append_new(
            list, parameter("path", path, len, true,
                            json_pack("{s:s}", "type", "string")));
    }
}

static void
add_query_parameter(json_t *list, const char *name, json_t *schema)
{
    json_array_append_new(
        list, parameter("query", name, strlen(name), false, schema));
}

static void
add_query_parameters(json_t *list, const struct factor_resource *resource)
{
    const struct factor_field *const *field;

    for (field = resource->query; field && *field; field++)
        add_query_parameter(list, (*field)->name,
                            field_schema(*field, REQUEST));
    if (resource->filters)
        add_query_parameter(list, "filter",
                            json_pack("{s:s, s:o}", "type", "string",
                                      "x-attributes",
                                      texts(resource->filters)));
    if (!(resource->flags & FACTOR_RESOURCE_PAGED))
        return;
    add_query_parameter(list, "limit",
                        json_pack("{s:s, s:i, s:i}", "type", "integer",
                                  "minimum", 1, "maximum", 1000));
    add_query_parameter(list, "cursor", json_pack("{s:s}", "type", "string"));
}

/* --- Operations. --- */

static const char *
type_of(const struct factor_resource *resource)
{
    return resource->media_type ? resource->media_type : PLAIN;
}

/* Status, as a member of "responses". */
static void
add_response(json_t *responses, unsigned status, json_t *response)
{
    char name[12];

    snprintf(name, sizeof(name), "%u", status);
    json_object_set_new(responses, name, response);
}

static json_t *
refusals(void)
{
    static const unsigned statuses[] = {400, 401, 403, 404, 415, 429, 500};
    json_t *responses = json_object();
    size_t i;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        add_response(responses, statuses[i],
                     json_pack("{s:s}", "$ref",
                               "#/components/responses/Error"));
    return responses;
}

/* Of several operations on one route the answer is one of theirs. */
static void
add_success(json_t *responses, const struct factor_resource *resource)
{
    unsigned status = resource->status ? resource->status : 200;
    char name[12];
    json_t *there, *schema;

    snprintf(name, sizeof(name), "%u", status);
    there = json_object_get(responses, name);
    if (status == 204) {
        json_object_set_new(responses, name,
                            json_pack("{s:s}", "description", "Done."));
        return;
    }
    if (!there) {
        json_object_set_new(
            responses, name,
            json_pack("{s:s, s:{s:{s:{s:[]}}}}", "description", "Done.",
                      "content", PLAIN, "schema", "anyOf"));
        there = json_object_get(responses, name);
    }
    schema = json_object_get(
        json_object_get(json_object_get(there, "content"), PLAIN), "schema");
    json_array_append_new(json_object_get(schema, "anyOf"),
                          resource->answer
                              ? answer_schema(resource)
                              : json_pack("{s:s}", "type", "object"));
}

/* Who may call what, by media type: of this the permission matrix is made. */
static json_t *
access_of(const struct factor_resource *resource)
{
    bool role = resource->who & FACTOR_WHO_ROLE;
    bool user = resource->who & FACTOR_WHO_USER;

    return json_pack("{s:s, s:s, s:s*, s:b, s:o, s:o}", "operationId",
                     resource->name, "mediaType", type_of(resource), "summary",
                     resource->text, "open", (int)rest_is_open(resource),
                     "roles",
                     role && resource->roles ? texts(resource->roles)
                                             : json_array(),
                     "scopes",
                     user ? texts(resource->scopes) : json_array());
}

static json_t *
security_of(const struct factor_resource *resource)
{
    json_t *list = json_array();

    if (resource->who & FACTOR_WHO_ROLE)
        json_array_append_new(list, json_pack("{s:[]}", "worker"));
    if (resource->who & FACTOR_WHO_USER)
        json_array_append_new(list, json_pack("{s:o}", "user",
                                              texts(resource->scopes)));
    return list;
}

static json_t *
new_operation(const struct factor_resource *resource)
{
    json_t *parameters = json_array();

    add_path_parameters(parameters, resource->path);
    add_query_parameters(parameters, resource);
    return json_pack("{s:s, s:s*, s:o, s:o, s:o, s:[]}", "operationId",
                     resource->name, "summary", resource->text, "parameters",
                     parameters, "security", security_of(resource),
                     "responses", refusals(), "x-operations");
}

static void
add_body(json_t *operation, const struct factor_resource *resource)
{
    json_t *body = json_object_get(operation, "requestBody");

    if (!resource->body && !resource->media_type)
        return;
    if (!body) {
        json_object_set_new(operation, "requestBody",
                            json_pack("{s:{}}", "content"));
        body = json_object_get(operation, "requestBody");
    }
    json_object_set_new(
        json_object_get(body, "content"), type_of(resource),
        json_pack("{s:o}", "schema",
                  members_schema(resource->body, REQUEST)));
}

static void
lower(const char *text, char *ret_text, size_t size)
{
    size_t i;

    for (i = 0; text[i] && i + 1 < size; i++)
        ret_text[i] = (char)tolower((unsigned char)text[i]);
    ret_text[i] = '\0';
}

static json_t *
member(json_t *object, const char *name)
{
    if (!json_object_get(object, name))
        json_object_set_new(object, name, json_object());
    return json_object_get(object, name);
}

static void
add_operation(json_t *paths, const struct factor_resource *resource)
{
    json_t *path = member(paths, resource->path), *operation;
    char method[8];

    lower(resource->method, method, sizeof(method));
    operation = json_object_get(path, method);
    if (!operation) {
        json_object_set_new(path, method, new_operation(resource));
        operation = json_object_get(path, method);
    }
    add_body(operation, resource);
    add_success(json_object_get(operation, "responses"), resource);
    json_array_append_new(json_object_get(operation, "x-operations"),
                          access_of(resource));
}

static void
add_plane(json_t *paths, const struct rest_plane *plane)
{
    size_t i;

    for (i = 0; i < plane->count; i++)
        add_operation(paths, plane->operations[i].resource);
}

/* --- The document. --- */

/* MFA service API, A.7. */
static json_t *
error_schema(void)
{
    return json_pack(
        "{s:s, s:[s, s, s, s], s:{s:{s:s, s:s}, s:{s:s}, s:{s:s},"
        " s:{s:s, s:{s:s, s:[s, s], s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}}},"
        " s:{s:s}}}",
        "type", "object", "required", "id", "code", "message", "details",
        "properties", "id", "type", "string", "format", "uuid", "code", "type",
        "string", "message", "type", "string", "details", "type", "array",
        "items", "type", "object", "required", "code", "message", "properties",
        "code", "type", "string", "target", "type", "string", "message",
        "type", "string", "innerError", "type", "object", "time", "type",
        "integer");
}

static json_t *
schemes(const struct host *host)
{
    const char *environment = keys_environment(host->keys);

    return json_pack(
        "{s:{s:s, s:{s:{s:s++++, s:{}}}},"
        " s:{s:s, s:{s:{s:s+, s:s+, s:{}}}}}",
        "worker", "type", "oauth2", "flows", "clientCredentials", "tokenUrl",
        rest_base(host), "/", environment, "/as/token", "", "scopes", "user",
        "type", "oauth2", "flows", "authorizationCode", "authorizationUrl",
        host->base_url, "/as/authorization.oauth2", "tokenUrl",
        host->base_url, "/as/token.oauth2", "scopes");
}

json_t *
openapi_document(const struct rest *rest)
{
    json_t *paths = json_object();

    add_plane(paths, &rest->admin);
    add_plane(paths, &rest->open);
    return json_pack(
        "{s:s, s:{s:s, s:s}, s:[{s:s}], s:o, s:{s:o, s:{s:o},"
        " s:{s:{s:s, s:{s:{s:{s:s}}}}}}}",
        "openapi", "3.1.0", "info", "title", "factord", "version",
        PACKAGE_VERSION, "servers", "url", rest_base(rest->host), "paths",
        paths, "components", "securitySchemes", schemes(rest->host),
        "schemas", "Error", error_schema(), "responses", "Error",
        "description", "Refused.", "content", PLAIN, "schema", "$ref",
        ERROR_SCHEMA);
}

static void
handle(struct http_request *request)
{
    const struct host *host = http_context(request);
    json_t *document = openapi_document(host->rest);

    http_reply(request, api_json(200, document));
    json_decref(document);
}

const struct http_route openapi_routes[] = {
    {"/openapi.json", "openapi", HTTP_GET, 0, 0, handle}, {0}};
