/* applications: what a user has authorized, and how he takes it back. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ACCOUNT_APPLICATIONS_H
#define COUNTERSIGN_AUTH_SERVICE_ACCOUNT_APPLICATIONS_H

#include "loop/flow.h"

/* GET and POST /account/applications */
extern const struct step applications_show[];
extern const struct step applications_change[];

#endif
