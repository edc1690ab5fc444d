#include "ephemeral/values.h"

#include "crypto/digest.h"

#include <stdlib.h>

static enum status copy_slice(struct arena *arena, struct slice *slice)
{
    *slice = arena_copy(arena, *slice);
    return slice_is_absent(*slice) ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status copy_temp_texts(struct temp_credential *temp)
{
    struct slice *texts[] = {&temp->token,  &temp->secret,   &temp->client_id, &temp->callback,
                             &temp->scopes, &temp->username, &temp->verifier,  &temp->kept};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        TRY(copy_slice(&temp->arena, texts[i]));
    return STATUS_OK;
}

struct temp_credential *temp_credential_copy(const struct temp_credential *from)
{
    struct temp_credential *temp = malloc(sizeof *temp);
    if (!temp)
        return NULL;
    *temp = *from;
    arena_init(&temp->arena, EPHEMERAL_VALUE_MAX_BYTES + from->kept.len);
    if (copy_temp_texts(temp) == STATUS_OK)
        return temp;
    temp_credential_free(temp);
    return NULL;
}

struct session *session_copy(const struct session *from)
{
    struct session *session = malloc(sizeof *session);
    if (!session)
        return NULL;
    *session = *from;
    arena_init(&session->arena, EPHEMERAL_VALUE_MAX_BYTES);
    if (copy_slice(&session->arena, &session->username) == STATUS_OK &&
        copy_slice(&session->arena, &session->csrf) == STATUS_OK &&
        copy_slice(&session->arena, &session->bound_to) == STATUS_OK &&
        copy_slice(&session->arena, &session->scopes) == STATUS_OK &&
        copy_slice(&session->arena, &session->came_from) == STATUS_OK)
        return session;
    session_free(session);
    return NULL;
}

struct ephemeral_blob *ephemeral_blob_copy(struct slice bytes)
{
    struct ephemeral_blob *blob = calloc(1, sizeof *blob);
    if (!blob)
        return NULL;
    arena_init(&blob->arena, EPHEMERAL_VALUE_MAX_BYTES);
    blob->bytes = bytes;
    if (copy_slice(&blob->arena, &blob->bytes) == STATUS_OK)
        return blob;
    ephemeral_blob_free(blob);
    return NULL;
}

enum status session_handle(struct slice id, char handle[SESSION_HANDLE_BYTES])
{
    unsigned char digest[DIGEST_MAX_BYTES];
    struct buf text = buf_fixed(handle, SESSION_HANDLE_BYTES);
    TRY(digest_bytes(DIGEST_SHA256, id, digest));
    buf_add_hex(&text, slice_of(digest, SESSION_HANDLE_BYTES / 2));
    return STATUS_OK;
}

struct session_list *session_list_new(void)
{
    struct session_list *list = calloc(1, sizeof *list);
    if (!list)
        return NULL;
    arena_init(&list->arena, EPHEMERAL_VALUE_MAX_BYTES);
    list->sessions = arena_calloc(&list->arena, SESSIONS_OF_A_USER, sizeof *list->sessions);
    if (list->sessions)
        return list;
    session_list_free(list);
    return NULL;
}

enum status session_list_add(struct session_list *list, const char handle[SESSION_HANDLE_BYTES],
                             const struct session *session)
{
    struct listed_session *listed = &list->sessions[list->count];
    if (list->count == SESSIONS_OF_A_USER)
        return STATUS_NO_MEMORY;
    *listed = (struct listed_session){
        .created_ms = session->created_ms, .user_version = session->user_version, .came_from = session->came_from};
    memcpy(listed->handle, handle, SESSION_HANDLE_BYTES);
    TRY(copy_slice(&list->arena, &listed->came_from));
    list->count++;
    return STATUS_OK;
}

void session_list_free(void *pointer)
{
    struct session_list *list = pointer;
    if (!list)
        return;
    arena_done(&list->arena);
    free(list);
}
