/* security: a user's sessions, which he can end, and where his password is changed. */
#ifndef COUNTERSIGN_AUTH_SERVICE_ACCOUNT_SECURITY_H
#define COUNTERSIGN_AUTH_SERVICE_ACCOUNT_SECURITY_H

#include "http/request.h"
#include "loop/flow.h"

/* GET and POST /account/security */
extern const struct step security_show[];
extern const struct step security_end[];

/* Back to the page, which tells what became of a form: a name of its list of outcomes. */
enum step_result security_go_back(struct request *request, const char *outcome);

#endif
