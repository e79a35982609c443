/* SPDX-License-Identifier: MIT */
/* phone/frame.c - what stands around every call: errors, the state loaded,
 * locked and saved, clocks. */
#include "phone/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A second of the host's clock, and a slow network, are no difference. */
enum { CLOCK_SLACK_MS = 3000 };

struct factor_phone *
factor_phone_new(const struct factor_phone_io *io)
{
    struct factor_phone *self = calloc(1, sizeof(*self));

    if (self)
        self->io = *io;
    return self;
}

void
factor_phone_free(struct factor_phone *self)
{
    free(self);
}

/* --- errors --- */

const struct factor_phone_error *
factor_phone_why(const struct factor_phone *self)
{
    return &self->error;
}

/* One line; and no piece of a character at the end, where it was cut. */
static void
clean_line(char *text, size_t size)
{
    size_t len = strlen(text), i;

    for (i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
    if (len + 1 < size)
        return;
    while (len > 0 && (text[len - 1] & 0xc0) == 0x80)
        len--;
    if (len > 0 && (text[len - 1] & 0x80))
        len--;
    text[len] = '\0';
}

enum factor_phone_status
phone_fail(struct factor_phone *self, enum factor_phone_status status,
           const char *format, ...)
{
    va_list args;

    self->error.status = status;
    va_start(args, format);
    vsnprintf(self->error.text, sizeof(self->error.text), format, args);
    va_end(args);
    clean_line(self->error.text, sizeof(self->error.text));
    return status;
}

enum factor_phone_status
phone_no_memory(struct factor_phone *self)
{
    return phone_fail(self, FACTOR_PHONE_MEMORY,
                      "out of memory, or of randomness");
}

void
phone_forget_error(struct factor_phone *self)
{
    memset(&self->error, 0, sizeof(self->error));
}

/* --- the state --- */

static enum factor_phone_status
load(struct factor_phone *self)
{
    char *blob = NULL;
    size_t len = 0;
    bool ok;

    if (self->io.load(self->io.context, &blob, &len))
        return phone_fail(self, FACTOR_PHONE_STORAGE,
                          "the phone's state cannot be read");
    ok = phone_state_read(blob, len, &self->state);
    if (blob)
        phone_wipe(blob, len);
    free(blob);
    return ok ? FACTOR_PHONE_OK
              : phone_fail(self, FACTOR_PHONE_STORAGE,
                           "what is stored is not the state of a phone");
}

enum factor_phone_status
phone_begin(struct factor_phone *self, bool locked)
{
    phone_forget_error(self);
    self->changed = false;
    self->locked = locked && self->io.lock && self->io.unlock;
    if (self->locked && self->io.lock(self->io.context)) {
        self->locked = false;
        return phone_fail(self, FACTOR_PHONE_STORAGE,
                          "the phone's state cannot be locked");
    }
    return load(self);
}

enum factor_phone_status
phone_save(struct factor_phone *self)
{
    size_t len = 0;
    char *blob = phone_state_write(&self->state, &len);
    bool saved = blob && !self->io.save(self->io.context, blob, len);

    if (blob)
        phone_wipe(blob, len);
    free(blob);
    self->changed = false; /* also if it failed: nobody is to try again */
    return saved ? FACTOR_PHONE_OK
                 : phone_fail(self, FACTOR_PHONE_STORAGE,
                              "the phone's state cannot be saved");
}

enum factor_phone_status
phone_end(struct factor_phone *self, enum factor_phone_status status)
{
    if (self->changed && phone_save(self))
        status = FACTOR_PHONE_STORAGE;
    phone_state_clear(&self->state);
    if (self->locked)
        self->io.unlock(self->io.context);
    self->locked = false;
    return status;
}

struct phone_pairing *
phone_find(struct factor_phone *self, const char *device)
{
    struct phone_pairing *pairing;
    size_t i;

    for (i = 0; i < self->state.count; i++) {
        pairing = self->state.items[i];
        if (pairing->device && strcmp(pairing->device, device) == 0)
            return pairing;
    }
    phone_fail(self, FACTOR_PHONE_NOT_FOUND, "there is no such pairing");
    return NULL;
}

enum factor_phone_status
phone_open(struct factor_phone *self, const char *device,
           struct phone_pairing **ret_pairing)
{
    enum factor_phone_status status;
    struct phone_pairing *pairing;

    status = phone_begin(self, true);
    if (status)
        return status;
    pairing = phone_find(self, device);
    if (!pairing)
        return FACTOR_PHONE_NOT_FOUND;
    status = phone_settle(self, pairing);
    if (status)
        return status;
    *ret_pairing = pairing;
    return FACTOR_PHONE_OK;
}

/* --- clocks --- */

int64_t
phone_now_ms(const struct factor_phone *self,
             const struct phone_pairing *pairing)
{
    return self->io.now_ms(self->io.context) + pairing->clock_off_ms;
}

void
phone_learn_clock(struct factor_phone *self, struct phone_pairing *pairing)
{
    int64_t off_ms;

    if (self->heard_s < 0)
        return;
    /* Half a second: the host says whole ones. */
    off_ms = self->heard_s * 1000 + 500 - self->io.now_ms(self->io.context);
    if (llabs(off_ms - pairing->clock_off_ms) <= CLOCK_SLACK_MS)
        return;
    pairing->clock_off_ms = off_ms;
    self->changed = true;
}
