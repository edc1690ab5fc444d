#include "ephemeral/values.h"

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
        copy_slice(&session->arena, &session->scopes) == STATUS_OK)
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
