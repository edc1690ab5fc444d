/* home: the page at the top, for whoever arrives without an application. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ACCOUNT_HOME_H
#define COUNTERSIGN_AUTH_SERVICE_ACCOUNT_HOME_H

#include "loop/flow.h"

/* GET / */
extern const struct step home_show[];

#endif
