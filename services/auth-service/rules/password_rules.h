/* password_rules: which passwords a user may choose (NIST SP 800-63B-4 §3.1.1.2): long ones, and none of those that
 * everybody tries first. What it is made of is nobody's business: no rule asks for digits or signs. */
#ifndef COUNTERSIGN_AUTH_SERVICE_RULES_PASSWORD_RULES_H
#define COUNTERSIGN_AUTH_SERVICE_RULES_PASSWORD_RULES_H

#include "base/slice.h"

enum { PASSWORD_MIN_CHARACTERS = 15 };

enum password_fault {
    PASSWORD_GOOD,
    PASSWORD_TOO_SHORT,
    PASSWORD_TOO_LONG, /* more than PASSWORD_MAX_BYTES */
    PASSWORD_HAS_NUL,
    PASSWORD_REPEATS, /* the same few characters again and again, or a row of the keyboard */
    PASSWORD_IS_NAME,
    PASSWORD_COMMON, /* passwords/common.txt */
};

/* The whole password is compared, and not what is in it; upper and lower case, spaces and signs make no difference, nor
 * do digits before and after it. */
enum password_fault password_judge(struct slice password, struct slice username);
/* What is wrong with it and what to do, for whoever chose it; after "the password ". */
const char *password_fault_text(enum password_fault fault);

#endif
