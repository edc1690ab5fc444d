/* decision_log: one line about each decision on a signed request, for who asks later why it was refused.
 *
 * Refusals are written, and one in a hundred of the others, as OAUTH1_DECISION_LOG says; at most a thousand a second,
 * and ten that no store could decide; the rest is counted. Nothing is formatted for what is not written. No query,
 * signature, token, nonce or secret is in a line; a client_id only where there is such a client, because people send a
 * secret in its place. */
#ifndef COUNTERSIGN_DECISION_DECISION_LOG_H
#define COUNTERSIGN_DECISION_DECISION_LOG_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "config/config.h"
#include "http/request.h"
#include "verify/check.h"

#include <stdint.h>

/* Registers what it counts; call it before there are loops. STATUS_NO_MEMORY. */
MUST_USE enum status decision_log_register(void);

struct decision {
    const struct request *request; /* that was answered, or that asked for the decision */
    const struct config *config;
    const struct check *check; /* NULL: it was refused before anything was read */
    enum status status;        /* OK: active */
    struct slice jti;          /* absent: the check's token, if there is one */
    struct slice caller;       /* a resource server's name or the gateway's dialect; absent: the client itself */
    int64_t guard_s;           /* for how long fresh requests are refused because nonces were lost; 0: they are not */
};

/* Counts the client's clock, and writes the line if this decision gets one. */
void decision_log_note(const struct decision *decision);

#endif
