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

/* Checks what can be checked before the signature. STATUS_BODY_HASH_FORBIDDEN: the body is a form, other than an empty
 * one with the right hash. STATUS_BODY_HASH_ABSENT: the client must send a hash and did not, or the body was not handed
 * over, so that the hash cannot be checked. STATUS_NO_MEMORY. */
MUST_USE enum status body_hash_check_form(const struct message *message, bool required, struct problem *problem);

/* Compares the hash with the body. The digest of the signature method is right, and SHA-1 always is. *ret_result is
 * BODY_HASH_UNCHECKED if the body was not handed over. STATUS_BODY_HASH_MISMATCH, STATUS_NO_MEMORY. */
MUST_USE enum status body_hash_verify(const struct message *message, enum body_hash *ret_result,
                                      struct problem *problem);

/* Appends the value of oauth_body_hash for this body, by the method's digest. STATUS_NO_MEMORY. */
MUST_USE enum status body_hash_make(const struct signature_method *method, struct slice body, struct buf *out);

#endif
