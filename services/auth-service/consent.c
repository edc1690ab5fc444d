#include "consent.h"

#include "callback.h"
#include "oauth/scope.h"
#include "return_to.h"
#include "site.h"

struct scope_rows {
    struct page_scope *rows;
    size_t count;
};

/* All of them: what is not shown is not consented to. */
static enum status list_scopes(struct arena *arena, struct slice scopes, struct scope_rows *ret_rows)
{
    struct slice rest = scopes;
    struct slice scope = {0};
    size_t count = 0;
    while (scope_next(&rest, &scope))
        count++;
    struct page_value *values = arena_calloc(arena, count, sizeof *values);
    struct page_scope *rows = arena_calloc(arena, count, sizeof *rows);
    if (!values || !rows)
        return STATUS_NO_MEMORY;
    rest = scopes;
    for (size_t i = 0; scope_next(&rest, &scope); i++) {
        values[i] = PAGE_TEXT("scope", scope);
        rows[i] = (struct page_scope){&values[i], 1};
    }
    *ret_rows = (struct scope_rows){rows, count};
    return STATUS_OK;
}

/* A callback is told as its origin or scheme, and what that means: {{site}}, {{machine}} or {{app}}. */
struct place {
    struct slice site;
    struct slice machine; /* a program on the resource owner's own machine */
    struct slice app;     /* whatever app has taken this scheme */
};

static struct place destination_place(struct slice destination, struct slice source)
{
    if (callback_is_loopback(destination))
        return (struct place){.machine = source};
    if (slice_starts_with(source, SLICE("https://")) || slice_starts_with(source, SLICE("http://")))
        return (struct place){.site = source};
    return (struct place){.app = source};
}

static struct slice flag_text(const struct client *client, enum client_flag flag)
{
    return client->flags & flag ? SLICE("yes") : SLICE("");
}

/* Fetched by the browser from wherever the client says, so never in the clear. */
static struct slice logo_of(const struct client *client)
{
    return slice_starts_with(client->logo, SLICE("https://")) ? client->logo : SLICE("");
}

enum status consent_show(struct request *request, const struct consent *consent)
{
    const struct client *client = consent->client;
    struct slice oauth_token = consent->temp->token;
    struct slice return_to = return_to_authorize(request, oauth_token);
    struct slice action = slice_sub(return_to, 0, slice_find(return_to, '?'));
    const char *logout = site_path(request, "/logout");
    struct scope_rows scopes = {0};
    struct buf source = buf_in(&request->arena);
    callback_write_csp_source(consent->destination, &source);
    if (slice_is_absent(return_to) || !logout || source.failed)
        return STATUS_NO_MEMORY;
    TRY(list_scopes(&request->arena, consent->scopes, &scopes));
    struct place place = destination_place(consent->destination, buf_slice(&source));
    const struct page_value values[] = {
        PAGE_TEXT("client_name", client->name.len ? client->name : client->client_id),
        PAGE_TEXT("verified", flag_text(client, CLIENT_VERIFIED)),
        PAGE_TEXT("description", client->description),
        PAGE_TEXT("website", client->website),
        PAGE_TEXT("logo", logo_of(client)),
        PAGE_TEXT("username", consent->user->username),
        PAGE_LIST("scopes", scopes.rows, scopes.count),
        PAGE_TEXT("has_scopes", scopes.count ? SLICE("yes") : SLICE("")),
        PAGE_TEXT("site", place.site),
        PAGE_TEXT("machine", place.machine),
        PAGE_TEXT("app", place.app),
        PAGE_TEXT("destination", buf_slice(&source)),
        PAGE_TEXT("action", action),
        PAGE_TEXT("logout", slice_str(logout)),
        PAGE_TEXT("return_to", return_to),
        PAGE_TEXT("oauth_token", oauth_token),
        PAGE_TEXT("csrf_token", consent->csrf_token),
        PAGE_TEXT("shown", consent->scopes),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    (void)site_page(request, 200, "Allow access?", "consent.html", &scope, buf_slice(&source));
    return STATUS_OK;
}
