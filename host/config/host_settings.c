/* SPDX-License-Identifier: MIT */
/* host/config/host_settings.c - the host's own settings.
 *
 * --check-config, --print-config, the JSON Schema and factord.conf(5) all
 * come from these tables.  A section has the default {}, so that it is
 * always there with its members' defaults. */
#include "host/config/host_settings.h"

#include <stddef.h>
#include <string.h>

#include "factor/plugin.h"

/* One row of a table: type, name, text and, if any, further members. */
#define SETTING(setting_type, setting_name, setting_text, ...)                 \
    &(const struct factor_setting)                                             \
    {                                                                          \
        .struct_size = sizeof(struct factor_setting),                          \
        .type = FACTOR_SETTING_##setting_type, .name = (setting_name),         \
        .text = (setting_text), __VA_ARGS__                                    \
    }
#define DEFAULT(json) .value = (json)
#define RANGE(least, most) .min = (least), .max = (most)
#define MEMBERS(list) .members = (list)
#define CHOICES(...)                                                           \
    .choices = (const char *const[])                                           \
    {                                                                          \
        __VA_ARGS__, NULL                                                      \
    }
#define REQUIRED .flags = FACTOR_SETTING_REQUIRED
#define SECRET .flags = FACTOR_SETTING_SECRET

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static const struct factor_setting *const tls_settings[] = {
    SETTING(PATH, "certificate",
            "The listener's certificate, with those between it and its root "
            "behind it (PEM); read again at SIGHUP.",
            REQUIRED),
    SETTING(PATH, "key",
            "Its key (PEM, without a password), in a file of its own or in "
            "the same; read again at SIGHUP.",
            REQUIRED),
    NULL,
};

static const struct factor_setting *const server_settings[] = {
    SETTING(STRING, "listen",
            "Where the public listener waits: ADDRESS:PORT, [V6]:PORT or "
            "unix:PATH.",
            DEFAULT("\"127.0.0.1:9031\"")),
    SETTING(STRING, "base_url",
            "URL at which browsers and apps reach the public listener; "
            "follows listen if that is on loopback.", ),
    SETTING(OBJECT, "tls",
            "TLS (1.2 or newer) on the public listener; without it that "
            "speaks plain HTTP, for a proxy on the same machine.",
            MEMBERS(tls_settings)),
    SETTING(DURATION, "strict_transport",
            "For so long browsers that have come once by https come by "
            "nothing else (Strict-Transport-Security), if base_url is https; "
            "\"0s\": not said.",
            DEFAULT("\"365d\""), RANGE(0, 3650 * DAY)),
    SETTING(STRING, "admin_listen",
            "Where the admin listener waits, on loopback or as unix:PATH; "
            "without it there is none.", ),
    SETTING(OBJECT, "admin_tls", "TLS on the admin listener.",
            MEMBERS(tls_settings)),
    SETTING(STRING, "admin_base_url",
            "URL at which the REST planes are reached, for their links.", ),
    SETTING(STRINGS, "trusted_proxies",
            "Proxies whose X-Forwarded-For says who asks: addresses, networks "
            "(\"10.0.0.0/8\") or \"unix\".",
            DEFAULT("[]")),
    SETTING(BOOLEAN, "rest_on_public",
            "Serve the REST planes on the public listener too.",
            DEFAULT("false")),
    SETTING(PATH, "web_directory", "Where the pages lie.",
            DEFAULT("\"" FACTOR_WEB_DIRECTORY "\"")),
    SETTING(STRING, "sign_on_page",
            "Path or URL of the page to which redirect mode sends the "
            "browser.",
            DEFAULT("\"/signon/\"")),
    SETTING(STRING, "authenticator_url",
            "URL of the authenticator page: https://HOST/authenticator/, where "
            "HOST serves nothing else; follows base_url if that is on "
            "loopback, else the page is not served without it.", ),
    SETTING(INTEGER, "loops", "Event loops of the public listener.",
            DEFAULT("2"), RANGE(1, 64)),
    SETTING(INTEGER, "connections", "Open connections a listener takes.",
            DEFAULT("20000"), RANGE(16, 1000000)),
    SETTING(DURATION, "idle_timeout",
            "How long a connection may be silent between requests.",
            DEFAULT("\"60s\""), RANGE(SECOND, HOUR)),
    SETTING(STATE_PATH, "control_socket",
            "Socket on which factorctl talks to the daemon.",
            DEFAULT("\"control.sock\"")),
    SETTING(DURATION, "stop_grace",
            "How long requests may go on after a signal to stop.",
            DEFAULT("\"10s\""), RANGE(0, 10 * MINUTE)),
    NULL,
};

static const struct factor_setting *const flow_settings[] = {
    SETTING(DURATION, "idle_limit",
            "A flow ends so long after its last action.",
            DEFAULT("\"15min\""), RANGE(SECOND, DAY)),
    SETTING(DURATION, "absolute_limit", "A flow ends so long after its start.",
            DEFAULT("\"30min\""), RANGE(SECOND, DAY)),
    SETTING(DURATION, "finished_grace",
            "A finished flow stays readable for so long.",
            DEFAULT("\"60s\""), RANGE(0, HOUR)),
    SETTING(SIZE, "volatile_memory",
            "Memory for flows before their first factor; the oldest are "
            "dropped.",
            DEFAULT("\"64MiB\""), RANGE(MIB, 64 * GIB)),
    SETTING(INTEGER, "parked_max",
            "Requests that may wait for a change; more are answered at once.",
            DEFAULT("20000"), RANGE(0, 1000000)),
    SETTING(DURATION, "parked_limit", "Longest wait that a client may ask for.",
            DEFAULT("\"60s\""), RANGE(SECOND, 10 * MINUTE)),
    SETTING(DURATION, "stream_limit",
            "A stream of events ends after so long; its client comes again.",
            DEFAULT("\"5min\""), RANGE(SECOND, HOUR)),
    SETTING(DURATION, "stream_heartbeat",
            "A stream that has nothing to tell gives a sign of life so often.",
            DEFAULT("\"15s\""), RANGE(100, MINUTE)),
    NULL,
};

static const struct factor_setting *const session_settings[] = {
    SETTING(DURATION, "lifetime", "A session ends so long after its start.",
            DEFAULT("\"12h\""), RANGE(MINUTE, 30 * DAY)),
    SETTING(DURATION, "old_id_grace",
            "A session id that was renewed may read for so long.",
            DEFAULT("\"5s\""), RANGE(0, MINUTE)),
    NULL,
};

static const struct factor_setting *const brand_settings[] = {
    SETTING(STRING, "name",
            "What messages and pages call the service; without it messages "
            "call it what the adapter that sends them does.", ),
    SETTING(PATH, "logo",
            "Picture beside the name on pages: an .svg or .png file.", ),
    SETTING(STRING, "accent",
            "Colour of buttons and links of pages and mails: \"#RRGGBB\", "
            "dark enough to be read on white.", ),
    NULL,
};

static const struct factor_setting *const outbox_settings[] = {
    SETTING(INTEGER, "workers", "Messages delivered at a time.", DEFAULT("4"),
            RANGE(1, 256)),
    SETTING(DURATION, "lease",
            "A message whose worker died is taken up again after this.",
            DEFAULT("\"30s\""), RANGE(SECOND, HOUR)),
    SETTING(DURATION, "timeout", "How long a back end may take.",
            DEFAULT("\"10s\""), RANGE(100, 10 * MINUTE)),
    SETTING(DURATION, "failover_timeout",
            "How long it may take while another one of the channel could be "
            "asked instead.",
            DEFAULT("\"3s\""), RANGE(100, 10 * MINUTE)),
    SETTING(DURATION, "retry_first",
            "Wait before a message is tried again; it doubles each time.",
            DEFAULT("\"5s\""), RANGE(100, HOUR)),
    SETTING(DURATION, "retry_max", "Longest such wait.", DEFAULT("\"5min\""),
            RANGE(100, DAY)),
    SETTING(DURATION, "keep_settled",
            "How long a settled message's row is kept.",
            DEFAULT("\"1h\""), RANGE(0, 30 * DAY)),
    SETTING(INTEGER, "breaker_deferrals",
            "Deferrals within breaker_window that rest a back end, or a server "
            "that an address names.",
            DEFAULT("5"), RANGE(1, 1000)),
    SETTING(DURATION, "breaker_window", "In which deferrals are counted.",
            DEFAULT("\"30s\""), RANGE(SECOND, HOUR)),
    SETTING(DURATION, "breaker_rest",
            "How long a back end rests before one message is tried.",
            DEFAULT("\"30s\""), RANGE(SECOND, HOUR)),
    NULL,
};

#define COUNT RANGE(1, 1000000000)
/* Counted one by one: TIMES_MAX of host/flow/sends.c. */
#define TIMES RANGE(0, 64)

/* A bucket of tokens (H3), as a table of its own. */
#define BUCKET(table, most, rate)                                              \
    static const struct factor_setting *const table[] = {                      \
        SETTING(INTEGER, "burst", "Calls that may come at once.",              \
                DEFAULT(most), COUNT),                                         \
        SETTING(INTEGER, "per_minute", "Calls that may come all the time.",    \
                DEFAULT(rate), COUNT),                                         \
        NULL,                                                                  \
    }

BUCKET(authorize_bucket, "60", "600");
BUCKET(token_bucket, "60", "600");
BUCKET(password_bucket, "20", "60");
BUCKET(pairing_bucket, "5", "6");
BUCKET(rest_bucket, "600", "12000");

#define BUCKET_SETTING(bucket, table, words)                                   \
    SETTING(OBJECT, bucket, words " One more is answered 429.", DEFAULT("{}"), \
            MEMBERS(table))

static const struct factor_setting *const limits_settings[] = {
    BUCKET_SETTING("authorize", authorize_bucket,
                   "Flows that one source address may begin."),
    BUCKET_SETTING("token", token_bucket,
                   "Calls of the token endpoint by one source address."),
    BUCKET_SETTING("password", password_bucket,
                   "Slow actions, such as password checks, by one source "
                   "address."),
    BUCKET_SETTING("pairing", pairing_bucket,
                   "Calls by one source address that may be guesses, such as "
                   "claims of pairing keys."),
    BUCKET_SETTING("rest", rest_bucket,
                   "Calls of REST resources by one client."),
    SETTING(INTEGER, "sends_per_address_10min",
            "Messages to one address in ten minutes; 0: no limit.",
            DEFAULT("5"), TIMES),
    SETTING(INTEGER, "sends_per_address_day",
            "Messages to one address a day; 0: no limit.", DEFAULT("20"),
            TIMES),
    SETTING(INTEGER, "sends_per_account_day",
            "Messages of one account a day; 0: no limit.", DEFAULT("30"),
            TIMES),
    SETTING(INTEGER, "sends_per_prefix_hour",
            "Messages to one number prefix through one channel an hour; "
            "reaching it is an alarm.",
            DEFAULT("200"), COUNT),
    SETTING(INTEGER, "prefix_digits", "Digits of a number that are its prefix.",
            DEFAULT("5"), RANGE(1, 15)),
    SETTING(STRINGS, "countries",
            "Country codes (\"+49\") that messages may go to; none: all.",
            DEFAULT("[]")),
    SETTING(INTEGER, "steps_under_way",
            "Steps that are worked on at a time; others wait a moment.",
            DEFAULT("64"), RANGE(1, 100000)),
    SETTING(INTEGER, "queue_per_subject",
            "Steps of one user that may queue; one more is answered 429.",
            DEFAULT("32"), RANGE(1, 10000)),
    SETTING(INTEGER, "slow_workers",
            "Threads for slow actions such as password checks.", DEFAULT("2"),
            RANGE(1, 256)),
    SETTING(INTEGER, "slow_queue",
            "Slow actions that may queue; one more is answered 429.",
            DEFAULT("64"), RANGE(1, 100000)),
    SETTING(INTEGER, "source_workers", "Threads for questions to sources.",
            DEFAULT("4"), RANGE(1, 256)),
    SETTING(INTEGER, "source_queue",
            "Questions that may queue; one more fails at once.",
            DEFAULT("256"), RANGE(1, 100000)),
    SETTING(DURATION, "source_timeout", "How long a source may take.",
            DEFAULT("\"5s\""), RANGE(10, 5 * MINUTE)),
    NULL,
};

static const struct factor_setting *const tokens_settings[] = {
    SETTING(DURATION, "code_lifetime", "An authorization code's life.",
            DEFAULT("\"60s\""), RANGE(SECOND, 10 * MINUTE)),
    SETTING(DURATION, "access_token_lifetime", "An access token's life.",
            DEFAULT("\"1h\""), RANGE(MINUTE, DAY)),
    SETTING(DURATION, "id_token_lifetime", "An ID token's life.",
            DEFAULT("\"5min\""), RANGE(MINUTE, DAY)),
    SETTING(DURATION, "hint_lifetime",
            "Longest life of a login_hint_token or a client's assertion.",
            DEFAULT("\"5min\""), RANGE(SECOND, HOUR)),
    SETTING(DURATION, "clock_skew",
            "By how much clocks of those who sign may differ from ours.",
            DEFAULT("\"30s\""), RANGE(0, 5 * MINUTE)),
    NULL,
};

static const struct factor_setting *const cache_settings[] = {
    SETTING(SIZE, "size",
            "Memory for records that were read; 0: an eighth of what the "
            "machine or our control group has, at most 1 GiB.",
            DEFAULT("\"0B\""), RANGE(0, 64 * GIB)),
    SETTING(SIZE, "rendered",
            "Memory for states of flows as they were rendered, for clients "
            "that poll.",
            DEFAULT("\"32MiB\""), RANGE(0, 64 * GIB)),
    NULL,
};

static const struct factor_setting *const outgoing_settings[] = {
    SETTING(STRINGS, "allowed_hosts",
            "Hosts (HOST or HOST:PORT) that phones may name as their push "
            "service though their addresses are not public.",
            DEFAULT("[]")),
    SETTING(PATH, "ca_file",
            "Certificates (PEM) that servers are verified by; without it, the "
            "system's.", ),
    NULL,
};

static const struct factor_setting *const pages_settings[] = {
    SETTING(BOOLEAN, "authenticator",
            "Serve the authenticator page, a phone that is a page, at "
            "server.authenticator_url.",
            DEFAULT("true")),
    SETTING(BOOLEAN, "messages",
            "Serve a page that shows the newest messages of delivery to a "
            "file; on loopback only.",
            DEFAULT("false")),
    SETTING(BOOLEAN, "demo",
            "Serve the demonstration client's page; on loopback only.",
            DEFAULT("false")),
    NULL,
};

static const struct factor_setting *const step_settings[] = {
    SETTING(STRING, "adapter",
            "Name of an adapter, or login_hint_token in the first place.",
            REQUIRED),
    SETTING(ANY, "input",
            "What the adapter gets: its input's name to STEP.ATTRIBUTE of an "
            "earlier step, or to {\"value\": JSON}, which is constant.",
            DEFAULT("{}")),
    SETTING(ANY, "require",
            "Attributes of this step and the values they must have.",
            DEFAULT("{}")),
    NULL,
};

static const struct factor_setting *const policy_settings[] = {
    SETTING(STRING, "acr",
            "Value of acr_values that asks for this policy, and of the acr "
            "claim when it held.", ),
    SETTING(OBJECTS, "steps", "Adapters, in their order.", REQUIRED,
            MEMBERS(step_settings)),
    NULL,
};

static const struct factor_setting *const hint_settings[] = {
    SETTING(ANY, "jwks", "Keys that sign the client's hints: a JWK Set.",
            REQUIRED),
    NULL,
};

static const struct factor_setting *const client_settings[] = {
    SETTING(STRING, "type", "Can the client keep a secret?", REQUIRED,
            CHOICES("public", "confidential")),
    SETTING(STRING, "name", "What users know the client by.", ),
    SETTING(STRING, "secret", "The client's secret.", SECRET),
    SETTING(ANY, "jwks",
            "Keys that sign the client's assertions: a JWK Set.", ),
    SETTING(STRING, "token_endpoint_auth_method",
            "How the client proves itself; follows type, secret and jwks.",
            CHOICES("client_secret_basic", "client_secret_post",
                    "private_key_jwt", "none")),
    SETTING(STRINGS, "redirect_uris",
            "Where codes may be sent, compared byte by byte; a path is one of "
            "this host.",
            DEFAULT("[]")),
    SETTING(STRINGS, "origins",
            "Web origins from which the client's pages may call.",
            DEFAULT("[]")),
    SETTING(BOOLEAN, "pi_flow",
            "May the client run flows without redirects (response_mode "
            "pi.flow)?",
            DEFAULT("false")),
    SETTING(BOOLEAN, "native",
            "An app that runs flows itself, without a browser's protection "
            "(against RFC 8252).",
            DEFAULT("false")),
    SETTING(BOOLEAN, "cookieless",
            "The client's flows are bound to no session cookie.",
            DEFAULT("false")),
    SETTING(STRINGS, "policies",
            "Policies that the client accepts; the first is its default.",
            DEFAULT("[]")),
    SETTING(STRING, "id_token_alg", "Algorithm that signs its ID tokens.",
            DEFAULT("\"RS256\""), CHOICES("RS256", "ES256")),
    SETTING(MAP, "claims", "ID token claim to attribute (STEP.ATTRIBUTE).",
            DEFAULT("{}")),
    SETTING(STRING, "pkce",
            "optional departs from RFC 9700, and start warns.",
            DEFAULT("\"required\""), CHOICES("required", "optional")),
    SETTING(STRINGS, "roles",
            "What the client may do at the REST planes with a token of its "
            "own.",
            DEFAULT("[]")),
    SETTING(STRINGS, "scopes",
            "Scopes of REST resources (p1:read:device ...) that it may ask "
            "for: what its users may then do for themselves.",
            DEFAULT("[]")),
    SETTING(OBJECT, "login_hint_token",
            "The client may sign users on by a signed hint.",
            MEMBERS(hint_settings)),
    SETTING(BOOLEAN, "free_text",
            "The client may pass a message's text of its own.",
            DEFAULT("false")),
    NULL,
};

const struct factor_setting *const host_settings[] = {
    SETTING(OBJECT, "server", "Listeners and their addresses.", DEFAULT("{}"),
            MEMBERS(server_settings)),
    SETTING(PATH, "plugin_directory", "Where the plugins lie.",
            DEFAULT("\"" FACTOR_PLUGIN_DIRECTORY "\"")),
    SETTING(PATH, "part_directory",
            "Where plugins' page parts lie, in a folder for each "
            "(adapter-NAME); those that are not there lie beside the plugin.",
            ),
    SETTING(PATH, "state_directory",
            "Where the daemon writes: store, keys, sockets.",
            DEFAULT("\"" FACTOR_STATE_DIRECTORY "\"")),
    SETTING(STATE_PATH, "keys_file", "The daemon's own keys.",
            DEFAULT("\"keys.json\"")),
    SETTING(STRING, "keys_secret",
            "Secret under which keys_file is sealed, at least 32 random "
            "characters kept elsewhere; without it the file is in clear.",
            SECRET),
    SETTING(STRING, "keys_old_secret",
            "Secret under which keys_file was sealed until now; the next "
            "start seals it under keys_secret, or puts it in clear.",
            SECRET),
    SETTING(STRING, "log_level", "Least level that is logged.",
            DEFAULT("\"info\""), CHOICES("error", "warning", "info", "debug")),
    SETTING(PATH, "users_file",
            "Users (NDJSON) that a store without any starts with.", ),
    SETTING(BY_NAME, "policies", "Sign-on policies.", DEFAULT("{}"),
            MEMBERS(policy_settings)),
    SETTING(BY_NAME, "clients", "OAuth clients, by client_id.", DEFAULT("{}"),
            MEMBERS(client_settings)),
    SETTING(ANY, "adapters", "Authentication adapters, by name.",
            DEFAULT("{}")),
    SETTING(ANY, "sources", "Sources that adapters ask, by name.",
            DEFAULT("{}")),
    SETTING(ANY, "delivery",
            "Delivery back ends: for each channel a list, tried in order.",
            DEFAULT("{}")),
    SETTING(ANY, "store", "Where records are kept.", REQUIRED),
    SETTING(OBJECT, "flow", "Sign-on flows.", DEFAULT("{}"),
            MEMBERS(flow_settings)),
    SETTING(OBJECT, "session", "Browser sessions.", DEFAULT("{}"),
            MEMBERS(session_settings)),
    SETTING(OBJECT, "outbox", "Delivery of messages.", DEFAULT("{}"),
            MEMBERS(outbox_settings)),
    SETTING(OBJECT, "outgoing", "Calls to gateways and push services.",
            DEFAULT("{}"), MEMBERS(outgoing_settings)),
    SETTING(OBJECT, "brand", "What users see of the service.", DEFAULT("{}"),
            MEMBERS(brand_settings)),
    SETTING(OBJECT, "limits", "What bounds sending, guessing and load.",
            DEFAULT("{}"), MEMBERS(limits_settings)),
    SETTING(OBJECT, "tokens", "Codes and tokens.", DEFAULT("{}"),
            MEMBERS(tokens_settings)),
    SETTING(OBJECT, "cache", "Memory for what was read.", DEFAULT("{}"),
            MEMBERS(cache_settings)),
    SETTING(ANY, "texts",
            "Texts that replace those of plugins, by language and key; "
            "{\"$file\": PATH} keeps them elsewhere.",
            DEFAULT("{}")),
    SETTING(OBJECT, "pages", "Which pages are served.", DEFAULT("{}"),
            MEMBERS(pages_settings)),
    NULL,
};

const struct host_section host_sections[] = {
    {"adapters", FACTOR_KIND_ADAPTER, SECTION_BY_NAME},
    {"sources", FACTOR_KIND_SOURCE, SECTION_BY_NAME},
    {"delivery", FACTOR_KIND_DELIVERY, SECTION_LISTS},
    {"store", FACTOR_KIND_STORE, SECTION_ONE},
    {NULL, 0, 0},
};

const char *const host_channels[] = {"email", "sms", "voice", "push", NULL};

const struct host_section *
host_section_find(const char *name)
{
    const struct host_section *section;

    for (section = host_sections; section->name; section++)
        if (strcmp(section->name, name) == 0)
            return section;
    return NULL;
}
