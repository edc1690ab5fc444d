#include "base/base64.h"
#include "base/percent.h"
#include "explain/search.h"

#include <string.h>

/* ---- the signature's own spelling ---- */

static void try_spelling(struct search *search, struct slice signature, const char *hint)
{
    struct buf key = search_right_key(search);
    search_try_signature(search, search->message->signature_method, &key, search->base_string, signature, hint);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Returns the base64 of the bytes that `text` has in hexadecimal; absent if it is not hexadecimal, or there is no
 * memory. */
static struct slice base64_of_hex(struct search *search, struct slice text)
{
    unsigned char bytes[SIGNATURE_MAX_BYTES];
    size_t len = text.len / 2;
    char *out = arena_bytes(search->scratch, BASE64_LEN(len));
    if (!out || len == 0 || text.len % 2 != 0 || len > sizeof bytes)
        return SLICE_ABSENT;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.ptr[i]);
        if (digit < 0)
            return SLICE_ABSENT;
        bytes[i / 2] = (unsigned char)(i % 2 ? bytes[i / 2] << 4 | digit : digit);
    }
    base64_encode(slice_of(bytes, len), out);
    return slice_of(out, BASE64_LEN(len));
}

static void try_hexadecimal(struct search *search)
{
    struct slice signature = search->message->protocol[OAUTH_SIGNATURE];
    if (!search_may_try(search, "the signature in hexadecimal"))
        return;
    struct slice repaired = base64_of_hex(search, signature);
    if (!slice_is_absent(repaired)) {
        try_spelling(search, repaired,
                     "would match with oauth_signature in base64: the client sends hexadecimal digits");
        return;
    }
    size_t len = 0;
    char *text = arena_bytes(search->scratch, signature.len);
    if (!text || !base64_decode(signature, text, &len))
        return;
    repaired = base64_of_hex(search, slice_of(text, len));
    if (!slice_is_absent(repaired))
        try_spelling(search, repaired,
                     "would match with the bytes of oauth_signature in base64: the client encodes their hexadecimal "
                     "digits");
}

static void try_encoded_signature(struct search *search)
{
    struct slice signature = search->message->protocol[OAUTH_SIGNATURE];
    if (slice_find(signature, '%') == signature.len || !search_may_try(search, "the signature encoded twice"))
        return;
    size_t len = 0;
    char *decoded = arena_bytes(search->scratch, signature.len);
    if (decoded && percent_decode(signature, PLUS_LITERAL, decoded, &len))
        try_spelling(search, slice_of(decoded, len),
                     "would match with oauth_signature decoded once more: the client encodes it twice");
}

/* Tries a signature in the URL-safe alphabet, without padding or with white space, in the base64 of RFC 4648 §4. */
static void try_other_base64(struct search *search)
{
    struct slice signature = search->message->protocol[OAUTH_SIGNATURE];
    size_t len = 0;
    if (!search_may_try(search, "another base64"))
        return;
    char *out = arena_bytes(search->scratch, signature.len + 3);
    for (size_t i = 0; out && i < signature.len; i++) {
        char c = signature.ptr[i];
        if (c != '=' && c != '\n' && c != '\r')
            out[len++] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    while (out && len % 4 != 0)
        out[len++] = '=';
    if (out && !slice_eq(slice_of(out, len), signature))
        try_spelling(search, slice_of(out, len),
                     "would match with oauth_signature in standard base64: the client sends the URL-safe alphabet, no "
                     "padding, or a line feed");
}

/* ---- the key ---- */

static void try_key(struct search *search, struct slice client, struct slice token, const char *hint)
{
    struct buf key = buf_in(search->scratch);
    signature_write_shared_key(client, token, &key);
    search_try_signature(search, search->message->signature_method, &key, search->base_string,
                         search->message->protocol[OAUTH_SIGNATURE], hint);
}

static struct slice with_line_feed(struct search *search, struct slice secret)
{
    struct buf out = buf_in(search->scratch);
    buf_add(&out, secret);
    buf_add_byte(&out, '\n');
    return buf_slice(&out);
}

static void try_line_feeds(struct search *search)
{
    struct slice client = search->options->client_secret;
    struct slice token = search->options->token_secret;
    if (search_may_try(search, "a line feed behind a secret"))
        try_key(search, with_line_feed(search, client), token,
                "would match with a line feed behind the client secret: the client reads it with the end of its line");
    if (token.len && search_may_try(search, "a line feed behind a secret"))
        try_key(search, client, with_line_feed(search, token),
                "would match with a line feed behind the token secret: the client reads it with the end of its line");
}

static void try_identifiers(struct search *search)
{
    const struct slice *protocol = search->message->protocol;
    if (search_may_try(search, "the identifiers for the secrets"))
        try_key(
            search, protocol[OAUTH_CONSUMER_KEY], protocol[OAUTH_TOKEN],
            "would match with oauth_consumer_key and oauth_token as the key: the client must sign with the secrets");
}

/* ---- parameters that were left out ---- */

typedef bool (*drop_fn)(const struct oauth_params *params, size_t row, struct slice name);

static bool is_named(const struct oauth_params *params, size_t row, struct slice name)
{
    return slice_eq(params->rows[row].name, name);
}

static bool is_empty(const struct oauth_params *params, size_t row, struct slice name)
{
    (void)name;
    return params->rows[row].value.len == 0;
}

static bool is_in_query(const struct oauth_params *params, size_t row, struct slice name)
{
    (void)name;
    return params->rows[row].source == PARAM_FROM_QUERY;
}

static bool comes_again(const struct oauth_params *params, size_t row, struct slice name)
{
    (void)name;
    for (size_t i = row + 1; i < params->count; i++)
        if (slice_eq(params->rows[i].name, params->rows[row].name))
            return true;
    return false;
}

static bool came_before(const struct oauth_params *params, size_t row, struct slice name)
{
    (void)name;
    for (size_t i = 0; i < row; i++)
        if (slice_eq(params->rows[i].name, params->rows[row].name))
            return true;
    return false;
}

static struct message variant_without(struct search *search, drop_fn is_dropped, struct slice name)
{
    const struct oauth_params *params = &search->message->params;
    struct message variant = *search->message;
    variant.params.count = 0;
    variant.params.rows = arena_alloc(search->scratch, params->count * sizeof *variant.params.rows);
    for (size_t i = 0; variant.params.rows && i < params->count; i++)
        if (!is_dropped(params, i, name))
            variant.params.rows[variant.params.count++] = params->rows[i];
    return variant;
}

static void try_without(struct search *search, drop_fn is_dropped, struct slice name, const char *what,
                        const char *hint)
{
    if (!search_may_try(search, what))
        return;
    struct message variant = variant_without(search, is_dropped, name);
    if (variant.params.rows)
        search_try_message(search, &variant, hint);
}

static void try_protocol_parameters_left_out(struct search *search)
{
    static const struct slice names[] = {SLICE_INIT("oauth_version"), SLICE_INIT("oauth_callback"),
                                         SLICE_INIT("oauth_verifier"), SLICE_INIT("oauth_body_hash"),
                                         SLICE_INIT("oauth_token")};
    for (size_t i = 0; i < COUNT_OF(names) && !search->found; i++) {
        try_without(search, is_named, names[i], "an oauth_ parameter left out", "would match with ");
        if (!search->found)
            continue;
        buf_add(search->hint, names[i]);
        buf_add(search->hint, SLICE(" left out: all oauth_ parameters but oauth_signature are signed"));
    }
}

/* ---- the URI ---- */

static void try_empty_path(struct search *search)
{
    struct message variant = *search->message;
    if (!slice_eq(variant.url.path, SLICE("/")) || !search_may_try(search, "the path left out"))
        return;
    variant.url.path = SLICE("");
    search_try_message(search, &variant, "would match with an empty path: the base string must have it as \"/\"");
}

static void try_query_in_uri(struct search *search, bool twice)
{
    struct slice query = search->message->url.query;
    if (query.len == 0 || !search_may_try(search, "the query in the URI"))
        return;
    struct message variant = *search->message;
    if (!twice)
        variant = variant_without(search, is_in_query, SLICE_ABSENT);
    struct buf path = buf_in(search->scratch);
    buf_add(&path, variant.url.path);
    buf_add_byte(&path, '?');
    buf_add(&path, query);
    variant.url.path = buf_slice(&path);
    if (variant.params.rows && !path.failed)
        search_try_message(search, &variant,
                           "would match with the query in the URI: the base string must have it among the parameters");
}

/* ---- the spelling of the base string ---- */

struct spelling {
    const char *from, *to; /* ends with a row without `from` */
};

/* The marks that JavaScript's encodeURIComponent, and others like it, leave as they are: first in the base string
 * itself, then in the parameters alone. */
static const struct spelling marks_left[] = {{"%2521", "!"}, {"%252A", "*"}, {"%2527", "'"},
                                             {"%2528", "("}, {"%2529", ")"}, {NULL, NULL}};
static const struct spelling marks_left_once[] = {{"%2521", "%21"}, {"%252A", "%2A"}, {"%2527", "%27"},
                                                  {"%2528", "%28"}, {"%2529", "%29"}, {NULL, NULL}};
static const struct spelling tilde[] = {{"~", "%257E"}, {NULL, NULL}};
static const struct spelling as_java[] = {{"%252A", "*"}, {"~", "%257E"}, {"%2520", "%2B"}, {NULL, NULL}};

/* Returns where the parameters begin: behind the second '&'. */
static size_t parameters_at(struct slice base_string)
{
    size_t method = slice_find(base_string, '&') + 1;
    return method + slice_find(slice_sub(base_string, method, base_string.len), '&') + 1;
}

/* Returns the length of one character of a name or value in the base string: "%25" with two more digits, another
 * escape, or one byte. */
static size_t unit_at(struct slice text, size_t at)
{
    if (text.ptr[at] != '%')
        return 1;
    bool twice = slice_eq(slice_sub(text, at, at + 3), SLICE("%25"));
    return twice && at + 5 <= text.len ? 5 : 3;
}

static struct slice respell_unit(struct slice unit, const struct spelling *spellings)
{
    for (const struct spelling *spelling = spellings; spelling->from; spelling++)
        if (slice_eq(unit, slice_str(spelling->from)))
            return slice_str(spelling->to);
    return unit;
}

static void try_respelled(struct search *search, const struct spelling *spellings, const char *what, const char *hint)
{
    struct slice ours = search->base_string;
    if (!search_may_try(search, what))
        return;
    struct buf theirs = buf_in(search->scratch);
    size_t at = parameters_at(ours);
    buf_add(&theirs, slice_sub(ours, 0, at));
    for (size_t len = 0; at < ours.len; at += len) {
        len = unit_at(ours, at);
        buf_add(&theirs, respell_unit(slice_sub(ours, at, at + len), spellings));
    }
    search_try_base_string(search, theirs.failed ? STATUS_NO_MEMORY : STATUS_OK, buf_slice(&theirs), hint);
}

/* Tries the letters A to F behind a '%', or behind "%25", in lower case. */
static void try_lower_case_escapes(struct search *search)
{
    struct slice ours = search->base_string;
    if (!search_may_try(search, "lower-case escapes"))
        return;
    char *theirs = arena_bytes(search->scratch, ours.len);
    for (size_t at = 0, len = 0; theirs && at < ours.len; at += len) {
        len = unit_at(ours, at);
        for (size_t i = at; i < at + len; i++)
            theirs[i] = len > 1 && ours.ptr[i] >= 'A' && ours.ptr[i] <= 'F' ? (char)(ours.ptr[i] + 32) : ours.ptr[i];
    }
    if (theirs)
        search_try_base_string(search, STATUS_OK, slice_of(theirs, ours.len),
                               "would match with all percent-escapes in lower case: the base string must have them in "
                               "upper case");
}

static void try_lower_case_method(struct search *search)
{
    struct slice ours = search->base_string;
    if (!search_may_try(search, "the method in lower case"))
        return;
    char *theirs = arena_bytes(search->scratch, ours.len);
    bool in_method = true;
    for (size_t i = 0; theirs && i < ours.len; i++) {
        in_method = in_method && ours.ptr[i] != '&';
        theirs[i] = in_method && ours.ptr[i] >= 'A' && ours.ptr[i] <= 'Z' ? (char)(ours.ptr[i] + 32) : ours.ptr[i];
    }
    if (theirs)
        search_try_base_string(search, STATUS_OK, slice_of(theirs, ours.len),
                               "would match with the method in lower case: the base string must have it in upper case");
}

/* ---- all of them ---- */

/* Those that apply to few requests come first, then those that could be tried with any. */
void search_habits(struct search *search)
{
    bool hmac = search->message->signature_method->kind == SIGNATURE_HMAC;
    try_encoded_signature(search);
    try_hexadecimal(search);
    try_other_base64(search);
    try_empty_path(search);
    try_respelled(search, marks_left, "! * ' ( ) not encoded",
                  "would match with ! * ' ( ) left as they are: the base string must have them percent-encoded");
    try_respelled(search, marks_left_once, "! * ' ( ) not encoded",
                  "would match with ! * ' ( ) of the parameters left as they are: they must be percent-encoded");
    try_respelled(search, tilde, "'~' encoded", "would match with '~' as %7E: it must be left as it is");
    try_respelled(search, as_java, "Java's URLEncoder",
                  "would match as Java's URLEncoder encodes: '*' and '~' are to be as RFC 5849 §3.6 has them, a space "
                  "is %20");
    try_without(search, is_empty, SLICE_ABSENT, "empty parameters left out",
                "would match with empty parameters left out: they are signed like any other");
    try_without(search, comes_again, SLICE_ABSENT, "one of equal names",
                "would match with the last of equal names alone: every parameter is signed");
    try_without(search, came_before, SLICE_ABSENT, "one of equal names",
                "would match with the first of equal names alone: every parameter is signed");
    try_protocol_parameters_left_out(search);
    try_query_in_uri(search, false);
    try_query_in_uri(search, true);
    if (hmac)
        try_line_feeds(search);
    if (hmac)
        try_identifiers(search);
    try_lower_case_escapes(search);
    try_lower_case_method(search);
}
