#include "shapes/user_shape.h"

#include "shapes/shape.h"

void user_shape_write(struct json_writer *json, const struct user *user)
{
    json_begin_object(json);
    json_member_string(json, "username", user->username);
    json_member_string(json, "sub", user->subject);
    json_member_text(json, "source", user_source_name(user->source));
    shape_write_text(json, "email", user->email);
    json_member_bool(json, "disabled", user->disabled);
    shape_write_time(json, "created_at", user->created_ms);
    json_end_object(json);
}
