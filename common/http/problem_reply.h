/* problem_reply: application/problem+json (RFC 9457) for errors of the call itself. */
#ifndef COUNTERSIGN_HTTP_PROBLEM_REPLY_H
#define COUNTERSIGN_HTTP_PROBLEM_REPLY_H

#include "http/request.h"

struct problem_detail {
    const char *type;    /* a URI; NULL is "about:blank" */
    const char *title;   /* NULL: the status's reason phrase */
    struct slice detail; /* what a reader should know about this occurrence; absent: left out */
    const char *report;  /* the name of a member of its own; NULL: none */
    struct slice report_json;
};

/* Makes the whole reply and sends it: status, body (with "status" and "request_id"), Cache-Control:
 * no-store; Retry-After: 1 for a 429 or 503 unless one was added. A header added before (by a reply started with
 * the same status) is kept. */
void problem_reply(struct request *request, int http_status, const struct problem_detail *problem);

/* The same with a status of ours: its HTTP status, its word as the type's name ("about:blank" has no
 * such thing, so it is the member "error"), its sentence as the title. */
void problem_reply_status(struct request *request, enum status status, struct slice detail);
/* The same with a title that says more of the case than the status's sentence does. */
void problem_reply_titled(struct request *request, enum status status, const char *title, struct slice detail);

/* "Not Found" for 404: of the statuses that HTTP defines; "Unknown" for others. */
const char *http_reason(int http_status);

#endif
