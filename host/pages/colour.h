/* SPDX-License-Identifier: MIT */
/* host/pages/colour.h - colours, and whether one can be read on another (WCAG
 * 2.2).  Pure; any thread. */
#ifndef HOST_PAGES_COLOUR_H
#define HOST_PAGES_COLOUR_H

#include <stdbool.h>

struct colour {
    unsigned char red, green, blue;
};

/* "#0b6b6f", small letters or large. */
bool colour_parse(const char *text, struct colour *ret_colour);

/* So much of the one (0 to 1), the rest of the other. */
struct colour colour_mix(struct colour one, double part, struct colour other);

/* From 1 (the same) to 21; text needs 4.5. */
double colour_contrast(struct colour one, struct colour other);

/* What pages are painted with in one scheme. */
struct palette {
    struct colour accent, deep, on_accent, tint;
};

/* From the accent of a brand.  False: it is too pale to be read on white.  For
 * the dark scheme it is made lighter until it can be read. */
bool palette_light(struct colour accent, struct palette *ret_palette);
void palette_dark(struct colour accent, struct palette *ret_palette);

#endif
