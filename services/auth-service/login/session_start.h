/* session_start: a new login session for a browser that somebody vouched for, in place of the one that it had. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_SESSION_START_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_SESSION_START_H

#include "base/attributes.h"
#include "durable/users.h"
#include "ephemeral/ephemeral.h"
#include "http/request.h"
#include "loop/flow.h"

#include <stdint.h>

enum { SESSION_ID_BYTES = 32 };

enum { SESSION_MORE_MAX = 4 };

/* A step answers with the result: waits, or replies with a refusal. The session's form secret is made here, and its id,
 * which goes into COOKIE_SESSION once session_started said OK. Where it waits, it does so for `more` tickets of the
 * caller's as well, at most SESSION_MORE_MAX; ret_more may be NULL if that is 0. */
enum step_result session_start(struct flow *flow, const struct session *session, int64_t ttl_ms, size_t more,
                               struct ticket *ret_more, char id[SESSION_ID_BYTES]);
/* A row of the audit log: that this user logged in or out. `client`: who asked for it; empty: nobody. Completes with
 * the status. */
void session_audit_start(struct request *request, const char *what, const struct user *user, struct slice client,
                         struct ticket ticket);
/* In the next step: of all that it waited for. */
MUST_USE enum status session_started(struct flow *flow, size_t more);

#endif
