#include "json/json_writer.h"

#include "base/escape.h"

static void begin_value(struct json_writer *w)
{
    if (w->comma)
        buf_add_byte(w->out, ',');
    w->comma = true;
}

static void begin_bracket(struct json_writer *w, char bracket)
{
    begin_value(w);
    buf_add_byte(w->out, bracket);
    w->comma = false;
}

static void end_bracket(struct json_writer *w, char bracket)
{
    buf_add_byte(w->out, bracket);
    w->comma = true;
}

void json_begin_object(struct json_writer *w)
{
    begin_bracket(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end_bracket(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin_bracket(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end_bracket(w, ']');
}

void json_string(struct json_writer *w, struct slice text)
{
    begin_value(w);
    buf_add_byte(w->out, '"');
    escape_json(w->out, text);
    buf_add_byte(w->out, '"');
}

void json_text(struct json_writer *w, const char *text)
{
    if (text)
        json_string(w, slice_str(text));
    else
        json_null(w);
}

void json_int(struct json_writer *w, int64_t value)
{
    begin_value(w);
    buf_add_i64(w->out, value);
}

void json_bool(struct json_writer *w, bool value)
{
    json_raw(w, value ? SLICE("true") : SLICE("false"));
}

void json_null(struct json_writer *w)
{
    json_raw(w, SLICE("null"));
}

void json_raw(struct json_writer *w, struct slice json)
{
    begin_value(w);
    buf_add(w->out, json);
}

void json_name(struct json_writer *w, const char *name)
{
    begin_value(w);
    buf_add_byte(w->out, '"');
    buf_add_str(w->out, name);
    buf_add(w->out, SLICE("\":"));
    w->comma = false;
}

void json_member_string(struct json_writer *w, const char *name, struct slice text)
{
    json_name(w, name);
    json_string(w, text);
}

void json_member_if(struct json_writer *w, const char *name, struct slice text)
{
    if (!slice_is_absent(text))
        json_member_string(w, name, text);
}

void json_member_text(struct json_writer *w, const char *name, const char *text)
{
    json_name(w, name);
    json_text(w, text);
}

void json_member_int(struct json_writer *w, const char *name, int64_t value)
{
    json_name(w, name);
    json_int(w, value);
}

void json_member_bool(struct json_writer *w, const char *name, bool value)
{
    json_name(w, name);
    json_bool(w, value);
}

void json_member_object(struct json_writer *w, const char *name)
{
    json_name(w, name);
    json_begin_object(w);
}

void json_member_array(struct json_writer *w, const char *name)
{
    json_name(w, name);
    json_begin_array(w);
}
