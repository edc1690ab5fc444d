#include "protocol/consent.h"

#include "login/delegated_login.h"
#include "login/trusted_login.h"
#include "rules/callback.h"
#include "site/client_logo.h"
#include "site/return_to.h"
#include "site/scope_list.h"
#include "site/site.h"

enum { UNTICK_MAX = 200, DAY_S = 24 * 3600, HOUR_S = 3600, MINUTE_S = 60 };

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

/* The first character of a name, where it is one that can be seen: in place of a logo. */
static struct slice initial_of(struct slice name)
{
    size_t len = slice_utf8_sequence(name, 0);
    struct slice initial = slice_sub(name, 0, len);
    bool is_mark = slice_starts_with(initial, SLICE("\xe2\x80")) || slice_starts_with(initial, SLICE("\xe2\x81"));
    return len > 0 && !is_mark && slice_is_printable(initial) ? initial : SLICE("·");
}

/* "for 30 days", rounded up to the unit that it is told in. */
static struct slice lasts_text(struct request *request)
{
    static const struct {
        int64_t unit_s;
        const char *one, *many;
    } units[] = {{DAY_S, "consent.lasts_day", "consent.lasts_days"},
                 {HOUR_S, "consent.lasts_hour", "consent.lasts_hours"},
                 {MINUTE_S, "consent.lasts_minute", "consent.lasts_minutes"}};
    int64_t ttl_s = app_of(request)->config->token_ttl_s;
    struct buf count = buf_in(&request->arena);
    size_t i = 0;
    while (i + 1 < COUNT_OF(units) && ttl_s < units[i].unit_s)
        i++;
    int64_t units_in = (ttl_s + units[i].unit_s - 1) / units[i].unit_s;
    buf_add_i64(&count, units_in);
    struct frame_view view = frame_begin(request);
    const struct page_value values[] = {
        PAGE_TEXT("count", buf_slice(&count)),
        PAGE_TEXT("brand", arena_copy(&request->arena, view.look->brand)),
    };
    frame_end(request, &view);
    const struct page_scope scope = {values, COUNT_OF(values)};
    const char *key = ttl_s == 0 ? "consent.lasts_forever" : units_in == 1 ? units[i].one : units[i].many;
    return site_text_with(request, key, &scope);
}

static enum status show_with(struct request *request, const struct consent *consent, const struct scope_list *shown)
{
    const struct client *client = consent->client;
    struct slice oauth_token = consent->temp->token;
    struct slice return_to = return_to_authorize(request, oauth_token);
    struct slice action = slice_sub(return_to, 0, slice_find(return_to, '?'));
    struct slice name = client->name.len ? client->name : client->client_id;
    const char *logout = site_path(request, "/logout");
    struct buf source = buf_in(&request->arena);
    callback_write_csp_source(consent->destination, &source);
    struct slice lasts = lasts_text(request);
    struct slice logo = client_logo_address(request, client);
    if (slice_is_absent(return_to) || slice_is_absent(logo) || !logout || source.failed || slice_is_absent(lasts))
        return STATUS_NO_MEMORY;
    struct place place = destination_place(consent->destination, buf_slice(&source));
    const struct config *config = app_of(request)->config;
    bool may_untick = client->flags & CLIENT_OPTIONAL_SCOPES && shown->count <= UNTICK_MAX;
    const struct page_value values[] = {
        PAGE_TEXT("client_name", name),
        PAGE_TEXT("initial", initial_of(name)),
        PAGE_FLAG("verified", client->flags & CLIENT_VERIFIED),
        PAGE_TEXT("description", client->description),
        PAGE_TEXT("website", client->website),
        PAGE_TEXT("logo", logo), /* never from somebody else's server */
        PAGE_TEXT("username", consent->user->username),
        PAGE_FLAG("elsewhere", delegated_login_is_on(config) || trusted_login_is_on(config)),
        shown->groups,
        PAGE_FLAG("has_scopes", shown->count > 0),
        PAGE_FLAG("has_dangerous", shown->has_dangerous),
        PAGE_FLAG("optional", may_untick),
        PAGE_TEXT("site", place.site),
        PAGE_TEXT("machine", place.machine),
        PAGE_TEXT("app", place.app),
        PAGE_TEXT("destination", buf_slice(&source)),
        PAGE_TEXT("lasts", lasts),
        PAGE_TEXT("action", action),
        PAGE_TEXT("logout", slice_str(logout)),
        PAGE_TEXT("return_to", return_to),
        PAGE_TEXT("oauth_token", oauth_token),
        PAGE_TEXT("csrf_token", consent->csrf_token),
        PAGE_TEXT("shown", consent->scopes),
    };
    const struct page_scope scope = {values, COUNT_OF(values)};
    (void)site_page(request, 200, "consent.title", "consent.html", &scope, buf_slice(&source));
    return STATUS_OK;
}

enum status consent_show(struct request *request, const struct consent *consent)
{
    struct scope_list shown;
    struct frame_view view = frame_begin(request); /* the words of scopes are its */
    enum status status = scope_list_describe(&request->arena, &view, consent->scopes, &shown);
    if (status == STATUS_OK)
        status = show_with(request, consent, &shown);
    frame_end(request, &view);
    return status;
}
