#include "site/cookies.h"

#include "app/app.h"

enum { DEVICE_COOKIE_S = 180 * 24 * 3600 };

static bool is_https(const struct request *request)
{
    return slice_eq(app_of(request)->config->public_url.scheme, SLICE("https"));
}

static const char *cookie_name(const struct request *request, enum site_cookie cookie)
{
    static const char *const names[][2] = {
        [COOKIE_SESSION] = {"countersign_session", "__Host-countersign_session"},
        [COOKIE_LOGIN] = {"countersign_login", "__Host-countersign_login"},
        [COOKIE_DEVICE] = {"countersign_device", "__Host-countersign_device"},
        [COOKIE_CHALLENGE] = {"countersign_challenge", "__Host-countersign_challenge"},
        [COOKIE_LANGUAGE] = {"countersign_language", "__Host-countersign_language"},
    };
    return names[cookie][is_https(request)];
}

void site_set_cookie(struct request *request, enum site_cookie cookie, struct slice value)
{
    struct buf text = buf_in(&request->arena);
    buf_addf(&text, "%s=", cookie_name(request, cookie));
    buf_add(&text, value);
    buf_add_str(&text, "; Path=/; HttpOnly; SameSite=Lax");
    if (is_https(request))
        buf_add_str(&text, "; Secure");
    if (value.len == 0)
        buf_add_str(&text, "; Max-Age=0");
    else if (cookie == COOKIE_DEVICE)
        buf_addf(&text, "; Max-Age=%d", DEVICE_COOKIE_S);
    else if (cookie == COOKIE_LANGUAGE)
        buf_add_str(&text, "; Max-Age=31536000");
    request_reply_header_from(request, "Set-Cookie", &text);
}

struct slice site_cookie(const struct request *request, enum site_cookie cookie)
{
    return request_cookie(request, cookie_name(request, cookie));
}
