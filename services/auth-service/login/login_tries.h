/* login_tries: how often a password may be guessed.
 *
 * A try counts for its address, for the pair of its address and the account, and for the account, in this order, and
 * each only while the one before has quota left: a stranger uses up his own quotas long before the account's. A browser
 * that logged in before (device.h) counts for itself alone, so that nobody who guesses elsewhere keeps it out. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_LOGIN_TRIES_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_LOGIN_TRIES_H

#include "app/app.h"
#include "ephemeral/ephemeral.h"
#include "login/device.h"

struct login_tries {
    struct slice names[QUOTA_COUNT]; /* what is counted under each of the login's quotas */
    struct device device;
    bool is_device; /* as far as its cookie says; whose is known when the user is */
};

/* STATUS_NO_RANDOMNESS, STATUS_NO_MEMORY. */
MUST_USE enum status login_tries_init(struct request *request, struct slice username, struct login_tries *ret_tries);
/* Counts one. */
void login_tries_count_start(struct request *request, const struct login_tries *tries, enum quota quota,
                             struct ticket ticket);
/* Judges what the index-th ticket of the newest wait counted: quota_judge. */
MUST_USE enum status login_tries_judge(struct flow *flow, size_t index, enum quota quota, int64_t *wait_s);

/* How many counters a successful login takes its try back from. */
size_t login_tries_counted(const struct login_tries *tries);
/* Takes it back from each, with as many tickets. */
void login_tries_take_back_start(struct request *request, const struct login_tries *tries,
                                 const struct ticket *tickets);

#endif
