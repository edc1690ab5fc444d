/* cookies: those of this site. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_COOKIES_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_COOKIES_H

#include "base/slice.h"
#include "http/request.h"

/* A cookie for this site alone: HttpOnly, SameSite=Lax, and, over https, Secure with the prefix
 * __Host-. It ends with the browser's session, the device's after half a year, that of a language after a year. An
 * empty value deletes it. */
enum site_cookie { COOKIE_SESSION, COOKIE_LOGIN, COOKIE_DEVICE, COOKIE_CHALLENGE, COOKIE_LANGUAGE };
void site_set_cookie(struct request *request, enum site_cookie cookie, struct slice value);
/* The cookie's value; absent: the browser sent none. */
struct slice site_cookie(const struct request *request, enum site_cookie cookie);

#endif
