/* temp_rules: what may happen to a temporary credential: one source for every ephemeral store.
 *
 * A store reads its record, lets a rule change it, and writes it back in one atomic step, before it tells the status:
 * also where the rule refuses (a wrong verifier is counted). Rules borrow the texts of `with`. */
#ifndef COUNTERSIGN_EPHEMERAL_TEMP_RULES_H
#define COUNTERSIGN_EPHEMERAL_TEMP_RULES_H

#include "base/attributes.h"
#include "base/status.h"
#include "ephemeral/ephemeral.h"

/* What a change brings along. */
struct temp_change {
    struct temp_grant grant; /* grant */
    int64_t user;            /* deny */
    struct slice verifier;   /* try */
};

/* `temp->expired` is set. *ret_changed: whether `temp` must be written back. The status is that of the port's function
 * (ephemeral_temp_…_start). */
typedef enum status (*temp_rule_fn)(struct temp_credential *temp, const struct temp_change *with, bool *ret_changed);

/* Changes nothing. */
MUST_USE enum status temp_rule_look(struct temp_credential *temp, const struct temp_change *with, bool *ret_changed);
/* The first decision ties it to its user. */
MUST_USE enum status temp_rule_grant(struct temp_credential *temp, const struct temp_change *with, bool *ret_changed);
MUST_USE enum status temp_rule_deny(struct temp_credential *temp, const struct temp_change *with, bool *ret_changed);
/* Compares in constant time; a wrong one is counted, and the last of TEMP_MAX_WRONG kills. */
MUST_USE enum status temp_rule_try(struct temp_credential *temp, const struct temp_change *with, bool *ret_changed);
MUST_USE enum status temp_rule_exchange(struct temp_credential *temp, const struct temp_change *with,
                                        bool *ret_changed);

#endif
