/* client_actions: the page of one client of a developer's own, and all that he does to it. */
#ifndef COUNTERSIGN_AUTH_SERVICE_DEVELOPER_CLIENT_ACTIONS_H
#define COUNTERSIGN_AUTH_SERVICE_DEVELOPER_CLIENT_ACTIONS_H

#include "loop/flow.h"

/* GET and POST /developer/applications/{id}. The form says by its `do` what is done. */
extern const struct step client_show_own[];
extern const struct step client_do[];

#endif
