/* SPDX-License-Identifier: MIT */
/* phone/show.h - what factor-phone prints: text for people, or JSON, one
 * object a line and nothing but ASCII. */
#ifndef PHONE_SHOW_H
#define PHONE_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "phone/phone.h"

/* Text of a host's, without what a terminal would obey: control characters
 * and those that turn the direction of writing become "?". */
void show_text(FILE *file, const char *text);

/* One line of JSON; the object is stolen. */
void show_json(json_t *object);

/* "K7Q F2M". */
void show_check(FILE *file, const char *check);

void show_pairing(const struct factor_phone_pairing *pairing, bool json);
void show_paired(const struct factor_phone_pairing *pairing, bool json);
void show_request(const struct factor_phone_pairing *pairing,
                  const struct factor_phone_request *request,
                  int64_t host_time_s, bool json);
void show_result(const struct factor_phone_request *request,
                 enum factor_phone_result result, bool json);

#endif
