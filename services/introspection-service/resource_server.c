#include "resource_server.h"

#include "oauth/scope.h"

static struct slice origin_of(const struct oauth_url *url, struct buf *memory)
{
    oauth_url_write_origin(url, memory);
    return buf_slice(memory);
}

bool resource_server_owns(const struct resource_server *server, const struct oauth_url *url)
{
    char memory[2][512];
    struct buf asked = buf_fixed(memory[0], sizeof memory[0]);
    struct slice origins = server->origins;
    struct slice text = {0};
    if (origins.len == 0)
        return true;
    struct slice origin = origin_of(url, &asked);
    if (asked.failed)
        return false;
    while (scope_next(&origins, &text)) {
        struct oauth_url own = {0};
        struct problem problem = {0};
        struct buf mine = buf_fixed(memory[1], sizeof memory[1]);
        if (oauth_url_parse(text, &own, &problem) == STATUS_OK && slice_eq(origin_of(&own, &mine), origin))
            return true;
    }
    return false;
}
