#include "ephemeral/session_index.h"

#include "ephemeral/ttl_table.h"

#include <stdio.h>
#include <stdlib.h>

enum { USER_BYTES = 24 };

struct session_index {
    struct ttl_table *users;
};

struct user_sessions {
    size_t count;
    struct indexed_session sessions[];
};

struct session_index *session_index_new(size_t max)
{
    struct session_index *index = calloc(1, sizeof *index);
    if (!index)
        return NULL;
    index->users = ttl_table_new(max, free);
    if (index->users)
        return index;
    free(index);
    return NULL;
}

void session_index_free(struct session_index *index)
{
    if (!index)
        return;
    ttl_table_free(index->users);
    free(index);
}

static struct slice name_user(char memory[USER_BYTES], int64_t user)
{
    (void)snprintf(memory, USER_BYTES, "%lld", (long long)user);
    return slice_str(memory);
}

/* Those that have not expired, into memory for SESSIONS_OF_A_USER; but for one of this handle. */
static size_t copy_live(const struct user_sessions *kept, struct slice but, int64_t now_ms, struct indexed_session *out)
{
    size_t count = 0;
    for (size_t i = 0; kept && i < kept->count; i++) {
        const struct indexed_session *one = &kept->sessions[i];
        if (one->expires_ms > now_ms && !slice_eq(slice_of(one->handle, SESSION_HANDLE_BYTES), but))
            out[count++] = *one;
    }
    return count;
}

static struct user_sessions *with_one_more(const struct user_sessions *kept, const struct indexed_session *fresh,
                                           int64_t now_ms, struct indexed_session *ret_dropped)
{
    struct indexed_session live[SESSIONS_OF_A_USER];
    size_t count = copy_live(kept, slice_of(fresh->handle, SESSION_HANDLE_BYTES), now_ms, live);
    size_t drop = count == SESSIONS_OF_A_USER;
    struct user_sessions *grown = malloc(sizeof *grown + (count - drop + 1) * sizeof *fresh);
    if (!grown)
        return NULL;
    *ret_dropped = drop ? live[0] : (struct indexed_session){0};
    grown->count = count - drop + 1;
    memcpy(grown->sessions, live + drop, (count - drop) * sizeof *fresh);
    grown->sessions[grown->count - 1] = *fresh;
    return grown;
}

static int64_t last_expiry(const struct user_sessions *kept)
{
    int64_t last_ms = 0;
    for (size_t i = 0; i < kept->count; i++)
        if (kept->sessions[i].expires_ms > last_ms)
            last_ms = kept->sessions[i].expires_ms;
    return last_ms;
}

static enum status replace_user(struct session_index *index, int64_t user, const struct indexed_session *fresh,
                                int64_t now_ms, struct indexed_session *ret_dropped)
{
    char memory[USER_BYTES];
    struct slice name = name_user(memory, user);
    void **place = ttl_table_find(index->users, name, now_ms);
    struct user_sessions *grown = with_one_more(place ? *place : NULL, fresh, now_ms, ret_dropped);
    if (!grown)
        return STATUS_NO_MEMORY;
    free(ttl_table_take(index->users, name, now_ms));
    enum status status = ttl_table_add(index->users, name, grown, last_expiry(grown), now_ms);
    if (status != STATUS_OK)
        free(grown);
    return status;
}

enum status session_index_add(struct session_index *index, int64_t user, const struct indexed_session *fresh,
                              int64_t now_ms, struct indexed_session *ret_dropped)
{
    ttl_table_lock(index->users);
    enum status status = replace_user(index, user, fresh, now_ms, ret_dropped);
    ttl_table_unlock(index->users);
    return status;
}

size_t session_index_list(struct session_index *index, int64_t user, int64_t now_ms,
                          struct indexed_session ret_sessions[SESSIONS_OF_A_USER])
{
    char memory[USER_BYTES];
    ttl_table_lock(index->users);
    void **place = ttl_table_find(index->users, name_user(memory, user), now_ms);
    size_t count = copy_live(place ? *place : NULL, SLICE_ABSENT, now_ms, ret_sessions);
    ttl_table_unlock(index->users);
    return count;
}
