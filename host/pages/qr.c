/* SPDX-License-Identifier: MIT */
/* host/pages/qr.c - QR codes for pages: a text in, a picture out. */
#include "host/pages/qr.h"

#include <errno.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/api/api.h"

enum {
    TEXT_MAX = 1024,
    QUIET = 4 /* modules of margin that readers want (ISO/IEC 18004) */
};

/* One path of all dark modules: a square for each. */
static void
draw(FILE *out, const QRcode *code)
{
    int side = code->width + 2 * QUIET, x, y;

    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
            "shape-rendering=\"crispEdges\"><path fill=\"#fff\" "
            "d=\"M0 0h%dv%dH0z\"/><path d=\"",
            side, side, side, side);
    for (y = 0; y < code->width; y++)
        for (x = 0; x < code->width; x++)
            if (code->data[y * code->width + x] & 1)
                fprintf(out, "M%d %dh1v1h-1z", x + QUIET, y + QUIET);
    fputs("\"/></svg>", out);
}

/* NULL: it is too long for a code, or there is no memory. */
static char *
picture(const char *text, size_t *ret_len)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    char *svg = NULL;
    FILE *out = code ? open_memstream(&svg, ret_len) : NULL;

    if (out) {
        draw(out, code);
        if (fclose(out) != 0) {
            free(svg);
            svg = NULL;
        }
    }
    QRcode_free(code);
    return svg;
}

static void
handle(struct http_request *request)
{
    struct http_reply *reply;
    char text[TEXT_MAX + 1];
    size_t len, svg_len = 0;
    const char *body = http_body(request, &len);
    char *svg = NULL;

    if (len == 0 || len > TEXT_MAX || memchr(body, '\0', len)) {
        http_reply(request, api_error(http_context(request), request,
                                      "INVALID_REQUEST", NULL));
        return;
    }
    memcpy(text, body, len);
    text[len] = '\0';
    svg = picture(text, &svg_len);
    explicit_bzero(text, sizeof(text));
    reply = svg ? http_reply_new(200, "image/svg+xml", svg, svg_len) : NULL;
    if (reply)
        http_reply_header(reply, "Cache-Control", "no-store");
    http_reply(request, reply);
}

const struct http_route qr_routes[] = {
    {"/qr", "qr", HTTP_POST, 0, TEXT_MAX, handle},
    {0},
};
