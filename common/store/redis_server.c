#include "store/redis_server.h"

enum { OLDEST_VERSION = 602 }; /* GETDEL, GETEX; SET with KEEPTTL */

/* "name:value" on a line of its own; empty: it is not there. */
static struct slice field(struct slice info, struct slice name)
{
    for (bool more = true; more;) {
        struct slice line = slice_cut(&info, '\n', &more);
        if (!slice_starts_with(line, name))
            continue;
        struct slice value = slice_sub(line, name.len, line.len);
        return value.len && value.ptr[value.len - 1] == '\r' ? slice_sub(value, 0, value.len - 1) : value;
    }
    return SLICE("");
}

static bool copy(struct slice value, char *out, size_t size)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] <= ' ' || value.ptr[i] > '~')
            return false;
    if (value.len == 0 || value.len >= size)
        return false;
    memcpy(out, value.ptr, value.len);
    out[value.len] = '\0';
    return true;
}

static unsigned version_of(struct slice text)
{
    bool more = false;
    uint64_t major = 0;
    uint64_t minor = 0;
    struct slice first = slice_cut(&text, '.', &more);
    struct slice second = slice_cut(&text, '.', &more);
    if (!slice_to_u64(first, 999, &major) || !slice_to_u64(second, 99, &minor))
        return 0;
    return (unsigned)(major * 100 + minor);
}

enum status redis_server_parse(struct slice info, struct redis_server *ret_server)
{
    struct redis_server server = {0};
    if (!copy(field(info, SLICE("run_id:")), server.run_id, sizeof server.run_id) ||
        !copy(field(info, SLICE("maxmemory_policy:")), server.eviction, sizeof server.eviction))
        return STATUS_STORE_CORRUPT;
    server.version = version_of(field(info, SLICE("redis_version:")));
    server.is_replica = slice_eq(field(info, SLICE("role:")), SLICE("slave"));
    *ret_server = server;
    return STATUS_OK;
}

enum status redis_server_check(const struct redis_server *server, struct buf *why)
{
    if (server->version < OLDEST_VERSION) {
        buf_addf(why, "it is version %u.%u; 6.2 or later is needed", server->version / 100, server->version % 100);
    } else if (server->is_replica) {
        buf_add_str(why, "it is a read-only replica; name the primary");
    } else if (!slice_eq(slice_str(server->eviction), SLICE("noeviction"))) {
        buf_addf(why,
                 "its maxmemory-policy is %s, so that it may forget a nonce that is still good; set maxmemory-policy "
                 "noeviction",
                 server->eviction);
    } else {
        return STATUS_OK;
    }
    return STATUS_BAD_INPUT;
}
