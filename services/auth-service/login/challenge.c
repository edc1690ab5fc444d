#include "login/challenge.h"

#include "crypto/ct.h"
#include "crypto/random.h"
#include "json/json_reader.h"
#include "json/json_writer.h"

enum { TEXT_BYTES = 32, COOKIE_SECRETS = 4 };

enum status challenge_generate(struct arena *arena, struct slice *ret_text)
{
    char *text = arena_bytes(arena, TEXT_BYTES);
    if (!text)
        return STATUS_NO_MEMORY;
    TRY(random_text(text, TEXT_BYTES));
    *ret_text = slice_of(text, TEXT_BYTES);
    return STATUS_OK;
}

static bool is_letter_or_digit(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

bool challenge_is_text(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_letter_or_digit(text.ptr[i]))
            return false;
    return text.len == TEXT_BYTES;
}

/* ---- as the store keeps it ---- */

static const struct json_field fields[] = {
    JSON_FIELD(struct challenge, kind, JSON_STRING, true),
    JSON_FIELD(struct challenge, oauth_token, JSON_STRING, false),
    JSON_FIELD(struct challenge, return_to, JSON_STRING, false),
    JSON_FIELD(struct challenge, cookie, JSON_STRING, true),
    JSON_FIELD(struct challenge, state, JSON_STRING, true),
    JSON_FIELD(struct challenge, secret, JSON_STRING, false),
    JSON_FIELD(struct challenge, user, JSON_INT, false),
    JSON_FIELD(struct challenge, user_version, JSON_INT, false),
    JSON_FIELD(struct challenge, username, JSON_STRING, false),
    JSON_FIELD(struct challenge, scopes, JSON_STRING, false),
    JSON_FIELD(struct challenge, is_granted, JSON_BOOL, false),
    JSON_FIELDS_END,
};

void challenge_write(const struct challenge *challenge, struct buf *out)
{
    struct json_writer json = json_writer(out);
    json_begin_object(&json);
    json_member_string(&json, "kind", challenge->kind);
    json_member_if(&json, "oauth_token", challenge->oauth_token);
    json_member_if(&json, "return_to", challenge->return_to);
    json_member_string(&json, "cookie", challenge->cookie);
    json_member_string(&json, "state", challenge->state);
    json_member_if(&json, "secret", challenge->secret);
    json_member_int(&json, "user", challenge->user);
    json_member_int(&json, "user_version", challenge->user_version);
    json_member_if(&json, "username", challenge->username);
    json_member_if(&json, "scopes", challenge->scopes);
    json_member_bool(&json, "is_granted", challenge->is_granted);
    json_end_object(&json);
}

enum status challenge_read(struct slice bytes, struct arena *arena, struct challenge *ret_challenge)
{
    const json_value *value = NULL;
    const char *why = NULL;
    *ret_challenge = (struct challenge){0};
    enum status status = json_read(bytes, arena, &value, &why);
    if (status == STATUS_OK)
        status = json_decode(value, fields, JSON_NULL_REFUSED, "", arena, ret_challenge, NULL, &why);
    return status == STATUS_BAD_INPUT ? STATUS_STORE_CORRUPT : status;
}

/* ---- the cookie ---- */

/* The newest come first: those behind COOKIE_SECRETS are dropped. */
static void add_others(struct buf *out, struct slice cookie, struct slice secret, size_t room)
{
    for (bool more = cookie.len > 0; more && room > 0;) {
        struct slice kept = slice_cut(&cookie, '.', &more);
        if (!challenge_is_text(kept) || ct_equal(kept, secret))
            continue;
        if (out->len)
            buf_add_byte(out, '.');
        buf_add(out, kept);
        room--;
    }
}

struct slice challenge_cookie_with(struct arena *arena, struct slice cookie, struct slice secret)
{
    struct buf text = buf_in(arena);
    buf_add(&text, secret);
    add_others(&text, cookie, secret, COOKIE_SECRETS - 1);
    return text.failed ? SLICE_ABSENT : buf_slice(&text);
}

struct slice challenge_cookie_without(struct arena *arena, struct slice cookie, struct slice secret)
{
    struct buf text = buf_in(arena);
    add_others(&text, cookie, secret, COOKIE_SECRETS);
    return text.failed ? SLICE_ABSENT : buf_slice(&text);
}

bool challenge_cookie_has(struct slice cookie, struct slice secret)
{
    bool found = false;
    for (bool more = cookie.len > 0; more;) {
        struct slice kept = slice_cut(&cookie, '.', &more);
        found |= challenge_is_text(kept) && ct_equal(kept, secret);
    }
    return found;
}
