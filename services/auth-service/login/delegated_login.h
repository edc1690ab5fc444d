/* delegated_login: logging in at a site that has its own accounts (OAUTH1_LOGIN_URL): the browser goes there with a
 * challenge, the site tells the admin port who it is, and the browser comes back with a secret (challenge.h,
 * protocol/login_continue.h). */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_DELEGATED_LOGIN_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_DELEGATED_LOGIN_H

#include "app/app.h"
#include "base/slice.h"
#include "loop/flow.h"

/* Such a session ends after this time: the site may have logged its user out since. */
enum { DELEGATED_SESSION_TTL_MS = 600 * 1000 };

/* GET /login: for a page. */
extern const struct step delegated_login_show[];

static inline bool delegated_login_is_on(const struct config *config)
{
    return !slice_is_absent(config->login_url);
}

/* Leaves the flow's table and sends the browser to the site, with a challenge for this temporary credential. The step
 * answers with the result. */
enum step_result delegated_login_ask(struct flow *flow, struct slice oauth_token);

#endif
