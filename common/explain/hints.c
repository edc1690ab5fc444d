#include "base/percent.h"
#include "explain/search.h"
#include "oauth/base_string.h"

/* ---- the URL ---- */

static void try_url(struct search *search, struct oauth_url url, const char *hint)
{
    struct message variant = *search->message;
    variant.url = url;
    search_try_message(search, &variant, hint);
}

static void try_scheme(struct search *search)
{
    struct oauth_url url = search->message->url;
    if (!search_may_try(search, "the other scheme"))
        return;
    url.https = !url.https;
    try_url(search, url,
            url.https ? "would match with scheme https: the proxy in front does not pass X-Forwarded-Proto"
                      : "would match with scheme http: the client signs another scheme than it calls");
}

static void try_port(struct search *search)
{
    struct oauth_url url = search->message->url;
    uint16_t port = oauth_url_port(&url);
    if (!search_may_try(search, "the port dropped or added"))
        return;
    if (port != (url.https ? 443 : 80)) {
        url.port = 0;
        try_url(search, url, "would match without the port: the client leaves it out, or a proxy adds it");
        return;
    }
    struct buf host = buf_in(search->scratch);
    buf_add(&host, url.host);
    buf_addf(&host, ":%u", (unsigned)port);
    url.host = buf_slice(&host); /* a port that is part of the host is written, even if it is the default */
    url.port = 0;
    try_url(search, url,
            "would match with the default port written out: the client must leave :80 and :443 out of the base string");
}

static void try_path(struct search *search, struct slice path, const char *hint)
{
    struct oauth_url url = search->message->url;
    url.path = path;
    try_url(search, url, hint);
}

static void try_trailing_slash(struct search *search)
{
    struct slice path = search->message->url.path;
    if (!search_may_try(search, "the trailing slash"))
        return;
    if (path.len > 1 && path.ptr[path.len - 1] == '/') {
        try_path(search, slice_sub(path, 0, path.len - 1),
                 "would match without the trailing slash of the path: it was added on the way");
        return;
    }
    struct buf longer = buf_in(search->scratch);
    buf_add(&longer, path);
    buf_add_byte(&longer, '/');
    try_path(search, buf_slice(&longer), "would match with a trailing slash after the path: it was dropped on the way");
}

/* Tries the decoded path, which a client signs that builds the base string from it. */
static void try_path_decoded(struct search *search)
{
    struct slice path = search->message->url.path;
    if (slice_find(path, '%') == path.len || !search_may_try(search, "the path decoded"))
        return;
    size_t len = 0;
    char *decoded = arena_bytes(search->scratch, path.len);
    if (decoded && percent_decode(path, PLUS_LITERAL, decoded, &len))
        try_path(search, slice_of(decoded, len),
                 "would match with the path decoded: the client signs another spelling of the path than it sends");
}

/* Tries the path encoded anew, which a client signed if its path was decoded on the way here. */
static void try_path_encoded(struct search *search)
{
    struct slice rest = search->message->url.path;
    bool more = true;
    if (!search_may_try(search, "the path encoded anew"))
        return;
    char *memory = arena_bytes(search->scratch, rest.len);
    struct buf encoded = buf_in(search->scratch);
    while (memory && more) {
        struct slice segment = slice_cut(&rest, '/', &more);
        size_t len = 0;
        if (!percent_decode(segment, PLUS_LITERAL, memory, &len))
            return;
        percent_encode(&encoded, slice_of(memory, len));
        if (more)
            buf_add_byte(&encoded, '/');
    }
    if (memory && !encoded.failed)
        try_path(search, buf_slice(&encoded),
                 "would match with the path percent-encoded: it was decoded or rewritten on the way");
}

static void try_query_left_out(struct search *search)
{
    struct message variant = *search->message;
    if (variant.url.query.len == 0 || !search_may_try(search, "the query left out"))
        return;
    variant.params.count = 0;
    variant.params.rows = arena_alloc(search->scratch, search->message->params.count * sizeof *variant.params.rows);
    for (size_t i = 0; variant.params.rows && i < search->message->params.count; i++)
        if (search->message->params.rows[i].source != PARAM_FROM_QUERY)
            variant.params.rows[variant.params.count++] = search->message->params.rows[i];
    if (variant.params.rows)
        search_try_message(search, &variant, "would match with the query left out: the client does not sign its query");
}

static void try_origin(struct search *search, struct slice origin)
{
    struct oauth_url url = {0};
    struct problem ignored = {0};
    if (oauth_url_parse(origin, &url, &ignored) != STATUS_OK || !search_may_try(search, "the configured origins"))
        return;
    url.path = search->message->url.path;
    try_url(search, url, "would match with origin ");
    if (!search->found)
        return;
    buf_add(search->hint, origin);
    buf_add(search->hint, SLICE(": the host or port was rewritten on the way"));
}

static void try_prefix_added(struct search *search, struct slice prefix)
{
    struct buf path = buf_in(search->scratch);
    buf_add(&path, prefix);
    buf_add(&path, search->message->url.path);
    try_path(search, buf_slice(&path), "would match with path prefix ");
}

static bool begins_with_segments(struct slice path, struct slice prefix)
{
    return slice_starts_with(path, prefix) && (path.len == prefix.len || path.ptr[prefix.len] == '/');
}

static void try_prefix(struct search *search, struct slice prefix)
{
    struct slice path = search->message->url.path;
    while (prefix.len && prefix.ptr[prefix.len - 1] == '/')
        prefix.len--;
    if (prefix.len == 0 || !search_may_try(search, "the configured path prefixes"))
        return;
    bool stripped = !begins_with_segments(path, prefix);
    if (stripped)
        try_prefix_added(search, prefix);
    else
        try_path(search, path.len == prefix.len ? SLICE("/") : slice_sub(path, prefix.len, path.len),
                 "would match without path prefix ");
    if (!search->found)
        return;
    buf_add(search->hint, prefix);
    buf_add_str(search->hint, stripped ? ": the proxy in front strips it" : ": the proxy in front adds it");
}

/* Takes origins and prefixes in turn, so that a long list of one does not use up the tries of the other. */
static void try_origins_and_prefixes(struct search *search)
{
    const struct slice_list *origins = &search->options->origins;
    const struct slice_list *prefixes = &search->options->path_prefixes;
    for (size_t i = 0; i < origins->count || i < prefixes->count; i++) {
        if (i < origins->count)
            try_origin(search, origins->items[i]);
        if (i < prefixes->count)
            try_prefix(search, prefixes->items[i]);
    }
}

/* ---- body and method ---- */

static void try_body_left_out(struct search *search)
{
    struct message variant = *search->message;
    if (!variant.form_body || variant.body.len == 0 || !search_may_try(search, "the body left out"))
        return;
    while (variant.params.count && variant.params.rows[variant.params.count - 1].source == PARAM_FROM_BODY)
        variant.params.count--; /* the body's parameters come last */
    search_try_message(search, &variant,
                       "would match with the body left out: the client does not sign the parameters of its form body");
}

static void try_body_as_form(struct search *search)
{
    struct message variant = *search->message;
    const struct oauth_params *params = &search->message->params;
    if (variant.form_body || variant.body.len == 0 || slice_find(variant.body, '=') == variant.body.len ||
        !search_may_try(search, "the body signed as a form"))
        return;
    enum status status = params_init(&variant.params, search->scratch, OAUTH_PARAMS_MAX);
    for (size_t i = 0; status == STATUS_OK && i < params->count; i++)
        variant.params.rows[variant.params.count++] = params->rows[i];
    if (status == STATUS_OK)
        status = params_add_form(&variant.params, search->scratch, variant.body, PARAM_FROM_BODY);
    if (status == STATUS_OK)
        search_try_message(
            search, &variant,
            "would match with the body signed as a form: send Content-Type application/x-www-form-urlencoded");
}

static void try_methods(struct search *search)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct message variant = *search->message;
        if (slice_eq_nocase(variant.method, slice_str(methods[i])) || !search_may_try(search, "other methods"))
            continue;
        variant.method = slice_str(methods[i]);
        search_try_message(search, &variant, "would match with method ");
        if (!search->found)
            continue;
        buf_addf(search->hint, "%s: the client signs another method than it sends", methods[i]);
        return;
    }
}

/* ---- the parameters ---- */

/* Returns the message with a copy of its parameters, which may be changed; the rows are NULL if there is no memory. */
static struct message with_own_params(struct search *search)
{
    struct message variant = *search->message;
    size_t bytes = variant.params.count * sizeof *variant.params.rows;
    variant.params.rows = arena_alloc(search->scratch, bytes);
    if (variant.params.rows && bytes)
        memcpy(variant.params.rows, search->message->params.rows, bytes);
    return variant;
}

static bool has_escape(struct slice text)
{
    return slice_find(text, '%') < text.len;
}

static struct slice encoded_again(struct search *search, struct slice canonical)
{
    struct buf out = buf_in(search->scratch);
    percent_encode(&out, canonical);
    return buf_slice(&out);
}

/* Tries the value of one row encoded twice: the client encodes what its library encodes again. */
static void try_row_encoded_twice(struct search *search, size_t row)
{
    const struct oauth_param *param = &search->message->params.rows[row];
    if (!search_may_try(search, "a parameter encoded twice"))
        return;
    struct message variant = with_own_params(search);
    if (!variant.params.rows)
        return;
    variant.params.rows[row].value = encoded_again(search, param->value);
    search_try_message(search, &variant, "would match with parameter ");
    if (!search->found)
        return;
    buf_add(search->hint, param->name);
    buf_add(search->hint, SLICE(" encoded twice: the client encodes it once too often in its base string"));
}

static void try_all_encoded_twice(struct search *search)
{
    if (!search_may_try(search, "all parameters encoded twice"))
        return;
    struct message variant = with_own_params(search);
    for (size_t i = 0; variant.params.rows && i < variant.params.count; i++)
        variant.params.rows[i].value = encoded_again(search, variant.params.rows[i].value);
    if (variant.params.rows)
        search_try_message(
            search, &variant,
            "would match with all parameters encoded twice: the client encodes them once too often in its "
            "base string");
}

static void try_encoded_twice(struct search *search)
{
    enum { ROWS_MAX = 4 };
    unsigned rows = 0;
    for (size_t i = 0; i < search->message->params.count; i++) {
        const struct oauth_param *param = &search->message->params.rows[i];
        if (param->is_signed && has_escape(param->value) && ++rows <= ROWS_MAX)
            try_row_encoded_twice(search, i);
    }
    if (rows > 1)
        try_all_encoded_twice(search);
}

/* Returns what a value meant before the client encoded it twice; the value itself if that cannot be decoded again. */
static struct slice decoded_once_more(struct search *search, struct slice canonical)
{
    struct slice text = params_decoded(canonical, search->scratch);
    size_t len = 0;
    char *out = arena_bytes(search->scratch, text.len * 3);
    return out && percent_canonical(text, PLUS_LITERAL, out, &len) ? slice_of(out, len) : canonical;
}

static void try_decoded_once_more(struct search *search)
{
    if (!search_may_try(search, "parameters decoded once more"))
        return;
    struct message variant = with_own_params(search);
    for (size_t i = 0; variant.params.rows && i < variant.params.count; i++)
        variant.params.rows[i].value = decoded_once_more(search, variant.params.rows[i].value);
    if (variant.params.rows)
        search_try_message(search, &variant,
                           "would match with the parameters decoded once more: the client sends them encoded twice");
}

static void try_callback_unencoded(struct search *search)
{
    for (size_t i = 0; i < search->message->params.count; i++) {
        const struct oauth_param *param = &search->message->params.rows[i];
        if (!slice_eq(param->name, SLICE("oauth_callback")) || !has_escape(param->value) ||
            !search_may_try(search, "oauth_callback not encoded"))
            continue;
        struct message variant = with_own_params(search);
        if (!variant.params.rows)
            return;
        variant.params.rows[i].value = params_decoded(param->value, search->scratch);
        search_try_message(search, &variant,
                           "would match with oauth_callback un-encoded: the client must encode it before it joins and "
                           "encodes the parameters");
    }
}

/* Tries every escape of every value as `rewrite` writes it, which returns the new length of the escape. */
static void try_respelled(struct search *search, size_t (*rewrite)(const char *escape, char *out), const char *what,
                          const char *hint)
{
    if (!search_may_try(search, what))
        return;
    struct message variant = with_own_params(search);
    for (size_t i = 0; variant.params.rows && i < variant.params.count; i++) {
        struct slice value = variant.params.rows[i].value;
        char *out = arena_bytes(search->scratch, value.len);
        size_t len = 0;
        for (size_t at = 0; out && at < value.len;) {
            bool escape = value.ptr[at] == '%' && at + 3 <= value.len;
            if (!escape)
                out[len++] = value.ptr[at];
            len += escape ? rewrite(value.ptr + at, out + len) : 0;
            at += escape ? 3 : 1;
        }
        if (!out)
            return;
        variant.params.rows[i].value = slice_of(out, len);
    }
    if (variant.params.rows)
        search_try_message(search, &variant, hint);
}

static size_t space_as_plus(const char *escape, char *out)
{
    bool space = escape[1] == '2' && escape[2] == '0';
    if (space)
        out[0] = '+';
    else
        memcpy(out, escape, 3);
    return space ? 1 : 3;
}

static size_t in_lower_case(const char *escape, char *out)
{
    for (size_t i = 0; i < 3; i++)
        out[i] = escape[i] >= 'A' && escape[i] <= 'F' ? (char)(escape[i] + 32) : escape[i];
    return 3;
}

/* These are orders that clients take for the right one. */
static bool joined_after(const struct oauth_param *a, const struct oauth_param *b)
{
    char memory[2][1024];
    struct buf text[2] = {buf_fixed(memory[0], sizeof memory[0]), buf_fixed(memory[1], sizeof memory[1])};
    const struct oauth_param *params[2] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        buf_add(&text[i], params[i]->name);
        buf_add_byte(&text[i], '=');
        buf_add(&text[i], params[i]->value);
    }
    return slice_cmp(buf_slice(&text[0]), buf_slice(&text[1])) > 0;
}

static bool name_after(const struct oauth_param *a, const struct oauth_param *b)
{
    return slice_cmp(a->name, b->name) > 0;
}

static bool never_after(const struct oauth_param *a, const struct oauth_param *b)
{
    (void)a, (void)b;
    return false;
}

static void try_order(struct search *search, bool (*after)(const struct oauth_param *, const struct oauth_param *),
                      const char *what, const char *hint)
{
    const struct oauth_params *params = &search->message->params;
    size_t count = 0;
    if (params->count > EXPLAIN_TRIES_MAX * 2 || !search_may_try(search, what)) /* the sort below is quadratic */
        return;
    const struct oauth_param **ordered = arena_alloc(search->scratch, params->count * sizeof *ordered);
    for (size_t i = 0; ordered && i < params->count; i++) {
        if (!params->rows[i].is_signed)
            continue;
        size_t at = count++;
        for (; at > 0 && after(ordered[at - 1], &params->rows[i]); at--)
            ordered[at] = ordered[at - 1];
        ordered[at] = &params->rows[i];
    }
    struct slice base_string = {0};
    enum status built = ordered
                            ? base_string_build_ordered(search->message, ordered, count, search->scratch, &base_string)
                            : STATUS_NO_MEMORY;
    search_try_base_string(search, built, base_string, hint);
}

static void try_realm(struct search *search)
{
    struct message variant = *search->message;
    if (slice_is_absent(variant.realm) || !search_may_try(search, "realm as a parameter"))
        return;
    size_t count = search->message->params.count;
    enum status status = params_init(&variant.params, search->scratch, count + 1);
    if (status != STATUS_OK || count == OAUTH_PARAMS_MAX)
        return;
    memcpy(variant.params.rows, search->message->params.rows, count * sizeof *variant.params.rows);
    variant.params.count = count;
    status =
        params_add(&variant.params, search->scratch, SLICE("realm"), variant.realm, PLUS_LITERAL, PARAM_FROM_HEADER);
    if (status == STATUS_OK)
        search_try_message(search, &variant,
                           "would match with realm as a parameter: the client must leave the header's realm out");
}

/* ---- the secrets and the method ---- */

static void try_shared_key(struct search *search, const struct buf *key, const char *hint)
{
    search_try_signature(search, search->message->signature_method, key, search->base_string,
                         search->message->protocol[OAUTH_SIGNATURE], hint);
}

static void try_secrets(struct search *search)
{
    struct slice client = search->options->client_secret;
    struct slice token = search->options->token_secret;
    static const struct slice none = SLICE_INIT("");
    const struct {
        struct slice first, second;
        bool due;
        const char *what, *hint;
    } rows[] = {
        {client, none, token.len > 0, "the token secret left out",
         "would match with the token secret left out: the client signs with its own secret alone"},
        {none, token, client.len > 0, "the client secret left out",
         "would match with the client secret left out: the client signs with the token secret alone"},
        {token, client, !slice_eq(client, token), "the secrets swapped",
         "would match with the secrets swapped: the key is client secret, '&', token secret"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!rows[i].due || !search_may_try(search, rows[i].what))
            continue;
        struct buf key = buf_in(search->scratch);
        signature_write_shared_key(rows[i].first, rows[i].second, &key);
        try_shared_key(search, &key, rows[i].hint);
    }
    if ((percent_is_plain(client) && percent_is_plain(token)) || !search_may_try(search, "the secrets not encoded"))
        return;
    struct buf key = buf_in(search->scratch);
    buf_add(&key, client);
    buf_add_byte(&key, '&');
    buf_add(&key, token);
    try_shared_key(search, &key, "would match with the secrets not encoded: each must be percent-encoded in the key");
}

/* Some services ask clients to leave it out, and so some libraries have an option for that. */
static void try_key_without_ampersand(struct search *search)
{
    if (search->options->token_secret.len > 0 || !search_may_try(search, "the '&' of the key left out"))
        return;
    struct buf key = buf_in(search->scratch);
    percent_encode(&key, search->options->client_secret);
    try_shared_key(search, &key,
                   "would match without the '&' of the key: it is there even if the token secret is empty");
}

static void try_former_secrets(struct search *search)
{
    enum { FORMER_MAX = 4 };
    for (size_t i = 0; i < search->options->former_secrets.count && i < FORMER_MAX; i++) {
        if (!search_may_try(search, "the secrets that were rotated out"))
            return;
        struct buf key = buf_in(search->scratch);
        signature_write_shared_key(search->options->former_secrets.items[i], search->options->token_secret, &key);
        try_shared_key(search, &key,
                       "would match with a client secret that was rotated out: the client must take the new one");
    }
}

static void try_digests(struct search *search)
{
    const struct signature_method *own = search->message->signature_method;
    for (size_t i = 0; i < SIGNATURE_METHOD_COUNT; i++) {
        const struct signature_method *other = &signature_methods[i];
        if (other == own || other->kind != own->kind || !search_may_try(search, "another digest"))
            continue;
        struct buf key = search_right_key(search);
        search_try_signature(search, other, &key, search->base_string, search->message->protocol[OAUTH_SIGNATURE],
                             "would match as ");
        if (!search->found)
            continue;
        buf_add(search->hint, other->name);
        buf_add(search->hint, SLICE(": oauth_signature_method names another one"));
        return;
    }
}

static void try_signature_spaces(struct search *search)
{
    struct slice signature = search->message->protocol[OAUTH_SIGNATURE];
    if (slice_find(signature, ' ') == signature.len || !search_may_try(search, "the '+' of the signature"))
        return;
    char *repaired = arena_bytes(search->scratch, signature.len);
    if (!repaired)
        return;
    for (size_t i = 0; i < signature.len; i++)
        repaired[i] = signature.ptr[i] == ' ' ? '+' : signature.ptr[i];
    struct buf key = search_right_key(search);
    search_try_signature(
        search, search->message->signature_method, &key, search->base_string, slice_of(repaired, signature.len),
        "would match with '+' for the spaces of oauth_signature: the client must percent-encode it (%2B)");
}

/* The likeliest changes come first (docs/design/protocol.md, "Hints"). They take at most 27 tries, so that some are
 * left for origins and prefixes. What those leave is for the rest. */
static void try_everything(struct search *search)
{
    bool hmac = search->message->signature_method->kind == SIGNATURE_HMAC;
    try_scheme(search);
    try_port(search);
    try_signature_spaces(search);
    if (hmac) {
        try_secrets(search);
        try_key_without_ampersand(search);
        try_former_secrets(search);
    }
    try_trailing_slash(search);
    try_path_decoded(search);
    try_body_left_out(search);
    try_callback_unencoded(search);
    try_order(search, name_after, "duplicates in the order sent",
              "would match with duplicates in the order sent: equal names must be sorted by value");
    try_methods(search);
    try_encoded_twice(search);
    try_origins_and_prefixes(search);
    try_digests(search);
    try_body_as_form(search);
    try_query_left_out(search);
    try_path_encoded(search);
    try_order(search, joined_after, "the joined pairs sorted",
              "would match with the joined name=value pairs sorted: sort by encoded name, then by encoded value");
    try_order(search, never_after, "parameters in the order sent",
              "would match with the parameters in the order sent: they must be sorted");
    try_decoded_once_more(search);
    try_respelled(search, space_as_plus, "'+' for spaces",
                  "would match with '+' for spaces: the base string must have them as %20");
    try_respelled(search, in_lower_case, "lower-case escapes",
                  "would match with lower-case percent-escapes: the base string must have them in upper case");
    try_realm(search);
    search_habits(search);
}

/* ---- the client's own base string ---- */

static const char *part_at(struct slice base_string, size_t at)
{
    size_t separators = 0;
    for (size_t i = 0; i < at && i < base_string.len; i++)
        separators += base_string.ptr[i] == '&';
    return separators == 0 ? "method" : separators == 1 ? "URI" : "parameters";
}

static void compare_base_strings(struct slice ours, struct slice theirs, struct buf *out)
{
    enum { CONTEXT = 24 };
    if (slice_eq(ours, theirs)) {
        buf_add_str(out, "the base strings are equal: the secrets differ, or the signature was changed on its way");
        return;
    }
    size_t at = 0;
    while (at < ours.len && at < theirs.len && ours.ptr[at] == theirs.ptr[at])
        at++;
    size_t from = at < CONTEXT ? 0 : at - CONTEXT;
    struct slice our_part = slice_sub(ours, from, at + CONTEXT);
    struct slice their_part = slice_sub(theirs, from, at + CONTEXT);
    buf_addf(out, "the base strings differ first at byte %zu, in the %s: the client has \"", at, part_at(ours, at));
    buf_add(out, their_part);
    buf_add(out, SLICE("\", the request gives \""));
    buf_add(out, our_part);
    buf_add_byte(out, '"');
}

/* The signature over the client's own base string tells whether the secrets are right. */
static enum status write_what_own_base_string_says(const struct search *search, struct buf *out)
{
    arena_reset(search->scratch);
    struct slice theirs = search->options->client_base_string;
    struct buf key = search_right_key(search);
    const struct signature_key keys = {buf_slice(&key), search->options->rsa_public_key};
    if (key.failed)
        return STATUS_NO_MEMORY;
    if (slice_eq(theirs, search->base_string)) /* the first hint has said so */
        return STATUS_OK;
    enum status status = signature_verify(search->signer, search->message->signature_method, &keys, theirs,
                                          search->message->protocol[OAUTH_SIGNATURE]);
    if (status_is_infrastructure(status))
        return status;
    buf_add_str(out, status == STATUS_OK
                         ? ": the secrets are right, since the signature fits the client's own base string; what "
                           "differs above is all that is wrong"
                         : ": nor does the signature fit the client's own base string, so that a secret differs as "
                           "well, or this is not the string that it signed");
    return STATUS_OK;
}

static enum status write_that_nothing_matches(const struct search *search, struct buf *out)
{
    const struct message *message = search->message;
    buf_add(out, SLICE("nothing that was tried would match ("));
    buf_add(out, buf_slice(&search->tried));
    buf_add_byte(out, ')');
    if (!slice_is_absent(search->options->client_base_string))
        TRY(write_what_own_base_string_says(search, out));
    else
        buf_add(out, SLICE(": most likely a secret or a host that is not known here; send the client's own base string "
                           "as client_base_string to see where the two part"));
    if (message->form_body && message->body.len == 0)
        buf_add(out, SLICE("; or the client sent a form: the body is empty though its type is that of a form, as it is "
                           "where something read it before it was handed over"));
    return STATUS_OK;
}

static void add_hint(struct explanation *explanation, const struct buf *hint)
{
    if (hint->len && explanation->hint_count < EXPLAIN_HINTS_MAX)
        explanation->hints[explanation->hint_count++] = buf_slice(hint);
}

enum status explain_mismatch(const struct message *message, const struct explain_options *options,
                             struct slice base_string, struct signer *signer, struct arena *arena,
                             struct arena *scratch, struct explanation *explanation)
{
    const char *why = NULL;
    struct buf hint = buf_in(arena);
    struct buf difference = buf_in(arena);
    if (message->signature_method->kind == SIGNATURE_PLAINTEXT)
        return STATUS_OK;
    if (message->signature_method->kind == SIGNATURE_RSA &&
        rsa_check_public_key(options->rsa_public_key, &why) != STATUS_OK)
        buf_addf(&hint, "the client's public key cannot verify anything: %s", why);
    struct search search = {.message = message,
                            .options = options,
                            .base_string = base_string,
                            .signer = signer,
                            .scratch = scratch,
                            .hint = &hint,
                            .tried = buf_in(arena)};
    if (hint.len == 0)
        try_everything(&search);
    TRY(search.status);
    if (hint.len == 0)
        TRY(write_that_nothing_matches(&search, &hint));
    if (!slice_is_absent(options->client_base_string))
        compare_base_strings(base_string, options->client_base_string, &difference);
    add_hint(explanation, &difference);
    add_hint(explanation, &hint);
    return hint.failed || difference.failed ? STATUS_NO_MEMORY : STATUS_OK;
}
