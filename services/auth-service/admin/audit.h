/* audit: the admin API's call on the audit log. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_AUDIT_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_AUDIT_H

#include "loop/flow.h"

/* /admin/v1/audit: GET */
extern const struct step audit_deeds_list[];

#endif
