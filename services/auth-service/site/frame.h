/* frame: a page in the language of who reads it, inside the layout of the site. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_FRAME_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_FRAME_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "http/page.h"
#include "http/request.h"
#include "look/look.h"

/* The look, and the language of it that this request's pages are in. Given back by frame_end. */
struct frame_view {
    struct look *look;
    const struct look_language *language;
};
struct frame_view frame_begin(const struct request *request);
void frame_end(const struct request *request, const struct frame_view *view);

/* Appends the whole page: the template `file` with these values and those that every page has, inside layout.html.
 * `title` is a key, whose placeholders are values of the page. STATUS_INTERNAL: a bug of the page; STATUS_NO_MEMORY. */
MUST_USE enum status frame_render(struct request *request, const struct frame_view *view, const char *title,
                                  const char *file, const struct page_scope *scope, struct buf *out);

#endif
