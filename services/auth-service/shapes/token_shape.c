#include "shapes/token_shape.h"

#include "shapes/shape.h"

void token_shape_write(struct json_writer *json, const struct token *token)
{
    json_begin_object(json);
    json_member_string(json, "jti", token->jti);
    json_member_string(json, "client_id", token->client_id);
    json_member_string(json, "sub", token->subject);
    json_member_string(json, "username", token->username);
    json_member_string(json, "scope", token->scopes);
    shape_write_time(json, "created_at", token->created_ms);
    shape_write_time(json, "last_used_at", token->last_used_ms);
    shape_write_time(json, "expires_at", token->expires_ms);
    shape_write_time(json, "revoked_at", token->revoked_ms);
    json_end_object(json);
}
