/* paths: where the site's pages stand, behind the path prefix of the public URL. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SITE_PATHS_H
#define COUNTERSIGN_AUTH_SERVICE_SITE_PATHS_H

#include "base/attributes.h"
#include "http/request.h"

#include <stdbool.h>

/* Where a user's own pages stand, which lead to each other. */
#define APPLICATIONS_PATH    "/account/applications"
#define SECURITY_PATH        "/account/security"
#define PASSWORD_CHANGE_PATH "/account/password"

/* "/login" behind the public URL's path prefix, in the request's arena; NULL: no memory. */
const char *site_path(struct request *request, const char *path);

/* Login and consent need TLS as initiate does, except on a developer's own machine. */
MUST_USE bool site_is_secure(const struct request *request);

#endif
