/* SPDX-License-Identifier: MIT */
/* plugin/delivery-http/http_gateways.c - gateways that many use.
 *
 * An operator gives the account ("username", "password", "from"), and may give
 * any other setting over what stands here.
 */
#include "plugin/delivery-http/http_gateways.h"

#include <jansson.h>
#include <stddef.h>
#include <string.h>

const char *const http_gateway_names[] = {
    "kannel", "twilio", "twilio-voice", "vonage", NULL,
};

/* Twilio says what is wrong with a number by these codes of its error object:
 * no valid number, no route to it, unsubscribed, no mobile phone. */
#define TWILIO_RULES                                                           \
    "\"rules\": ["                                                             \
    "{\"status\": \"400\", \"pointer\": \"/code\", \"values\": ["              \
    "\"21211\", \"21214\", \"21217\", \"21610\", \"21612\", \"21614\"],"       \
    " \"result\": \"refused_address\"}],"                                      \
    "\"reference\": \"/sid\""

/* How it reports on a message, or a call. */
#define TWILIO_REPORTS(field, good, bad)                                       \
    ", \"report_request\": \"&StatusCallback={{report_url}}\","                \
    "\"report_rules\": ["                                                      \
    "{\"pointer\": \"/" field "\", \"values\": [" good "],"                    \
    " \"result\": \"delivered\"},"                                             \
    "{\"pointer\": \"/" field "\", \"values\": [" bad "],"                     \
    " \"result\": \"undelivered\"}]"

static const struct {
    const char *name;
    const char *settings;
} gateways[] = {
    {"kannel",
     "{\"method\": \"GET\","
     "\"url\": \"http://localhost:13013/cgi-bin/sendsms?username={{username}}"
     "&password={{password}}&from={{from}}&to={{to}}&charset=UTF-8&coding=2"
     "&text={{text}}\","
     "\"report_request\": \"&dlr-mask=19"
     "&dlr-url={{report_url}}%3Fstatus%3D%25d\","
     "\"report_rules\": ["
     "{\"pointer\": \"/status\", \"values\": [\"1\"],"
     " \"result\": \"delivered\"},"
     "{\"pointer\": \"/status\", \"values\": [\"2\", \"16\"],"
     " \"result\": \"undelivered\"}]}"},
    {"twilio",
     "{\"method\": \"POST\", \"authorization\": \"basic\","
     "\"url\": \"https://api.twilio.com/2010-04-01/Accounts/{{username}}"
     "/Messages.json\","
     "\"body_type\": \"form\","
     "\"body\": \"To={{to}}&From={{from}}&Body={{text}}\"," TWILIO_RULES
     TWILIO_REPORTS("MessageStatus", "\"delivered\"",
                    "\"undelivered\", \"failed\"") "}"},
    {"twilio-voice",
     "{\"method\": \"POST\", \"authorization\": \"basic\","
     "\"url\": \"https://api.twilio.com/2010-04-01/Accounts/{{username}}"
     "/Calls.json\","
     "\"body_type\": \"form\","
     "\"body\": \"To={{to}}&From={{from}}&Twiml=%3CResponse%3E"
     "%3CSay%20language%3D%22{{language|xml}}%22%20loop%3D%222%22%3E"
     "{{speech|xml}}%3C%2FSay%3E%3C%2FResponse%3E\"," TWILIO_RULES
     TWILIO_REPORTS("CallStatus", "\"completed\"",
                    "\"busy\", \"no-answer\", \"failed\", \"canceled\"") "}"},
    /* Always 200; the message's own status tells: 1 throttled, 5 and 10
     * theirs, 6 and 7 the number. */
    {"vonage",
     "{\"method\": \"POST\","
     "\"url\": \"https://rest.nexmo.com/sms/json\","
     "\"body_type\": \"json\","
     "\"body\": \"{\\\"api_key\\\": \\\"{{username}}\\\","
     " \\\"api_secret\\\": \\\"{{password}}\\\","
     " \\\"from\\\": \\\"{{from}}\\\","
     " \\\"to\\\": \\\"{{to_digits}}\\\", \\\"type\\\": \\\"unicode\\\","
     " \\\"client-ref\\\": \\\"{{id}}\\\", \\\"text\\\": \\\"{{text}}\\\"}\","
     "\"rules\": ["
     "{\"status\": \"200\", \"pointer\": \"/messages/0/status\","
     " \"values\": [\"0\"], \"result\": \"sent\"},"
     "{\"status\": \"200\", \"pointer\": \"/messages/0/status\","
     " \"values\": [\"1\", \"5\", \"10\"], \"result\": \"later\"},"
     "{\"status\": \"200\", \"pointer\": \"/messages/0/status\","
     " \"values\": [\"6\", \"7\"], \"result\": \"refused_address\"},"
     "{\"status\": \"200\", \"result\": \"refused_account\"}],"
     "\"reference\": \"/messages/0/message-id\","
     "\"report_request\": \", \\\"callback\\\": \\\"{{report_url}}\\\"\","
     "\"report_rules\": ["
     "{\"pointer\": \"/status\", \"values\": [\"delivered\"],"
     " \"result\": \"delivered\"},"
     "{\"pointer\": \"/status\","
     " \"values\": [\"expired\", \"failed\", \"rejected\"],"
     " \"result\": \"undelivered\"}]}"},
};

json_t *
http_gateway(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(gateways) / sizeof(gateways[0]); i++)
        if (strcmp(gateways[i].name, name) == 0)
            return json_loads(gateways[i].settings, JSON_REJECT_DUPLICATES,
                              NULL);
    return NULL;
}
