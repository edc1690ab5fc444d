/* session_index: which sessions a user has, for the store in memory. Any thread may use it. */
#ifndef COUNTERSIGN_EPHEMERAL_SESSION_INDEX_H
#define COUNTERSIGN_EPHEMERAL_SESSION_INDEX_H

#include "base/attributes.h"
#include "ephemeral/ephemeral.h"

struct session_index;

/* For at most `max` users. NULL: no memory, or no randomness. */
MUST_USE struct session_index *session_index_new(size_t max);
void session_index_free(struct session_index *index);

struct indexed_session {
    char handle[SESSION_HANDLE_BYTES];
    int64_t expires_ms;
};

/* Notes a session that begins. A full list drops its oldest, which is copied to *ret_dropped: its handle is empty (a
 * NUL) where none was. STORE_DOWN: no room for one more user; NO_MEMORY. */
MUST_USE enum status session_index_add(struct session_index *index, int64_t user, const struct indexed_session *fresh,
                                       int64_t now_ms, struct indexed_session *ret_dropped);
/* Copies those that have not expired, oldest first, and tells how many: they may have ended otherwise. */
size_t session_index_list(struct session_index *index, int64_t user, int64_t now_ms,
                          struct indexed_session ret_sessions[SESSIONS_OF_A_USER]);

#endif
