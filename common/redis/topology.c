#include "redis/topology.h"

#include "redis/reply.h"

bool redis_place_eq(const struct redis_place *a, const struct redis_place *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* An empty host, and "?", mean the one that answered. */
static bool take_place(struct slice host, int64_t port, const struct redis_place *asked, struct redis_place *ret_place)
{
    struct redis_place place = {.port = (uint16_t)port};
    if (host.len == 0 || slice_eq(host, SLICE("?")))
        host = slice_str(asked->host);
    if (port < 1 || port > 65535 || host.len >= sizeof place.host || memchr(host.ptr, '\0', host.len))
        return false;
    memcpy(place.host, host.ptr, host.len);
    *ret_place = place;
    return true;
}

/* ---- CLUSTER SLOTS ---- */

/* Of a range: its first and last slot, its primary, its replicas. */
static enum status read_range(const struct redisReply *range, const struct redis_place *asked, int64_t ret_slots[2],
                              struct redis_place *ret_place)
{
    const struct redisReply *primary = redis_reply_item(range, 2);
    struct slice host = SLICE("");
    int64_t port = 0;
    for (size_t i = 0; i < 2; i++)
        TRY(redis_reply_integer(redis_reply_item(range, i), &ret_slots[i]));
    enum status status = redis_reply_text(redis_reply_item(primary, 0), &host);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) /* nil: it does not know */
        return STATUS_STORE_CORRUPT;
    TRY(redis_reply_integer(redis_reply_item(primary, 1), &port));
    bool is_range = ret_slots[0] >= 0 && ret_slots[0] <= ret_slots[1] && ret_slots[1] < REDIS_SLOTS;
    return is_range && take_place(host, port, asked, ret_place) ? STATUS_OK : STATUS_STORE_CORRUPT;
}

/* Its index and 1; 0: there is no room. */
static unsigned char find_primary(struct redis_topology *topology, const struct redis_place *place)
{
    for (size_t i = 0; i < topology->count; i++)
        if (redis_place_eq(&topology->primaries[i], place))
            return (unsigned char)(i + 1);
    if (topology->count == REDIS_PRIMARIES_MAX)
        return 0;
    topology->primaries[topology->count++] = *place;
    return (unsigned char)topology->count;
}

enum status redis_topology_read(const struct redisReply *reply, const struct redis_place *asked,
                                struct redis_topology *ret_topology)
{
    size_t count = 0;
    struct redis_topology *topology = ret_topology;
    topology->count = 0;
    memset(topology->served_by, 0, sizeof topology->served_by);
    TRY(redis_reply_array(reply, &count));
    for (size_t i = 0; i < count; i++) {
        int64_t slots[2] = {0};
        struct redis_place place;
        enum status status = read_range(redis_reply_item(reply, i), asked, slots, &place);
        if (status != STATUS_OK)
            return STATUS_STORE_CORRUPT;
        unsigned char index = find_primary(topology, &place);
        memset(&topology->served_by[slots[0]], index, (size_t)(slots[1] - slots[0] + 1));
    }
    return STATUS_OK;
}

const struct redis_place *redis_topology_primary(const struct redis_topology *topology, unsigned slot)
{
    unsigned char index = topology->served_by[slot];
    return index ? &topology->primaries[index - 1] : NULL;
}

size_t redis_topology_count_unserved(const struct redis_topology *topology, unsigned *ret_first)
{
    size_t count = 0;
    for (unsigned slot = 0; slot < REDIS_SLOTS; slot++)
        if (!topology->served_by[slot] && count++ == 0)
            *ret_first = slot;
    return count;
}

/* ---- redirections ---- */

/* "host:port", "[v6]:port", and as Redis writes it "v6:port". */
static bool parse_place(struct slice text, const struct redis_place *asked, struct redis_place *ret_place)
{
    size_t colon = text.len;
    uint64_t port = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == ':')
            colon = i;
    if (colon == text.len || !slice_to_u64(slice_sub(text, colon + 1, text.len), 65535, &port))
        return false;
    struct slice host = slice_sub(text, 0, colon);
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = slice_sub(host, 1, host.len - 1);
    return take_place(host, (int64_t)port, asked, ret_place);
}

enum redis_redirection redis_redirection_read(struct slice error, const struct redis_place *asked, unsigned *ret_slot,
                                              struct redis_place *ret_place)
{
    bool more = false;
    uint64_t slot = 0;
    struct slice word = slice_cut(&error, ' ', &more);
    bool is_moved = slice_eq(word, SLICE("MOVED"));
    if (!is_moved && !slice_eq(word, SLICE("ASK")))
        return REDIS_STAYS;
    if (!slice_to_u64(slice_cut(&error, ' ', &more), REDIS_SLOTS - 1, &slot) || !parse_place(error, asked, ret_place))
        return REDIS_STAYS;
    *ret_slot = (unsigned)slot;
    return is_moved ? REDIS_MOVED : REDIS_ASK;
}
