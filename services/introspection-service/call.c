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

/* "requests[3].body_base64 must …" */
static enum status complain_of_member(struct arena *arena, const char *where, const char *what, const char **ret_why)
{
    struct buf why = buf_in(arena);
    buf_addf(&why, "%s%s%s", where, *where ? "." : "", what);
    *ret_why = buf_string(&why);
    return *ret_why ? STATUS_BAD_INPUT : STATUS_NO_MEMORY;
}

static enum status decode_body(struct members *members, const char *where, struct arena *arena, const char **ret_why)
{
    size_t len = 0;
    if (slice_is_absent(members->body_base64))
        return STATUS_OK;
    if (!slice_is_absent(members->body))
        return complain_of_member(arena, where, "body and body_base64 must not both be given", ret_why);
    char *bytes = arena_bytes(arena, members->body_base64.len);
    if (!bytes)
        return STATUS_NO_MEMORY;
    if (!base64_decode(members->body_base64, bytes, &len))
        return complain_of_member(arena, where, "body_base64 must be base64 (RFC 4648 §4) with padding", ret_why);
    members->body = slice_of(bytes, len);
    return STATUS_OK;
}

static enum status make_call(struct members members, const char *where, struct arena *arena, struct call *ret_call,
                             const char **ret_why)
{
    TRY(decode_body(&members, where, arena, ret_why));
    *ret_call = (struct call){
        .request = {members.method, members.url, members.authorization, members.content_type, members.body},
        .required_scope = members.required_scope,
        .explain = members.explain,
        .client_base_string = members.client_base_string,
    };
    return STATUS_OK;
}

enum status call_read(struct slice json, struct arena *arena, struct call *ret_call, const char **ret_why)
{
    struct members members = {0};
    TRY(json_read_fields(json, fields, JSON_NULL_REFUSED, arena, &members, NULL, ret_why));
    return make_call(members, "", arena, ret_call, ret_why);
}

struct batch_members {
    const json_value *requests;
};

static const struct json_field batch_fields[] = {
    JSON_FIELD(struct batch_members, requests, JSON_ARRAY, true),
    JSON_FIELDS_END,
};

enum status calls_read(struct slice json, struct arena *arena, struct calls *ret_calls, const char **ret_why)
{
    const json_value *value = NULL;
    struct batch_members batch = {0};
    TRY(json_read(json, arena, &value, ret_why));
    TRY(json_decode(value, batch_fields, JSON_NULL_REFUSED, "", arena, &batch, NULL, ret_why));
    size_t count = json_count(batch.requests);
    if (count > CALLS_MAX)
        return complain_of_member(arena, "", "requests must hold at most 100 requests", ret_why);
    struct call *calls = arena_calloc(arena, count, sizeof *calls);
    if (!calls)
        return STATUS_NO_MEMORY;
    size_t i = 0;
    for (const json_value *item = json_first(batch.requests); item; item = json_next(item), i++) {
        char memory[sizeof "requests[100]"];
        struct buf where = buf_fixed(memory, sizeof memory);
        buf_addf(&where, "requests[%zu]", i);
        struct members members = {0};
        TRY(json_decode(item, fields, JSON_NULL_REFUSED, buf_string(&where), arena, &members, NULL, ret_why));
        TRY(make_call(members, buf_string(&where), arena, &calls[i], ret_why));
    }
    *ret_calls = (struct calls){calls, count};
    return STATUS_OK;
}
