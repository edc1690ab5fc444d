/* values: copies of what the ephemeral store keeps, each with memory of its own, of texts that may live
 * anywhere. For its implementations. */
#ifndef COUNTERSIGN_EPHEMERAL_VALUES_H
#define COUNTERSIGN_EPHEMERAL_VALUES_H

#include "base/attributes.h"
#include "ephemeral/ephemeral.h"

enum { EPHEMERAL_VALUE_MAX_BYTES = 64 * 1024 }; /* of one temporary credential, session or blob */

/* One that nobody has decided on yet, of the same texts. */
static inline struct temp_credential temp_credential_of(const struct temp_new *new, int64_t created_ms)
{
    return (struct temp_credential){
        .token = new->token,
        .secret = new->secret,
        .client_id = new->client_id,
        .callback = new->callback,
        .scopes = new->scopes,
        .client_generation = new->client_generation,
        .created_ms = created_ms,
    };
}

/* NULL: no memory, or too large. The caller frees, each with its own function. */
MUST_USE struct temp_credential *temp_credential_copy(const struct temp_credential *from);
MUST_USE struct session *session_copy(const struct session *from);
MUST_USE struct ephemeral_blob *ephemeral_blob_copy(struct slice bytes);

/* Empty, with room for all that a user may have; NULL: no memory. */
MUST_USE struct session_list *session_list_new(void);
/* Adds one. NO_MEMORY. */
MUST_USE enum status session_list_add(struct session_list *list, const char handle[SESSION_HANDLE_BYTES],
                                      const struct session *session);

#endif
