/* inquiry: the signed requests that one call asks about, and the steps that judge them: load, verify, spend, judge.
 * Introspection, batches and gateways share them.
 *
 * Each question stands for itself: one that was refused (its check's problem says why) is left alone by the later
 * steps, whatever becomes of the others, and the call goes on. All waits of a step are one group, so that a batch's
 * loads run side by side and its nonces reach the store in one turn of the loop. Lives in the request's arena. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_INQUIRY_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_INQUIRY_H

#include "base/attributes.h"
#include "cache/credential_cache.h"
#include "call.h"
#include "durable/resource_servers.h"
#include "http/request.h"
#include "loop/flow.h"
#include "service_metrics.h"
#include "verify/signed_request.h"

#include <stdbool.h>
#include <stddef.h>

struct question {
    struct call call;
    struct signed_request asked;
    bool waits; /* in this step's group */
};

/* request->state of every endpoint here. */
struct inquiry {
    enum dialect dialect;
    const struct resource_server *caller; /* NULL: a gateway */
    struct credential_hold caller_hold;
    bool is_asked; /* who the caller is */
    struct question *questions;
    size_t count;
    struct ticket *tickets; /* one a question */
    size_t hinted;          /* mismatches that hints were looked for */
};

static inline struct inquiry *inquiry_of(const struct flow *flow)
{
    return request_of(flow)->state;
}

/* Makes room for `count` questions whose calls the endpoint then fills in. STATUS_NO_MEMORY. */
MUST_USE enum status inquiry_begin(struct request *request, struct inquiry *inquiry, size_t count);

/* Parses the described request. Its origin must be one of the caller's, or whoever receives a request signed for his
 * own server could have it judged for another's. */
void inquiry_parse(struct request *request, struct question *question);

/* The steps; after the last one the problem of each question's check is its verdict. */
enum step_result inquiry_load(struct flow *flow);   /* may wait: clients and tokens */
enum step_result inquiry_verify(struct flow *flow); /* signatures */
enum step_result inquiry_spend(struct flow *flow);  /* waits: nonces */
enum step_result inquiry_judge(struct flow *flow);  /* scopes; counts the verdicts */

#endif
