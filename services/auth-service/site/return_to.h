/* return_to: where a browser goes on after login and logout: a page of this site, never another's. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_RETURN_TO_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_RETURN_TO_H

#include "base/attributes.h"
#include "base/slice.h"
#include "http/request.h"

#include <stdbool.h>

/* Whether it is the authorize page (its path, with the public URL's prefix) and a query that is percent-encoded
 * throughout: so it is a path of this site, whatever a browser makes of "//", "\" or control characters. */
MUST_USE bool return_to_is_safe(struct slice target, struct slice authorize_page);

/* What was asked for if it is safe, or a page for logged-in users (below /account or /developer), else the home page.
 * Absent: no memory. */
struct slice return_to_choose(struct request *request, struct slice wanted);

/* Whether it is a path of this site (behind the public URL's prefix), whatever a browser makes of it, with a query that
 * is percent-encoded but for slashes. */
MUST_USE bool return_to_is_local(struct slice target, struct slice prefix);

/* What was asked for if it is any page of this site, else the home page: for who changes nothing but how pages look.
 * Absent: no memory. */
struct slice return_to_page(struct request *request, struct slice wanted);

/* The authorize page with this oauth_token. Absent: no memory. */
struct slice return_to_authorize(struct request *request, struct slice oauth_token);

#endif
