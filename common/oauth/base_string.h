/* base_string: the signature base string (RFC 5849 §3.4.1). */
#ifndef COUNTERSIGN_OAUTH_BASE_STRING_H
#define COUNTERSIGN_OAUTH_BASE_STRING_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "oauth/message.h"

/* Writes METHOD&uri&parameters into the arena. STATUS_NO_MEMORY is the only error. */
MUST_USE enum status base_string_build(const struct message *message, struct arena *arena,
                                       struct slice *ret_base_string);

/* The same with the signed parameters in the order of `ordered`: explain tries other orders than the right one. */
MUST_USE enum status base_string_build_ordered(const struct message *message, const struct oauth_param **ordered,
                                               size_t count, struct arena *arena, struct slice *ret_base_string);

/* Appends the normalized parameters as they are before the base string encodes them once more (RFC 5849 §3.4.1.3.2).
 * STATUS_NO_MEMORY. */
MUST_USE enum status base_string_write_parameters(const struct message *message, struct arena *arena, struct buf *out);

#endif
