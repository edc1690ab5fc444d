/* not_found: an address that leads nowhere. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_NOT_FOUND_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_NOT_FOUND_H

#include "loop/flow.h"

/* For every path that no other route takes: a page for a person, a problem for a program. */
extern const struct step not_found[];

#endif
