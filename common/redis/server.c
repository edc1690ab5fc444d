#include "redis/server.h"

enum { OLDEST_VERSION = 602 }; /* GETDEL, GETEX; SET with KEEPTTL */

/* "name:value" on a line of its own; empty: it is not there. */
static struct slice find_field(struct slice info, struct slice name)
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

static bool copy_printable(struct slice value, char *out, size_t size)
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

/* 0: it is not there. */
static uint64_t number_of(struct slice info, struct slice name)
{
    uint64_t number = 0;
    return slice_to_u64(find_field(info, name), UINT64_MAX, &number) ? number : 0;
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

static enum status parse_run_id(struct slice info, char ret_run_id[REDIS_RUN_ID_BYTES])
{
    char memory[REDIS_RUN_ID_BYTES];
    struct buf text = buf_fixed(memory, sizeof memory);
    struct slice run_id = find_field(info, SLICE("run_id:"));
    struct slice replication_id = find_field(info, SLICE("master_replid2:"));
    buf_add(&text, run_id);
    if (replication_id.len) {
        buf_add_byte(&text, '/');
        buf_add(&text, replication_id);
    }
    bool is_whole = run_id.len && !text.failed && copy_printable(buf_slice(&text), ret_run_id, REDIS_RUN_ID_BYTES);
    return is_whole ? STATUS_OK : STATUS_STORE_CORRUPT;
}

uint64_t redis_server_evicted(struct slice info)
{
    return number_of(info, SLICE("evicted_keys:"));
}

/* Redis writes zeros where there was none. */
static bool is_nobody(struct slice replication_id)
{
    for (size_t i = 0; i < replication_id.len; i++)
        if (replication_id.ptr[i] != '0')
            return false;
    return true;
}

bool redis_server_is_same(const struct redis_server *server, struct slice info)
{
    bool more = false;
    struct slice known = slice_str(server->run_id); /* parse_run_id */
    struct slice followed = find_field(info, SLICE("master_replid2:"));
    struct slice own = find_field(info, SLICE("master_replid:"));
    (void)slice_cut(&known, '/', &more);
    return slice_eq(more ? known : SLICE(""), followed) &&
           (is_nobody(followed) || slice_eq(slice_str(server->replication_id), own));
}

enum status redis_server_parse(struct slice info, struct redis_server *ret_server)
{
    struct redis_server server = {0};
    TRY(parse_run_id(info, server.run_id));
    if (!copy_printable(find_field(info, SLICE("maxmemory_policy:")), server.eviction, sizeof server.eviction))
        return STATUS_STORE_CORRUPT;
    (void)!copy_printable(find_field(info, SLICE("master_replid:")), server.replication_id,
                          sizeof server.replication_id); /* or it is not told */
    server.version = version_of(find_field(info, SLICE("redis_version:")));
    server.is_replica = slice_eq(find_field(info, SLICE("role:")), SLICE("slave"));
    uint64_t limit = number_of(info, SLICE("maxmemory:"));
    server.is_full = limit && number_of(info, SLICE("used_memory:")) >= limit;
    server.evicted = redis_server_evicted(info);
    *ret_server = server;
    return STATUS_OK;
}

static enum status check_policy(struct slice policy, struct buf *why)
{
    if (slice_eq(policy, SLICE("noeviction")))
        return STATUS_OK;
    buf_addf(why,
             "its maxmemory-policy is %.*s, so that it may forget a nonce that is still good; set maxmemory-policy "
             "noeviction",
             SLICE_ARGS(policy));
    return STATUS_BAD_INPUT;
}

enum status redis_server_check(const struct redis_server *server, struct buf *why)
{
    if (server->version < OLDEST_VERSION)
        buf_addf(why, "it is version %u.%u; 6.2 or later is needed", server->version / 100, server->version % 100);
    else if (server->is_replica)
        buf_add_str(why, "it is a read-only replica; name the primary in OAUTH1_REDIS_URL");
    else
        return check_policy(slice_str(server->eviction), why);
    return STATUS_BAD_INPUT;
}
