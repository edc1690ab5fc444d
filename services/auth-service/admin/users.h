/* users: the admin API's calls on resource owners (their sessions: user_sessions.h). */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_USERS_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_USERS_H

#include "loop/flow.h"

/* /admin/v1/users: GET, POST */
extern const struct step user_deeds_list[], user_deeds_create[];
/* /admin/v1/users/{sub}: GET, DELETE; …/disable, /enable: POST */
extern const struct step user_deeds_show[], user_deeds_delete[], user_deeds_disable[], user_deeds_enable[];

#endif
