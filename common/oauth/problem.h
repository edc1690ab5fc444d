/* problem: why a request was refused, and how a client is told.
 *
 * Two vocabularies go out together, so that clients of Authlib (`error`) and clients of the Problem
 * Reporting extension (`oauth_problem`) both understand. Slices borrow from the request's arena. */
#ifndef COUNTERSIGN_OAUTH_PROBLEM_H
#define COUNTERSIGN_OAUTH_PROBLEM_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

struct problem {
    enum status status;
    const char *detail;        /* what is wrong, for a reader; NULL: status_text(status) says it all */
    struct slice absent;       /* names of missing parameters, joined with '&'; empty: none is missing */
    struct slice rejected;     /* names of refused parameters, likewise */
    int64_t acceptable_from_s; /* the timestamps that would be accepted, in seconds since 1970; */
    int64_t acceptable_to_s;   /* both 0: the timestamp was not the problem */
};

/* Returns the sentence for a reader. */
const char *problem_text(const struct problem *problem);

/* Appends `error=…&error_description=…&oauth_problem=…` and the lists that apply, form-encoded. */
void problem_write_form(const struct problem *problem, struct buf *out);

/* Appends the value of one WWW-Authenticate header: `OAuth realm="…", oauth_problem="…"`. STATUS_UNSIGNED, and any
 * status that has no oauth_problem, gets the challenge without it. */
void problem_write_challenge(enum status status, struct slice realm, struct buf *out);

/* Records the refusal and returns its status, so that a check can end with it. */
static inline enum status problem_set(struct problem *problem, enum status status, const char *detail)
{
    *problem = (struct problem){.status = status, .detail = detail};
    return status;
}

/* The same, naming one parameter as refused. */
static inline enum status problem_reject(struct problem *problem, enum status status, const char *detail,
                                         struct slice parameter)
{
    *problem = (struct problem){.status = status, .detail = detail, .rejected = parameter};
    return status;
}

#endif
