/* message: changes as a message on Redis's channel (proto/redis-keys.md).
 *
 *     1 client ended acme
 *     1 token revoked tok_3MPmZZLRP4UgjhvAbRjhSH
 *
 * A line for each: the version of the format, kind, event, and the id, percent-encoded. */
#ifndef COUNTERSIGN_CHANGES_MESSAGE_H
#define COUNTERSIGN_CHANGES_MESSAGE_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "durable/changes.h"

#define CHANGE_CHANNEL SLICE("countersign:changes")

/* Appends the changes from number `*from` on, as many as one message takes, and moves *from behind them. */
void change_message_write(const struct change_page *changes, size_t *from, struct buf *out);

/* Calls `tell` for each change, borrowed for the call, in order. BAD_INPUT: there was a line that this version does not
 * know (the others were told). NO_MEMORY. */
MUST_USE enum status change_message_read(struct slice message, void (*tell)(void *context, const struct change *change),
                                         void *context);

#endif
