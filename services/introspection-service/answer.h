/* answer: what the two JSON calls answer. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_ANSWER_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_ANSWER_H

#include "base/attributes.h"
#include "base/buf.h"
#include "inquiry.h"
#include "json/json_writer.h"

/* Hints cost up to 32 signatures each: of one call only so many mismatches are looked into. */
enum { ANSWER_HINTED_MAX = 10 };

/* 400 for JSON of another shape, which `why` names; 503 for what is not the caller's fault. */
enum step_result answer_bad_call(struct request *request, enum status status, const char *why);
/* 403: an explanation was asked for with a key that may not. `member` names where. */
enum step_result answer_may_not_explain(struct request *request, struct slice member);

/* Writes the answer about one question: the verdict, and the explanation where it was asked for.
 * STATUS_NO_MEMORY. */
MUST_USE enum status answer_write(struct request *request, struct question *question, struct json_writer *w);

/* 200 with this JSON, or 503 where it could not be written. */
enum step_result answer_send(struct request *request, enum status written, const struct buf *body);

#endif
