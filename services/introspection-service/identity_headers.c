#include "identity_headers.h"

#include "base/percent.h"
#include "oauth/scope.h"
#include "verdict.h"

void identity_write(struct slice value, struct buf *out)
{
    if (value.len == 0)
        buf_add_byte(out, '-');
    else if (slice_eq(value, SLICE("-")))
        buf_add_str(out, "%2D");
    else
        percent_encode(out, value);
}

void identity_write_scope(struct slice scopes, struct buf *out)
{
    struct slice scope = {0};
    struct slice next = {0};
    (void)scope_next(&scopes, &scope);
    if (!scope_next(&scopes, &next)) { /* none, or one alone */
        identity_write(scope, out);
        return;
    }
    percent_encode(out, scope);
    do {
        buf_add_byte(out, ' ');
        percent_encode(out, next);
    } while (scope_next(&scopes, &next));
}

static void add_identity(struct request *request, const char *name, void (*write)(struct slice, struct buf *),
                         struct slice value)
{
    struct buf text = buf_in(&request->arena);
    write(value, &text);
    request_reply_header_from(request, name, &text);
}

void identity_headers_add(struct request *request, const struct check *check)
{
    bool has_user = check->legs == 3;
    const char *body_hash = verdict_body_hash(check->body_hash);
    add_identity(request, "X-OAuth-Client-Id", identity_write, check->client->client_id);
    add_identity(request, "X-OAuth-Subject", identity_write, has_user ? check->token->subject : SLICE_ABSENT);
    add_identity(request, "X-OAuth-Username", identity_write, has_user ? check->token->username : SLICE_ABSENT);
    add_identity(request, "X-OAuth-Scope", identity_write_scope, verdict_scope(check));
    add_identity(request, "X-OAuth-Token-Id", identity_write, has_user ? check->token->jti : SLICE_ABSENT);
    add_identity(request, "X-OAuth-Legs", identity_write, has_user ? SLICE("3") : SLICE("2"));
    add_identity(request, "X-OAuth-Body-Hash", identity_write, slice_str(body_hash));
}
