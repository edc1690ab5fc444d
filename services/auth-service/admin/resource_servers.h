/* resource_servers: the admin API's calls on those who may ask for introspection. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_RESOURCE_SERVERS_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_RESOURCE_SERVERS_H

#include "loop/flow.h"

/* /admin/v1/resource-servers: GET, POST; …/{name}: GET, DELETE; …/{name}/rotate-key: POST */
extern const struct step resource_server_deeds_list[], resource_server_deeds_create[], resource_server_deeds_show[],
    resource_server_deeds_revoke[], resource_server_deeds_rotate[];

#endif
