/* login: the built-in way to log in: user name and password (delegated_login.h and trusted_login.h are the others). */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_LOGIN_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_LOGIN_H

#include "base/slice.h"
#include "http/request.h"

/* A session ends after this time, whatever it was used for. */
enum { SESSION_TTL_MS = 12 * 3600 * 1000 };

/* GET and POST /login */
extern const struct step login_show[];
extern const struct step login_submit[];

/* Sends the browser to the login page, which brings it back to `return_to` (return_to.h; absent: no memory). */
enum step_result login_redirect(struct request *request, struct slice return_to);
/* The same for somebody who is told why: "again" (he is logged in, too long for what comes next), "changed" (he has a
 * new password). */
enum step_result login_redirect_because(struct request *request, struct slice return_to, const char *reason);

#endif
