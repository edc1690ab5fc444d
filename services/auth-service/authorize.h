/* authorize: the resource owner grants or denies (RFC 5849 §2.2). */
#ifndef COUNTERSIGN_AUTH_SERVICE_AUTHORIZE_H
#define COUNTERSIGN_AUTH_SERVICE_AUTHORIZE_H

#include "loop/flow.h"

/* GET and POST /oauth/authorize */
extern const struct step authorize_show[];
extern const struct step authorize_decide[];

#endif
