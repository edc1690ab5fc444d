/* import: the admin API's call that takes over clients, users and tokens of another provider. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_IMPORT_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_IMPORT_H

#include "loop/flow.h"

/* POST /admin/v1/import. */
extern const struct step import_deeds_take[];

#endif
