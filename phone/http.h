/* SPDX-License-Identifier: MIT */
/* phone/http.h - the phone's transport, by libcurl. */
#ifndef PHONE_HTTP_H
#define PHONE_HTTP_H

#include "phone/phone.h"

/* Send a call, as factor_phone_io's send; *curl is made at the first one. */
int http_send(void **curl, const char *ca_file,
              const struct factor_phone_call *call,
              struct factor_phone_reply *ret_reply, char *why,
              size_t why_size);
void http_close(void *curl);

#endif
