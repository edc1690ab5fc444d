/* login_continue: a browser comes back from the site that logs its users in (login/delegated_login.h), with what the
 * site decided: a session begins, or the client is told that access was denied. */
#ifndef COUNTERSIGN_AUTH_SERVICE_PROTOCOL_LOGIN_CONTINUE_H
#define COUNTERSIGN_AUTH_SERVICE_PROTOCOL_LOGIN_CONTINUE_H

#include "loop/flow.h"

/* GET /login/continue */
extern const struct step login_continue[];

#endif
