/* clients: the admin API's calls on clients. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_CLIENTS_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_CLIENTS_H

#include "loop/flow.h"

/* /admin/v1/clients: GET, POST */
extern const struct step client_deeds_list[], client_deeds_create[];
/* /admin/v1/clients/{id}: GET, PATCH, DELETE */
extern const struct step client_deeds_show[], client_deeds_change[], client_deeds_delete[];
/* …/disable, /enable, /approve, /reject, /rotate-secret: POST */
extern const struct step client_deeds_disable[], client_deeds_enable[], client_deeds_approve[], client_deeds_reject[],
    client_deeds_rotate[];
/* …/secrets, /keys: GET */
extern const struct step client_deeds_secrets[], client_deeds_keys[];

#endif
