/* look_names: which values each page has: what a template, also an operator's, may use. A page's row is the one list of
 * them; a page that is shown with others is refused (site_page), so that a test finds it. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOOK_LOOK_NAMES_H
#define COUNTERSIGN_AUTH_SERVICE_LOOK_LOOK_NAMES_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/status.h"
#include "http/page.h"

/* A scope with those values, each list with one row. STATUS_INTERNAL: a page without a row; STATUS_NO_MEMORY. */
MUST_USE enum status look_names_scope(const char *file, struct arena *arena, struct page_scope *ret_scope);

/* Whether the values are those of the page, and all of them. What every page has is not asked for. */
MUST_USE bool look_names_fit(const char *file, const struct page_scope *scope);

#endif
