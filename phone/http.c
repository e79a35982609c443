/* SPDX-License-Identifier: MIT */
/* phone/http.c - the phone's transport, by libcurl: no redirects, no other
 * protocols, no more bytes than the phone takes, and each request once. */
#include "phone/http.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

enum { CONNECT_S = 10, ANSWER_S = 30 };

/* One block from the start: what grows leaves copies behind. */
struct body {
    char *bytes;
    size_t len;
};

static size_t
take(char *data, size_t size, size_t count, void *context)
{
    struct body *body = context;
    size_t room = FACTOR_PHONE_ANSWER_MAX + 1 - body->len;
    size_t len = size * count;
    bool fits = len <= room;

    if (!fits)
        len = room;
    memcpy(body->bytes + body->len, data, len);
    body->len += len;
    return fits ? len : 0; /* the rest is not worth waiting for */
}

static struct curl_slist *
headers(const struct factor_phone_call *call)
{
    char prefer[32];
    struct curl_slist *list, *longer;

    list = curl_slist_append(NULL, "Accept: application/json");
    if (list && call->body) {
        longer = curl_slist_append(list, "Content-Type: application/json");
        if (longer)
            longer = curl_slist_append(longer, "Expect:");
        if (longer && call->wait_s > 0) {
            snprintf(prefer, sizeof(prefer), "Prefer: wait=%u", call->wait_s);
            longer = curl_slist_append(longer, prefer);
        }
        if (!longer) {
            curl_slist_free_all(list);
            list = NULL;
        }
    }
    return list;
}

static void
set_call(CURL *curl, const struct factor_phone_call *call,
         const char *ca_file, struct curl_slist *list, struct body *body)
{
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    /* On a connection that was used before, libcurl repeats a request whose
     * answer does not come: that is for the phone to decide. */
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)(ANSWER_S + call->wait_s));
    curl_easy_setopt(curl, CURLOPT_USERAGENT,
                     "factor-phone/" PACKAGE_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    if (ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    if (strncmp(call->url, "http://", 7) == 0) /* loopback, see phone.h */
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (call->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)call->body_len);
    }
}

static int
perform(CURL *curl, const struct factor_phone_call *call,
        const struct body *body, struct factor_phone_reply *ret_reply,
        char *why, size_t why_size)
{
    CURLcode code = curl_easy_perform(curl);
    curl_off_t after_s = 0;

    if (code != CURLE_OK && body->len <= FACTOR_PHONE_ANSWER_MAX) {
        snprintf(why, why_size, "%s: %s", call->url,
                 curl_easy_strerror(code));
        return -1;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_reply->http);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after_s);
    ret_reply->retry_after_s = after_s;
    return 0;
}

int
http_send(void **curl, const char *ca_file,
          const struct factor_phone_call *call,
          struct factor_phone_reply *ret_reply, char *why, size_t why_size)
{
    struct body body = { malloc(FACTOR_PHONE_ANSWER_MAX + 1), 0 };
    struct curl_slist *list = headers(call);
    int failed = -1;

    if (!*curl)
        *curl = curl_easy_init();
    if (*curl && body.bytes && list) {
        set_call(*curl, call, ca_file, list, &body);
        failed = perform(*curl, call, &body, ret_reply, why, why_size);
        curl_easy_reset(*curl); /* what it points to goes away */
    }
    curl_slist_free_all(list);
    ret_reply->body = body.bytes;
    ret_reply->body_len = body.bytes ? body.len : 0;
    return failed;
}

void
http_close(void *curl)
{
    curl_easy_cleanup(curl);
}
