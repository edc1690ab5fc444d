/* endings: ends the login sessions and temporary credentials of whom the feed of changes says that he ended: a client
 * or a user that was disabled or deleted, a user with a new password (docs/design/protocol.md, "Ends").
 *
 * Invariants: on the first loop's thread. An ending that the store did not take is tried again until it does. What the
 * feed lost, and what ended before this process was there, is read from the `changes` table: once too often is fine,
 * since it only makes somebody log in again. */
#ifndef COUNTERSIGN_AUTH_SERVICE_APP_ENDINGS_H
#define COUNTERSIGN_AUTH_SERVICE_APP_ENDINGS_H

#include "base/attributes.h"
#include "base/status.h"

#include <stdint.h>

struct change_feed;
struct durable_pool;
struct endings;
struct ephemeral;
struct loop;

struct endings_options {
    struct loop *loop;           /* the feed's; all are borrowed */
    struct ephemeral *ephemeral; /* its view */
    struct durable_pool *durable;
    struct change_feed *feed;
    int64_t look_back_ms; /* how old a session may be that was there before this process; 0: there are none */
};

/* Call this before the loops run. NO_MEMORY. */
MUST_USE enum status endings_new(const struct endings_options *options, struct endings **ret_endings);
/* Call this after the loops have ended, before they are freed. NULL is fine. */
void endings_free(struct endings *endings);

#endif
