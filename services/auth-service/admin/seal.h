/* seal: the admin API's calls on the sealing keys. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_SEAL_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_SEAL_H

#include "loop/flow.h"

/* GET and POST /admin/v1/seal. */
extern const struct step seal_deeds_show[], seal_deeds_rewrite[];

#endif
