/* trusted_login: logging in by a proxy that has logged its user in already (OAUTH1_LOGIN_TRUSTED_HEADER): each request
 * says in a header who it is. The session is there for the forms' secret alone. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_TRUSTED_LOGIN_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_TRUSTED_LOGIN_H

#include "app/app.h"
#include "base/slice.h"
#include "durable/users.h"
#include "loop/flow.h"

static inline bool trusted_login_is_on(const struct config *config)
{
    return !slice_is_absent(config->login_trusted_header);
}

/* Whom the header names. Absent: the peer is none of OAUTH1_TRUSTED_PROXIES, the header is missing or there twice, or
 * no site may name a user so: nobody is logged in. */
struct slice trusted_login_subject(const struct request *request);

/* Completes with the struct user of this subject, who is made if need be. */
void trusted_login_find_start(const struct request *request, struct slice subject, struct ticket ticket);

/* Replies that nobody is logged in; `status`: of trusted_login_find_start, or OK where there was nobody to find. */
enum step_result trusted_login_refuse(struct request *request, enum status status);

/* Leaves the flow's table: a new session for this user instead of the one that there is, and on to `return_to`. The
 * step answers with the result. */
enum step_result trusted_login_enter(struct flow *flow, const struct user *user, struct slice return_to);

/* GET /login */
extern const struct step trusted_login_show[];

#endif
