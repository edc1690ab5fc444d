#include "shapes/audit_shape.h"

#include "shapes/shape.h"

void audit_shape_write(struct json_writer *json, const struct audit_entry *entry)
{
    json_begin_object(json);
    shape_write_time(json, "at", entry->at_ms);
    json_member_string(json, "who", entry->who);
    json_member_string(json, "what", entry->what);
    json_member_string(json, "subject", entry->subject);
    shape_write_text(json, "client_id", entry->client);
    shape_write_text(json, "sub", entry->user);
    shape_write_text(json, "request_id", entry->request);
    json_end_object(json);
}
