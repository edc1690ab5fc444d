/* user_sessions: ends the login sessions of a user, whom the site has logged out. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_USER_SESSIONS_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_USER_SESSIONS_H

#include "loop/flow.h"

/* DELETE /admin/v1/users/{sub}/sessions */
extern const struct step user_sessions_end[];

#endif
