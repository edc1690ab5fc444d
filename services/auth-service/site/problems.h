/* problems: what the codes mean that answers and pages name, for developers: from the one list (base/status.h). */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_PROBLEMS_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_PROBLEMS_H

#include "http/request.h"

/* GET /problems */
extern const struct step problems_show[];

#endif
