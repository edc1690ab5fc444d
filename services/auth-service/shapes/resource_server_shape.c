#include "shapes/resource_server_shape.h"

#include "shapes/shape.h"

void resource_server_shape_write(struct json_writer *json, const struct resource_server *server, struct slice key)
{
    json_begin_object(json);
    json_member_string(json, "name", server->name);
    json_member_if(json, "key", key);
    shape_write_words(json, "origins", server->origins);
    if (server->tls_sans.len)
        shape_write_words(json, "tls_sans", server->tls_sans);
    json_member_bool(json, "allow_explain", server->allow_explain);
    shape_write_time(json, "created_at", server->created_ms);
    shape_write_time(json, "revoked_at", server->revoked_ms);
    json_end_object(json);
}

void resource_server_shape_write_rotated(struct json_writer *json, struct slice name, struct slice key,
                                         int64_t former_until_ms)
{
    json_begin_object(json);
    json_member_string(json, "name", name);
    json_member_string(json, "key", key);
    shape_write_time(json, "former_key_until", former_until_ms);
    json_end_object(json);
}
