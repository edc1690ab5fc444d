/* body_hash: oauth_body_hash, the hash of a body that is not a form
 * (OAuth Request Body Hash 1.0, draft 5, §3 and §4). */
#ifndef COUNTERSIGN_OAUTH_BODY_HASH_H
#define COUNTERSIGN_OAUTH_BODY_HASH_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "oauth/message.h"

enum body_hash { BODY_HASH_NONE, BODY_HASH_VERIFIED, BODY_HASH_UNCHECKED };

/* What can be said before the signature: STATUS_BODY_HASH_FORBIDDEN with a form body, unless it is empty and
 * the hash is right; STATUS_BODY_HASH_ABSENT where the client must send it and did not, or the body was not handed
 * over, so that it could not be checked; STATUS_NO_MEMORY. */
MUST_USE enum status body_hash_check_form(const struct message *message, bool required, struct problem *problem);

/* Compares with the body: the method's own digest is right, and SHA-1 always. BODY_HASH_UNCHECKED: the body was not
 * handed over. STATUS_BODY_HASH_MISMATCH, STATUS_NO_MEMORY. */
MUST_USE enum status body_hash_verify(const struct message *message, enum body_hash *ret_result,
                                      struct problem *problem);

/* Appends the value for a body under this method. STATUS_NO_MEMORY. */
MUST_USE enum status body_hash_make(const struct signature_method *method, struct slice body, struct buf *out);

#endif
