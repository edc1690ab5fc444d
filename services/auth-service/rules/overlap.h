/* overlap: for how many seconds a former secret or key stays good after a rotation, and the one before it. */
#ifndef COUNTERSIGN_AUTH_SERVICE_RULES_OVERLAP_H
#define COUNTERSIGN_AUTH_SERVICE_RULES_OVERLAP_H

#include "durable/clients.h"
#include "json/json_writer.h"

enum { OVERLAP_DEFAULT_S = 86400, OVERLAP_MAX_S = 366 * 86400 };
#define OVERLAP_WRONG "overlap must be a number of seconds, at most a year"

#define OVERLAP_END_FORMER "end-former"
#define OVERLAP_END_FORMER_HELP \
    "also where an earlier rotation is not over: the credential before the present one then ends at once"

/* What a rotation is asked for. */
struct overlap {
    int64_t seconds; /* 0: whatever was good before ends at once */
    bool end_former;
};

/* What the options say; absent: a day. False: OVERLAP_WRONG. */
MUST_USE bool overlap_take(struct slice seconds, bool end_former, struct overlap *ret_overlap);
/* As the admin API takes it, within the object that was begun. */
void overlap_write(struct json_writer *json, const struct overlap *overlap);

/* Whether a rotation is refused since a former `thing` ("secret", "key") is still good, until `former_until_ms` (0:
 * there is none), and would end by it unasked; appends to `why`. */
MUST_USE bool overlap_refuses(const struct overlap *overlap, int64_t former_until_ms, const char *thing,
                              struct buf *why);
/* The same of a client's secret, or with `is_key` of its key. */
MUST_USE bool overlap_refuses_client(const struct overlap *overlap, const struct client *client, bool is_key,
                                     int64_t now_ms, struct buf *why);

#endif
