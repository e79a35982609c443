/* SPDX-License-Identifier: MIT */
/* host/pages/colour.c - colours, and whether one can be read on another. */
#include "host/pages/colour.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct colour white = {255, 255, 255}, black = {0, 0, 0};
static const struct colour ground = {0xf3, 0xf5, 0xf6};       /* style.css */
static const struct colour dark_surface = {0x18, 0x22, 0x26}; /* likewise */

#define READABLE 4.5
#define TINT 0.1
#define DARK_TINT 0.18

bool
colour_parse(const char *text, struct colour *ret_colour)
{
    if (strlen(text) != 7 || strspn(text + 1, "0123456789abcdefABCDEF") != 6)
        return false;
    return sscanf(text, "#%2hhx%2hhx%2hhx", &ret_colour->red,
                  &ret_colour->green, &ret_colour->blue) == 3;
}

static unsigned char
mixed(unsigned char one, double part, unsigned char other)
{
    return (unsigned char)(one * part + other * (1 - part) + 0.5);
}

struct colour
colour_mix(struct colour one, double part, struct colour other)
{
    return (struct colour){
        mixed(one.red, part, other.red),
        mixed(one.green, part, other.green),
        mixed(one.blue, part, other.blue),
    };
}

static double
linear(unsigned char channel)
{
    double part = channel / 255.0;

    return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4);
}

static double
luminance(struct colour colour)
{
    return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) +
           0.0722 * linear(colour.blue);
}

double
colour_contrast(struct colour one, struct colour other)
{
    double a = luminance(one) + 0.05, b = luminance(other) + 0.05;

    return a > b ? a / b : b / a;
}

bool
palette_light(struct colour accent, struct palette *ret_palette)
{
    *ret_palette = (struct palette){
        .accent = accent,
        .deep = colour_mix(accent, 0.8, black),
        .on_accent = white,
        .tint = colour_mix(accent, TINT, white),
    };
    return colour_contrast(accent, ground) >= READABLE &&
           colour_contrast(accent, ret_palette->tint) >= READABLE;
}

void
palette_dark(struct colour accent, struct palette *ret_palette)
{
    struct colour lighter = accent, tint = dark_surface;
    int step;

    for (step = 0; step <= 20; step++) {
        lighter = colour_mix(white, step / 20.0, accent);
        tint = colour_mix(lighter, DARK_TINT, dark_surface);
        if (colour_contrast(lighter, tint) >= READABLE)
            break;
    }
    *ret_palette = (struct palette){
        .accent = lighter,
        .deep = colour_mix(lighter, 0.75, white),
        .on_accent = colour_mix(dark_surface, 0.5, black),
        .tint = tint,
    };
}
