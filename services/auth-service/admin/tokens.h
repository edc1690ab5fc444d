/* tokens: the admin API's calls on token credentials. None shows a token or its secret, but the one that issues it. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ADMIN_TOKENS_H
#define COUNTERSIGN_AUTH_SERVICE_ADMIN_TOKENS_H

#include "loop/flow.h"

/* /admin/v1/tokens: GET, DELETE (in bulk, or with dry_run=true only counted), POST */
extern const struct step token_deeds_list[], token_deeds_revoke_all[], token_deeds_issue[];
/* /admin/v1/clients/{id}/tokens: GET */
extern const struct step token_deeds_of_client[];
/* /admin/v1/tokens/{jti}: GET, DELETE */
extern const struct step token_deeds_show[], token_deeds_revoke[];

#endif
