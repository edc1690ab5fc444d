#include "shapes/audit_shape.h"

#include "shapes/shape.h"

static void write_known(struct json_writer *json, const char *name, struct slice text)
{
    if (text.len)
        json_member_string(json, name, text);
}

void audit_shape_write(struct json_writer *json, const struct audit_entry *entry)
{
    json_begin_object(json);
    shape_write_time(json, "at", entry->at_ms);
    json_member_string(json, "who", entry->who);
    json_member_string(json, "what", entry->what);
    json_member_string(json, "subject", entry->subject);
    write_known(json, "client_id", entry->client);
    write_known(json, "sub", entry->user);
    write_known(json, "request_id", entry->request);
    json_end_object(json);
}
