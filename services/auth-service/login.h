/* login: the built-in door: user name and password (design: login is one mechanism with three doors). */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_H

#include "base/attributes.h"
#include "base/slice.h"
#include "http/request.h"

/* GET and POST /login, POST /logout */
extern const struct step login_show[];
extern const struct step login_submit[];
extern const struct step logout_submit[];

/* Sends the browser to the login page, which brings it back to `return_to` (a target of this site). */
enum step_result login_redirect(struct request *request, struct slice return_to);

/* Whether a browser may be sent there after login: the authorize path with a query, or the home page. */
MUST_USE bool login_may_return_to(struct slice target, struct slice authorize_path);

#endif
