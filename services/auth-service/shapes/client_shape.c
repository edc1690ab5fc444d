#include "shapes/client_shape.h"

/* ---- out ---- */

static void write_callbacks(struct json_writer *json, const struct client *client)
{
    struct buf text = BUF_INIT;
    json_member_array(json, "callbacks");
    for (size_t i = 0; i < client->callback_count; i++) {
        buf_reset(&text);
        buf_add(&text, client->callbacks[i].uri);
        buf_add_str(&text, client->callbacks[i].is_prefix ? "*" : "");
        json->out->failed |= text.failed;
        json_string(json, buf_slice(&text));
    }
    json_end_array(json);
    buf_done(&text);
}

static const char *approval_word(unsigned flags)
{
    if (flags & CLIENT_PENDING)
        return "pending";
    return flags & CLIENT_REJECTED ? "rejected" : "approved";
}

static void write_former(struct json_writer *json, const struct client *client, int64_t now_ms)
{
    shape_write_time(json, "former_secret_until",
                     client_secret_former_until_ms(client->secrets, client->secret_count, now_ms));
    shape_write_time(json, "former_key_until", client_secret_former_until_ms(client->keys, client->key_count, now_ms));
}

void client_shape_write_rotated(struct json_writer *json, const struct client *client, struct slice secret,
                                int64_t now_ms)
{
    json_begin_object(json);
    json_member_string(json, "client_id", client->client_id);
    json_member_if(json, "client_secret", secret);
    write_former(json, client, now_ms);
    json_end_object(json);
}

#define WRITE_TEXT(member, ...)                  shape_write_text(json, #member, client->member);
#define WRITE_FLAG(NAME, bit, column, name, ...) json_member_bool(json, #name, client->flags &CLIENT_##NAME);

void client_shape_write(struct json_writer *json, const struct client *client, const struct client_view *view)
{
    json_begin_object(json);
    json_member_string(json, "client_id", client->client_id);
    json_member_if(json, "client_secret", view->secret);
    json_member_string(json, "name", client->name);
    CLIENT_PLAIN_TEXTS(WRITE_TEXT)
    shape_write_text(json, "default_callback", client->default_callback);
    if (!view->is_listed)
        write_callbacks(json, client);
    if (client->signature_methods.len)
        shape_write_words(json, "signature_methods", client->signature_methods);
    json_member_string(json, "scope", client->allowed_scopes);
    if (!slice_eq(client->default_scopes, client->allowed_scopes))
        json_member_string(json, "default_scope", client->default_scopes);
    CLIENT_FLAGS(WRITE_FLAG)
    json_member_bool(json, "disabled", client->flags & CLIENT_DISABLED);
    json_member_text(json, "approval", approval_word(client->flags));
    shape_write_text(json, "damage", client->damage);
    write_former(json, client, view->now_ms);
    json_member_int(json, "version", client->version);
    shape_write_time(json, "created_at", client->created_ms);
    json_end_object(json);
}

/* ---- in ---- */

static const struct json_field rows[] = {CLIENT_INPUT_ROWS JSON_FIELDS_END};

#define TEXT_PLACE(member, ...)                  PLACE_##member,
#define LIST_PLACE(member)                       PLACE_##member,
#define FLAG_PLACE(NAME, bit, column, json, ...) PLACE_##json,
enum { CLIENT_INPUTS(TEXT_PLACE, LIST_PLACE, FLAG_PLACE) PLACES };

static bool is_given(const struct client_input *input, unsigned place)
{
    return input->given & ((uint64_t)1 << place);
}

/* Empty takes away, absent leaves. */
static struct slice given_text(const struct client_input *input, unsigned place, struct slice text)
{
    return is_given(input, place) && slice_is_absent(text) ? SLICE("") : text;
}

enum status client_shape_read(const json_value *object, struct arena *arena, struct client_input *ret_input,
                              const char **ret_why)
{
    return json_decode(object, rows, JSON_NULL_CLEARS, "", arena, ret_input, &ret_input->given, ret_why);
}

static bool take_items(const struct client_input *input, unsigned place, const struct json_strings *from,
                       struct option_list *to)
{
    if (from->count > OPTION_LIST_MAX)
        return false;
    for (; to->count < from->count; to->count++)
        to->items[to->count] = from->items[to->count];
    if (is_given(input, place) && from->count == 0)
        to->items[to->count++] = SLICE("");
    return true;
}

static void take_words(const struct client_input *input, unsigned place, struct slice words, struct option_list *to)
{
    struct slice given = given_text(input, place, words);
    if (!slice_is_absent(given))
        to->items[to->count++] = given;
}

#define TEXT_GIVEN(member, ...)                .member = given_text(input, PLACE_##member, input->member),
#define FLAG_ON(NAME, bit, column, json, ...)  [FLAG_##NAME] = input->json,
#define FLAG_OFF(NAME, bit, column, json, ...) [FLAG_##NAME] = is_given(input, PLACE_##json) && !input->json,

bool client_shape_options(const struct client_input *input, struct client_options *ret_options, const char **ret_why)
{
    *ret_options = (struct client_options){
        TEXT_GIVEN(name) TEXT_GIVEN(default_callback) CLIENT_PLAIN_TEXTS(TEXT_GIVEN).on = {CLIENT_FLAGS(FLAG_ON)},
        .off = {CLIENT_FLAGS(FLAG_OFF)},
    };
    take_words(input, PLACE_scope, input->scope, &ret_options->scopes);
    take_words(input, PLACE_default_scope, input->default_scope, &ret_options->default_scopes);
    if (take_items(input, PLACE_callbacks, &input->callbacks, &ret_options->callbacks) &&
        take_items(input, PLACE_signature_methods, &input->signature_methods, &ret_options->signature_methods))
        return true;
    *ret_why = "callbacks, signature_methods: a list has at most 64 items";
    return false;
}
