/* SPDX-License-Identifier: MIT */
/* ctl/print.h - answers of the daemon as text for a terminal. */
#ifndef CTL_PRINT_H
#define CTL_PRINT_H

#include <jansson.h>

/* As one line of JSON. */
void print_json(const json_t *json);
/* Why a request was refused, to stderr. */
void print_refusal(const json_t *body);
void print_user(const json_t *user);
void print_template(const json_t *template);
void print_rendered(const json_t *message);
void print_message(const json_t *message);
/* Refused lines of an import, to stderr; how many. */
json_int_t print_failed(const json_t *answer);
/* The URI of an authenticator app, and its QR code. */
void print_totp(json_t *answer);
/* A pairing link, and its QR code. */
void print_pairing_key(json_t *answer);
/* A user's devices, one a line; the one that was added. */
void print_devices(json_t *answer);
void print_added(json_t *answer);
void print_audit(const json_t *answer);
/* Each member a line. */
void print_members(json_t *object);

#endif
