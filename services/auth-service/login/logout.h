/* logout: ends the session of whom the form was made for. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_LOGOUT_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_LOGOUT_H

#include "loop/flow.h"

/* POST /logout */
extern const struct step logout_submit[];

#endif
