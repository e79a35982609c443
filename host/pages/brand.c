/* SPDX-License-Identifier: MIT */
/* host/pages/brand.c - name, logo and colour of the pages. */
#include "host/pages/brand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/error.h"
#include "host/pages/colour.h"

#define OUR_NAME "factord"
#define OUR_LOGO "/common/icon.svg"
#define STYLE "/common/style.css"

struct brand {
    char *name; /* escaped */
    char *logo_file;
    char *style; /* to be added to that of the pages */
    const char *logo;
};

static char *
escaped(const char *text)
{
    char *html = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&html, &size);

    if (!to)
        return NULL;
    for (; *text; text++)
        if (strchr("&<>\"'", *text))
            fprintf(to, "&#%d;", *text);
        else
            fputc(*text, to);
    if (fclose(to) == 0)
        return html;
    free(html);
    return NULL;
}

/* --- Colours. --- */

static void
put_colour(FILE *to, const char *name, struct colour colour)
{
    fprintf(to, "--%s:#%02x%02x%02x;", name, colour.red, colour.green,
            colour.blue);
}

static void
put_palette(FILE *to, const struct palette *palette)
{
    fputs(":root{", to);
    put_colour(to, "accent", palette->accent);
    put_colour(to, "deep", palette->deep);
    put_colour(to, "on-accent", palette->on_accent);
    put_colour(to, "tint", palette->tint);
    fputs("}", to);
}

static char *
style_of(struct colour accent)
{
    struct palette light, dark;
    char *style = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&style, &size);

    if (!to)
        return NULL;
    palette_light(accent, &light);
    palette_dark(accent, &dark);
    fputs("\n", to);
    put_palette(to, &light);
    fputs("\n@media (prefers-color-scheme: dark){", to);
    put_palette(to, &dark);
    fputs("}\n", to);
    if (fclose(to) == 0)
        return style;
    free(style);
    return NULL;
}

/* --- The brand. --- */

factor_status
brand_new(const struct config *config, struct brand **ret_brand,
          struct factor_error *err)
{
    const char *name = config_text(config, "/brand/name");
    const char *logo = config_text(config, "/brand/logo");
    const char *accent = config_text(config, "/brand/accent");
    struct brand *brand = calloc(1, sizeof(*brand));
    struct colour colour;
    bool done = brand != NULL;

    if (done)
        done = (brand->name = escaped(name ? name : OUR_NAME)) != NULL;
    if (done && logo)
        done = (brand->logo_file = strdup(logo)) != NULL;
    if (done && accent && colour_parse(accent, &colour))
        done = (brand->style = style_of(colour)) != NULL;
    if (!done) {
        brand_free(brand);
        return error_set(err, FACTOR_E_NOMEM, "out of memory");
    }
    brand->logo = !logo                      ? OUR_LOGO
                  : strstr(logo, ".png") != NULL ? "/common/brand.png"
                                                 : "/common/brand.svg";
    *ret_brand = brand;
    return FACTOR_OK;
}

void
brand_free(struct brand *brand)
{
    if (!brand)
        return;
    free(brand->name);
    free(brand->logo_file);
    free(brand->style);
    free(brand);
}

const char *
brand_name(const struct brand *brand)
{
    return brand ? brand->name : OUR_NAME;
}

const char *
brand_logo(const struct brand *brand)
{
    return brand ? brand->logo : OUR_LOGO;
}

const char *
brand_logo_file(const struct brand *brand)
{
    return brand ? brand->logo_file : NULL;
}

/* --- Files. --- */

static const char *
value_of(const struct brand *brand, const char *mark, size_t len)
{
    if (len == 5 && memcmp(mark, "brand", len) == 0)
        return brand_name(brand);
    if (len == 4 && memcmp(mark, "logo", len) == 0)
        return brand_logo(brand);
    return "";
}

static void
fill(const struct brand *brand, FILE *to, const char *html)
{
    const char *open, *end;

    while ((open = strstr(html, "{{")) && (end = strstr(open, "}}"))) {
        fwrite(html, 1, (size_t)(open - html), to);
        fputs(value_of(brand, open + 2, (size_t)(end - open - 2)), to);
        html = end + 2;
    }
    fputs(html, to);
}

static bool
is_html(const char *path)
{
    size_t len = strlen(path);

    return len > 5 && strcmp(path + len - 5, ".html") == 0;
}

char *
brand_apply(const struct brand *brand, const char *path, char *body,
            size_t *len)
{
    bool styled = strcmp(path, STYLE) == 0 && brand && brand->style;
    char *applied = NULL;
    FILE *to;

    if (!body || (!styled && !is_html(path)))
        return body;
    to = open_memstream(&applied, len);
    if (to && styled)
        fprintf(to, "%s%s", body, brand->style);
    else if (to)
        fill(brand, to, body);
    free(body);
    if (to && fclose(to) == 0)
        return applied;
    free(applied);
    return NULL;
}
