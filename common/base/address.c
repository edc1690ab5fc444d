#include "base/address.h"

#include <arpa/inet.h>

enum { MAPPED_BITS = 96, ALL_BITS = 128 };

static const unsigned char mapped_prefix[12] = {[10] = 0xFF, [11] = 0xFF};

/* inet_pton wants a terminated text; the longest address has 45 characters. */
static bool parse_family(int family, struct slice text, void *out)
{
    char terminated[INET6_ADDRSTRLEN];
    if (text.len >= sizeof terminated || slice_find(text, '\0') < text.len)
        return false;
    memcpy(terminated, text.len ? text.ptr : "", text.len);
    terminated[text.len] = '\0';
    return inet_pton(family, terminated, out) == 1;
}

static struct slice without_brackets(struct slice text)
{
    bool bracketed = text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
    return bracketed ? slice_sub(text, 1, text.len - 1) : text;
}

static bool is_mapped(const struct address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof mapped_prefix) == 0;
}

struct address address_network(const struct address *address)
{
    enum { V6_NETWORK_BYTES = 8 };
    struct address network = {{0}};
    memcpy(network.bytes, address->bytes, is_mapped(address) ? sizeof network.bytes : V6_NETWORK_BYTES);
    return network;
}

bool address_parse(struct slice text, struct address *ret_address)
{
    struct address address = {{0}};
    if (parse_family(AF_INET, text, address.bytes + sizeof mapped_prefix))
        memcpy(address.bytes, mapped_prefix, sizeof mapped_prefix);
    else if (!parse_family(AF_INET6, without_brackets(text), address.bytes))
        return false;
    *ret_address = address;
    return true;
}

static bool bit_is_set(const struct address *address, unsigned bit)
{
    return address->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

bool address_block_parse(struct slice text, struct address_block *ret_block)
{
    struct slice rest = text;
    bool has_bits = false;
    struct slice host = slice_cut(&rest, '/', &has_bits);
    struct address_block block;
    if (!address_parse(host, &block.base))
        return false;
    bool written_as_v4 = slice_find(host, ':') == host.len;
    unsigned skipped = written_as_v4 ? MAPPED_BITS : 0;
    uint64_t bits = ALL_BITS - skipped;
    if (has_bits && !slice_to_u64(rest, ALL_BITS - skipped, &bits))
        return false;
    block.prefix_bits = (unsigned)bits + skipped;
    for (unsigned bit = block.prefix_bits; bit < ALL_BITS; bit++)
        if (bit_is_set(&block.base, bit))
            return false;
    *ret_block = block;
    return true;
}

bool address_block_has(const struct address_block *block, const struct address *address)
{
    unsigned whole = block->prefix_bits / 8;
    unsigned rest = block->prefix_bits % 8;
    if (memcmp(block->base.bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 || (block->base.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

static bool is_loopback(const struct address *address)
{
    static const struct address v6_loopback = {{[15] = 1}};
    return is_mapped(address) ? address->bytes[12] == 127 : memcmp(address, &v6_loopback, sizeof v6_loopback) == 0;
}

bool address_host_is_loopback(struct slice host)
{
    struct address address;
    if (slice_eq_nocase(host, SLICE("localhost")))
        return true;
    return address_parse(host, &address) && is_loopback(&address);
}
