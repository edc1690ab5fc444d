#include "rules/client_draft.h"

#include "oauth/scope.h"
#include "oauth/signature_method.h"
#include "oauth/url.h"
#include "rules/callback.h"

void client_draft_done(struct client_draft *d)
{
    buf_done(&d->why);
    buf_done(&d->methods);
    buf_done(&d->scopes);
    buf_done(&d->default_scopes);
}

static bool refuse_option(struct client_draft *d, const char *option, struct slice value, const char *why)
{
    d->fault = option;
    d->fault_value = value;
    buf_reset(&d->why);
    buf_add_str(&d->why, option);
    buf_add_str(&d->why, value.len ? " " : "");
    buf_add(&d->why, value);
    buf_addf(&d->why, ": %s", why);
    return false;
}

/* One limit for every store: MySQL's columns have one, SQLite's have none. */
static bool check_length(struct client_draft *d, const char *option, struct slice text, size_t max)
{
    if (text.len <= max)
        return true;
    d->fault = option;
    d->fault_value = SLICE("");
    buf_reset(&d->why);
    buf_addf(&d->why, "%s: it has %zu bytes, and %zu are the most", option, text.len, max);
    return false;
}

static void join_items(struct buf *out, const struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_add_str(out, out->len ? " " : "");
        buf_add(out, list->items[i]);
    }
}

/* `--callback ''` takes all of them away. */
static bool clears_list(const struct option_list *list)
{
    return list->count == 1 && list->items[0].len == 0;
}

/* ---- the parts; what is not given stays as it is ---- */

#define FLAG_ROW(NAME, bit, column, json, option, help) {option, CLIENT_##NAME},
static const struct {
    const char *name;
    unsigned flag;
} flags[FLAG_COUNT] = {CLIENT_FLAGS(FLAG_ROW)};

static bool take_flags(struct client_draft *d)
{
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (d->options->on[i] && d->options->off[i])
            return refuse_option(d, flags[i].name, SLICE(""), "a flag and its opposite (--no-…) do not go together");
        d->client.flags |= d->options->on[i] ? flags[i].flag : 0U;
        d->client.flags &= d->options->off[i] ? ~flags[i].flag : ~0U;
    }
    return true;
}

static bool take_callbacks(struct client_draft *d)
{
    const struct option_list *list = &d->options->callbacks;
    bool http_allowed = d->client.flags & CLIENT_HTTP_CALLBACK;
    if (list->count == 0)
        return true;
    d->client.callbacks = d->callbacks;
    d->client.callback_count = clears_list(list) ? 0 : list->count;
    for (size_t i = 0; i < d->client.callback_count; i++) {
        struct slice uri = list->items[i];
        bool is_prefix = uri.len > 2 && uri.ptr[uri.len - 1] == '*' && uri.ptr[uri.len - 2] == '/';
        const char *why = NULL;
        d->callbacks[i] = (struct client_callback){slice_sub(uri, 0, uri.len - is_prefix), is_prefix};
        if (!check_length(d, "callback", uri, CALLBACK_MAX_BYTES))
            return false;
        if (callback_is_oob(uri))
            return refuse_option(d, "callback", uri, "every client may use oob; leave it out");
        if (!callback_may_be_registered(&d->callbacks[i], http_allowed, &why))
            return refuse_option(d, "callback", uri, why);
    }
    return true;
}

static bool take_default_callback(struct client_draft *d)
{
    const struct client_callback callback = {.uri = d->options->default_callback};
    const char *why = "it must be a URI";
    if (slice_is_absent(callback.uri))
        return true;
    if (!check_length(d, "default-callback", callback.uri, CALLBACK_MAX_BYTES))
        return false;
    if (callback.uri.len && (callback_is_oob(callback.uri) ||
                             !callback_may_be_registered(&callback, d->client.flags & CLIENT_HTTP_CALLBACK, &why)))
        return refuse_option(d, "default-callback", callback.uri, why);
    d->client.default_callback = callback.uri;
    return true;
}

static bool take_methods(struct client_draft *d)
{
    unsigned mask = 0;
    struct slice unknown = {0};
    if (d->options->signature_methods.count == 0)
        return true;
    join_items(&d->methods, &d->options->signature_methods);
    if (!signature_methods_parse(buf_slice(&d->methods), &mask, &unknown))
        return refuse_option(d, "signature-method", unknown, "there is no such signature method");
    buf_reset(&d->methods);
    signature_methods_write(mask, ' ', &d->methods);
    d->client.signature_methods = buf_slice(&d->methods);
    return true;
}

/* One list of all that was given, in the spelling that is stored. */
static bool write_scopes(struct client_draft *d, const char *option, const struct option_list *list, struct buf *out)
{
    struct buf joined = BUF_INIT;
    bool ok = true;
    join_items(&joined, list);
    struct slice scopes = buf_slice(&joined);
    if (!scope_is_valid(scopes))
        ok = refuse_option(d, option, scopes, "a scope is printable ASCII without quotes and backslashes");
    else if (slice_find(scopes, ',') < scopes.len)
        ok = refuse_option(d, option, scopes,
                           "a comma does not separate scopes: repeat the option for each, or put spaces between them");
    else
        scope_write(scopes, out);
    buf_done(&joined);
    return ok && check_length(d, option, buf_slice(out), CLIENT_SCOPES_MAX_BYTES);
}

static bool take_scopes(struct client_draft *d)
{
    const struct client_options *o = d->options;
    if (!write_scopes(d, "scope", &o->scopes, &d->scopes) ||
        !write_scopes(d, "default-scope", &o->default_scopes, &d->default_scopes))
        return false;
    if (o->scopes.count)
        d->client.allowed_scopes = d->client.default_scopes = buf_slice(&d->scopes);
    if (o->default_scopes.count)
        d->client.default_scopes = buf_slice(&d->default_scopes);
    if (!scope_covers(d->client.allowed_scopes, d->client.default_scopes))
        return refuse_option(d, "default-scope", d->client.default_scopes, "it must be among what --scope allows");
    return true;
}

static bool is_url(struct slice text, bool https_only)
{
    struct oauth_url url = {0};
    struct problem problem = {0};
    return oauth_url_parse(text, &url, &problem) == STATUS_OK && (url.https || !https_only);
}

/* ---- what the plain texts must be: NULL, or what is wrong ---- */

typedef const char *(*form_fn)(struct slice text);

static const char *check_URL(struct slice text)
{
    return is_url(text, false) ? NULL : "it must be an http or https URL";
}

static const char *check_HTTPS_URL(struct slice text)
{
    return is_url(text, true) ? NULL : "it must be an https URL";
}

static const char *check_TEXT(struct slice text)
{
    (void)text;
    return NULL;
}

static const char *check_SUBJECT(struct slice text)
{
    (void)text; /* of a user who need not have been here yet */
    return NULL;
}

static bool take_text(struct client_draft *d, const char *option, struct slice given, size_t max, form_fn check,
                      struct slice *text)
{
    if (!check_length(d, option, given, max))
        return false;
    const char *why = given.len ? check(given) : NULL;
    if (why)
        return refuse_option(d, option, given, why);
    if (!slice_is_absent(given))
        *text = given;
    return true;
}

#define TAKE_TEXT(member, option, FORM, max, ...)                               \
    if (!take_text(d, option, o->member, max, check_##FORM, &d->client.member)) \
        return false;

static bool take_texts(struct client_draft *d)
{
    const struct client_options *o = d->options;
    if (!slice_is_absent(o->name) && o->name.len == 0)
        return refuse_option(d, "name", o->name, "it must not be empty: users see it");
    if (!check_length(d, "name", o->name, CLIENT_NAME_MAX_BYTES))
        return false;
    if (!slice_is_absent(o->name))
        d->client.name = o->name;
    CLIENT_PLAIN_TEXTS(TAKE_TEXT);
    return true;
}

/* Absent where a client is changed. */
static bool take_id(struct client_draft *d)
{
    struct slice id = d->options->id;
    if (slice_is_absent(id))
        return true;
    if (id.len == 0 || id.len > IDENTIFIER_MAX_BYTES || !slice_is_printable(id))
        return refuse_option(d, "id", SLICE(""), "an id is 1 to 255 bytes of UTF-8 without control characters");
    d->client.client_id = id;
    return true;
}

bool client_draft_take(struct client_draft *d)
{
    return take_id(d) && take_flags(d) && take_callbacks(d) && take_default_callback(d) && take_methods(d) &&
           take_scopes(d) && take_texts(d);
}

void client_draft_credentials(struct client_draft *d, struct slice secret, struct slice key)
{
    d->secret.text = secret;
    d->client.secrets = &d->secret;
    d->client.secret_count = slice_is_absent(secret) ? 0 : 1;
    d->key.text = key;
    d->client.keys = &d->key;
    d->client.key_count = slice_is_absent(key) ? 0 : 1;
    if (d->client.secret_count == 0 && d->client.signature_methods.len == 0) {
        signature_methods_write(signature_methods_of(SIGNATURE_RSA), ' ', &d->methods);
        d->client.signature_methods = buf_slice(&d->methods);
    }
}

bool client_draft_can_sign(struct client_draft *d)
{
    const struct client *client = &d->client;
    struct slice rest = client->signature_methods;
    for (bool more = rest.len > 0; more;) {
        const struct signature_method *method = signature_method_find(slice_cut(&rest, ' ', &more));
        if (method && (method->kind == SIGNATURE_RSA ? client->key_count > 0 : client_has_secret(client)))
            return true;
    }
    if (client->signature_methods.len == 0 || (client->key_count == 0 && !client_has_secret(client)))
        return true;
    return refuse_option(d, "signature-method", client->signature_methods,
                         client_has_secret(client)
                             ? "the client has no RSA key, so it could never sign; give it an HMAC method, or a "
                               "key (client rotate-secret --rsa-public-key)"
                             : "the client has an RSA key and no secret, so it could never sign; give it an RSA "
                               "method, or a secret (--secret-file)");
}
