#include "login/where_from.h"

#include "app/app.h"
#include "base/address.h"
#include "service/forwarded.h"

/* Rows of what a User-Agent has in it, and what that is called; the first that fits. */
struct mark {
    struct slice text;
    const char *name;
};

static const struct mark browsers[] = {
    {SLICE_INIT("Edg"), "Edge"},
    {SLICE_INIT("OPR/"), "Opera"},
    {SLICE_INIT("SamsungBrowser/"), "Samsung Internet"},
    {SLICE_INIT("Firefox/"), "Firefox"},
    {SLICE_INIT("FxiOS/"), "Firefox"},
    {SLICE_INIT("CriOS/"), "Chrome"},
    {SLICE_INIT("Chrome/"), "Chrome"},
    {SLICE_INIT("Safari/"), "Safari"},
};

static const struct mark systems[] = {
    {SLICE_INIT("iPhone"), "iPhone"},   {SLICE_INIT("iPad"), "iPad"},    {SLICE_INIT("Android"), "Android"},
    {SLICE_INIT("Windows"), "Windows"}, {SLICE_INIT("Mac OS"), "macOS"}, {SLICE_INIT("CrOS"), "ChromeOS"},
    {SLICE_INIT("Linux"), "Linux"},
};

static void add_mark(struct slice user_agent, const struct mark *marks, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        if (slice_find_slice(user_agent, marks[i].text) < user_agent.len) {
            buf_addf(out, "%s, ", marks[i].name);
            return;
        }
}

/* The first three numbers of IPv4, the first three groups of IPv6: a town or so. */
static void add_address(struct slice text, struct buf *out)
{
    struct address address;
    bool is_ipv4 = slice_find(text, ':') == text.len;
    if (!address_parse(text, &address))
        buf_add_str(out, "?");
    else if (is_ipv4)
        buf_addf(out, "%u.%u.%u.x", address.bytes[12], address.bytes[13], address.bytes[14]);
    else
        buf_addf(out, "%x:%x:%x::", (unsigned)address.bytes[0] << 8 | address.bytes[1],
                 (unsigned)address.bytes[2] << 8 | address.bytes[3],
                 (unsigned)address.bytes[4] << 8 | address.bytes[5]);
}

void where_from_write(struct slice user_agent, struct slice address, struct buf *out)
{
    add_mark(user_agent, browsers, COUNT_OF(browsers), out);
    add_mark(user_agent, systems, COUNT_OF(systems), out);
    add_address(address, out);
}

struct slice where_from(struct request *request)
{
    struct buf text = buf_in(&request->arena);
    where_from_write(request_header(request, "User-Agent", NULL),
                     forwarded_client_address(request, &app_of(request)->config->trusted_proxies), &text);
    return text.failed ? SLICE_ABSENT : buf_slice(&text);
}
