/* client_shape: a client as JSON, in the one shape that commands print and the admin API gives and takes. Its members
 * come from the lists of common/durable/clients.h. */
#ifndef COUNTERSIGN_AUTH_SERVICE_SHAPES_CLIENT_SHAPE_H
#define COUNTERSIGN_AUTH_SERVICE_SHAPES_CLIENT_SHAPE_H

#include "rules/client_draft.h"
#include "shapes/shape.h"
#include "json/json_reader.h"

/* What is written besides the columns, and by when. */
struct client_view {
    struct slice secret; /* absent but where it is shown this once */
    bool is_listed;      /* lists load no callbacks, secrets and keys */
    int64_t now_ms;
};

/* An object. */
void client_shape_write(struct json_writer *json, const struct client *client, const struct client_view *view);
/* What a rotation answers: the new secret (absent: a key was rotated), and until when the former one is still good. */
void client_shape_write_rotated(struct json_writer *json, const struct client *client, struct slice secret,
                                int64_t now_ms);

/* X(member, …) of texts and lists, and of CLIENT_FLAGS: what a client is given by. */
#define CLIENT_INPUTS(TEXT, LIST, FLAG) \
    TEXT(client_id)                     \
    TEXT(client_secret)                 \
    TEXT(rsa_public_key)                \
    TEXT(name)                          \
    CLIENT_PLAIN_TEXTS(TEXT)            \
    LIST(callbacks) TEXT(default_callback) LIST(signature_methods) TEXT(scope) TEXT(default_scope) CLIENT_FLAGS(FLAG)

#define CLIENT_INPUT_TEXT(member, ...)                  struct slice member;
#define CLIENT_INPUT_LIST(member)                       struct json_strings member;
#define CLIENT_INPUT_FLAG(NAME, bit, column, json, ...) bool json;
struct client_input {
    uint64_t given; /* which members, as json_decode tells it; 0: none takes anything away */
    CLIENT_INPUTS(CLIENT_INPUT_TEXT, CLIENT_INPUT_LIST, CLIENT_INPUT_FLAG)
};

/* The rows by which json_decode fills it, or a struct that begins with it. */
#define CLIENT_INPUT_TEXT_ROW(member, ...)                  JSON_FIELD(struct client_input, member, JSON_STRING, false),
#define CLIENT_INPUT_LIST_ROW(member)                       JSON_FIELD(struct client_input, member, JSON_STRINGS, false),
#define CLIENT_INPUT_FLAG_ROW(NAME, bit, column, json, ...) JSON_FIELD(struct client_input, json, JSON_BOOL, false),

#define CLIENT_INPUT_ROWS CLIENT_INPUTS(CLIENT_INPUT_TEXT_ROW, CLIENT_INPUT_LIST_ROW, CLIENT_INPUT_FLAG_ROW)

/* Reads an object; null takes away what there is. BAD_INPUT: *ret_why names the member. */
MUST_USE enum status client_shape_read(const json_value *object, struct arena *arena, struct client_input *ret_input,
                                       const char **ret_why);
/* What client_draft judges. False: a list has more items than a client may have; *ret_why. */
MUST_USE bool client_shape_options(const struct client_input *input, struct client_options *ret_options,
                                   const char **ret_why);

#endif
