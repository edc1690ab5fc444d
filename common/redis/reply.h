/* reply: what Redis answered, by type. A reply of another type than the caller expects is STORE_CORRUPT,
 * an error reply or none at all (the connection was lost) is STORE_DOWN. */
#ifndef COUNTERSIGN_REDIS_REPLY_H
#define COUNTERSIGN_REDIS_REPLY_H

#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct redisReply; /* hiredis's */

/* Takes the answer to a command: `reply` is borrowed; NULL: the connection was lost, and the command may have been
 * carried out or not. */
typedef void (*redis_done_fn)(void *context, const struct redisReply *reply);

/* The bytes of an error reply ("WRONGTYPE Operation …"); absent for any other. */
struct slice redis_reply_error(const struct redisReply *reply);
/* "+OK". */
MUST_USE enum status redis_reply_ok(const struct redisReply *reply);
/* "+OK", or nil (CONFLICT): a SET on a condition. */
MUST_USE enum status redis_reply_set(const struct redisReply *reply);
MUST_USE enum status redis_reply_integer(const struct redisReply *reply, int64_t *ret_value);
/* Reads a string, which is borrowed from the reply. NOT_FOUND: nil. */
MUST_USE enum status redis_reply_text(const struct redisReply *reply, struct slice *ret_text);
/* How many items an array has. */
MUST_USE enum status redis_reply_array(const struct redisReply *reply, size_t *ret_count);
/* An item of an array; NULL: there is none. */
const struct redisReply *redis_reply_item(const struct redisReply *reply, size_t index);
/* Reads the answer to TIME, as ms UTC. */
MUST_USE enum status redis_reply_time(const struct redisReply *reply, int64_t *ret_ms);

#endif
