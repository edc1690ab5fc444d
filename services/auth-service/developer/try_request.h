/* try_request: a request that a developer pastes is judged for him: its base string, and what is wrong with it. For his
 * own clients alone; nothing is spent, and no secret is shown. */
#ifndef COUNTERSIGN_AUTH_SERVICE_DEVELOPER_TRY_REQUEST_H
#define COUNTERSIGN_AUTH_SERVICE_DEVELOPER_TRY_REQUEST_H

#include "loop/flow.h"

/* GET and POST /developer/try */
extern const struct step try_request_show[];
extern const struct step try_request_submit[];

#endif
