/* user_draft: whether a user can be made so: the one judge of `user create` and of the admin API. */
#ifndef COUNTERSIGN_AUTH_SERVICE_RULES_USER_DRAFT_H
#define COUNTERSIGN_AUTH_SERVICE_RULES_USER_DRAFT_H

#include "base/slice.h"

#include <stdbool.h>

struct user_fault {
    const char *option; /* "username", "email" */
    const char *why;
};

/* False: *ret_fault. An absent address is fine. */
bool user_draft_judge(struct slice username, struct slice email, struct user_fault *ret_fault);

#endif
