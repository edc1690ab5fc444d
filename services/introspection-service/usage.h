/* usage: when tokens were last used, coarsely, and written in batches (docs/design/protocol.md, "What is kept where").
 *
 * One for each loop, on its thread alone. What was not written when the process ends is lost: the
 * time is for people, not for decisions. */
#ifndef COUNTERSIGN_INTROSPECTION_SERVICE_USAGE_H
#define COUNTERSIGN_INTROSPECTION_SERVICE_USAGE_H

#include "base/attributes.h"
#include "durable/tokens.h"

struct durable_pool;
struct loop;
struct usage;

/* NULL: no memory. */
MUST_USE struct usage *usage_new(struct loop *loop, struct durable_pool *durable);
/* NULL is fine. */
void usage_free(struct usage *usage);

/* The token was used now; noted once an hour at most. */
void usage_note(struct usage *usage, const struct token *token);

#endif
