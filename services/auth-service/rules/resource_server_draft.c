#include "rules/resource_server_draft.h"

#include "crypto/digest.h"
#include "crypto/random.h"
#include "oauth/url.h"

#define KEY_PREFIX "rs_"

static bool refuse_part(struct resource_server_draft *draft, const char *option, struct slice value, const char *why)
{
    buf_addf(&draft->why, "%s %.*s: %s", option, SLICE_ARGS(value), why);
    return false;
}

/* scheme://host[:port] in the one spelling that requests are compared with. */
static bool join_origins(struct resource_server_draft *draft, const struct resource_server_parts *parts)
{
    for (size_t i = 0; i < parts->origin_count; i++) {
        struct oauth_url url = {0};
        struct problem problem = {0};
        struct slice text = parts->origins[i];
        if (oauth_url_parse(text, &url, &problem) != STATUS_OK)
            return refuse_part(draft, "origin", text, problem_text(&problem));
        if (!slice_eq(url.path, SLICE("/")) || url.query.len)
            return refuse_part(draft, "origin", text, "an origin is scheme, host and port alone");
        if (draft->origins.len)
            buf_add_byte(&draft->origins, ' ');
        oauth_url_write_origin(&url, &draft->origins);
    }
    return true;
}

/* Whether the last word of the list is there before. */
static bool is_twice(struct slice list)
{
    size_t at = list.len;
    while (at > 0 && list.ptr[at - 1] != ' ')
        at--;
    struct slice last = slice_sub(list, at, list.len);
    struct slice before = slice_sub(list, 0, at);
    for (bool more = true; more;)
        if (slice_eq(slice_cut(&before, ' ', &more), last))
            return true;
    return false;
}

static bool join_sans(struct resource_server_draft *draft, const struct resource_server_parts *parts)
{
    for (size_t i = 0; i < parts->tls_san_count; i++) {
        struct slice name = parts->tls_sans[i];
        buf_add_str(&draft->sans, i ? " " : "");
        if (!resource_server_write_san(name, &draft->sans)) {
            buf_addf(&draft->why,
                     "tls-san '%.*s': write a DNS name (DNS:photos.internal) or a URI (URI:spiffe://example/photos); "
                     "certificates are known by no other type of name",
                     SLICE_ARGS(name));
            return false;
        }
        if (is_twice(buf_slice(&draft->sans))) {
            buf_addf(&draft->why, "tls-san '%.*s': it is given twice", SLICE_ARGS(name));
            return false;
        }
    }
    return true;
}

bool resource_server_draft_take(struct resource_server_draft *draft, const struct resource_server_parts *parts)
{
    if (parts->name.len == 0 || parts->name.len > IDENTIFIER_MAX_BYTES || !slice_is_utf8(parts->name)) {
        buf_add_str(&draft->why, "name: it is 1 to 255 bytes of UTF-8");
        return false;
    }
    if (!join_origins(draft, parts) || !join_sans(draft, parts))
        return false;
    draft->server.name = parts->name;
    draft->server.origins = buf_slice(&draft->origins);
    draft->server.tls_sans = buf_slice(&draft->sans);
    draft->server.allow_explain = parts->allow_explain;
    return true;
}

enum status resource_server_draft_key(struct resource_server_draft *draft)
{
    size_t prefix = sizeof KEY_PREFIX - 1;
    memcpy(draft->key, KEY_PREFIX, prefix);
    TRY(random_text(draft->key + prefix, sizeof draft->key - prefix));
    TRY(digest_bytes(DIGEST_SHA256, slice_of(draft->key, sizeof draft->key), draft->digest));
    draft->server.key_digest = slice_of(draft->digest, sizeof draft->digest);
    return STATUS_OK;
}

void resource_server_draft_done(struct resource_server_draft *draft)
{
    buf_done(&draft->origins);
    buf_done(&draft->sans);
    buf_done(&draft->why);
}
