/* authorize: the resource owner grants or denies (RFC 5849 §2.2). */
#ifndef COUNTERSIGN_AUTH_SERVICE_PROTOCOL_AUTHORIZE_H
#define COUNTERSIGN_AUTH_SERVICE_PROTOCOL_AUTHORIZE_H

#include "base/slice.h"
#include "loop/flow.h"

/* GET and POST /oauth/authorize */
extern const struct step authorize_show[];
extern const struct step authorize_decide[];

/* Leaves the flow's table: the temporary credential is denied by the site that was to log its user in, and the browser
 * goes back to the client. The step answers with the result. */
enum step_result authorize_reject(struct flow *flow, struct slice oauth_token);

#endif
