#include "service/forwarded.h"

bool forwarded_is_trusted(const struct peer *peer, const struct config_proxies *proxies)
{
    if (peer->is_unix)
        return proxies->unix_peers;
    for (size_t i = 0; i < proxies->count; i++)
        if (address_block_has(&proxies->blocks[i], &peer->address))
            return true;
    return false;
}

bool forwarded_is_secure(const struct request *request, const struct config_proxies *proxies)
{
    size_t count = 0;
    struct slice proto = request_header(request, "X-Forwarded-Proto", &count);
    if (request->is_tls)
        return true;
    return count == 1 && slice_eq_nocase(proto, SLICE("https")) && forwarded_is_trusted(&request->peer, proxies);
}

/* Takes the last element off a comma-separated list. */
static struct slice cut_last(struct slice *list)
{
    size_t at = list->len;
    while (at > 0 && list->ptr[at - 1] != ',')
        at--;
    struct slice last = slice_trim(slice_sub(*list, at, list->len));
    *list = slice_sub(*list, 0, at > 0 ? at - 1 : 0);
    return last;
}

/* Goes from the nearest hop of one header outwards. True: *nearest is the client, or all that can be
 * said of it. */
static bool walk_hops(struct slice list, const struct config_proxies *proxies, struct slice *nearest)
{
    while (list.len) {
        struct slice hop = cut_last(&list);
        struct peer peer = {0};
        if (!address_parse(hop, &peer.address))
            return true; /* a name, or rubbish: what is left of it proves nothing */
        *nearest = hop;
        if (!forwarded_is_trusted(&peer, proxies))
            return true;
    }
    return false;
}

struct slice forwarded_client_address(const struct request *request, const struct config_proxies *proxies)
{
    struct slice nearest = slice_str(request->peer.text);
    bool done = !forwarded_is_trusted(&request->peer, proxies);
    /* several headers are one list, the last of them its end (RFC 9110 §5.3) */
    for (size_t i = request->header_count; i-- > 0 && !done;)
        if (slice_eq_nocase(request->headers[i].name, SLICE("X-Forwarded-For")))
            done = walk_hops(request->headers[i].value, proxies, &nearest);
    return nearest;
}
