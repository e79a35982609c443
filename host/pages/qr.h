/* SPDX-License-Identifier: MIT */
/* host/pages/qr.h - QR codes for pages: a text in, a picture out. */
#ifndef HOST_PAGES_QR_H
#define HOST_PAGES_QR_H

#include "host/http/http.h"

/* POST /qr: the body, up to 1,024 bytes, as an SVG.  The text never stands in
 * a URL and the picture is not kept, so it may hold a secret. */
extern const struct http_route qr_routes[];

#endif
