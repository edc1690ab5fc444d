/* clients: the pages on which a developer finds and registers clients of his own. */
#ifndef COUNTERSIGN_AUTH_SERVICE_DEVELOPER_CLIENTS_H
#define COUNTERSIGN_AUTH_SERVICE_DEVELOPER_CLIENTS_H

#include "loop/flow.h"

/* In place of all of them where nobody registers clients (OAUTH1_REGISTRATION). */
extern const struct step clients_off[];
/* GET /developer/applications */
extern const struct step clients_show[];
/* GET and POST /developer/applications/new */
extern const struct step client_new_show[];
extern const struct step client_new_submit[];

#endif
