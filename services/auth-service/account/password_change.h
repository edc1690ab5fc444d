/* password_change: a user whose account was made here chooses another password. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ACCOUNT_PASSWORD_CHANGE_H
#define COUNTERSIGN_AUTH_SERVICE_ACCOUNT_PASSWORD_CHANGE_H

#include "loop/flow.h"

/* POST /account/password */
extern const struct step password_change[];

#endif
