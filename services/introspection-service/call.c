#include "call.h"

#include "base/base64.h"
#include "json/json_reader.h"

struct members {
    struct slice method, url, authorization, content_type, body, body_base64, required_scope, client_base_string;
    bool explain;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct members, method, JSON_STRING, true),
    JSON_FIELD(struct members, url, JSON_STRING, true),
    JSON_FIELD(struct members, authorization, JSON_STRING, false),
    JSON_FIELD(struct members, content_type, JSON_STRING, false),
    JSON_FIELD(struct members, body, JSON_STRING, false),
    JSON_FIELD(struct members, body_base64, JSON_STRING, false),
    JSON_FIELD(struct members, required_scope, JSON_STRING, false),
    JSON_FIELD(struct members, client_base_string, JSON_STRING, false),
    JSON_FIELD(struct members, explain, JSON_BOOL, false),
    JSON_FIELDS_END,
};

static enum status decode_body(struct members *members, struct arena *arena, const char **ret_why)
{
    size_t len = 0;
    if (slice_is_absent(members->body_base64))
        return STATUS_OK;
    *ret_why = "body and body_base64 must not both be given";
    if (!slice_is_absent(members->body))
        return STATUS_BAD_INPUT;
    char *bytes = arena_bytes(arena, members->body_base64.len);
    if (!bytes)
        return STATUS_NO_MEMORY;
    *ret_why = "body_base64 must be base64 (RFC 4648 §4) with padding";
    if (!base64_decode(members->body_base64, bytes, &len))
        return STATUS_BAD_INPUT;
    members->body = slice_of(bytes, len);
    return STATUS_OK;
}

enum status call_read(struct slice json, struct arena *arena, struct call *ret_call, const char **ret_why)
{
    const json_value *value = NULL;
    struct members members = {0};
    TRY(json_read(json, arena, &value, ret_why));
    TRY(json_decode(value, fields, JSON_NULL_REFUSED, "", arena, &members, NULL, ret_why));
    TRY(decode_body(&members, arena, ret_why));
    *ret_call = (struct call){
        .request = {members.method, members.url, members.authorization, members.content_type, members.body},
        .required_scope = members.required_scope,
        .explain = members.explain,
        .client_base_string = members.client_base_string,
    };
    return STATUS_OK;
}
