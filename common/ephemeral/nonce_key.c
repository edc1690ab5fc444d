#include "ephemeral/nonce_key.h"

#include "base/buf.h"

enum { BASE = 36, DIGITS_MAX = 8, SHARD_MAX = 99999 };

static void add_base36(struct buf *out, uint64_t value)
{
    char digits[16];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % BASE];
        value /= BASE;
    } while (value);
    buf_add(out, slice_of(digits + at, sizeof digits - at));
}

static int base36_digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : -1;
}

static bool parse_base36(struct slice text, int64_t *ret_value)
{
    int64_t value = 0;
    if (text.len == 0 || text.len > DIGITS_MAX || (text.ptr[0] == '0' && text.len > 1))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base36_digit_of(text.ptr[i]);
        if (digit < 0)
            return false;
        value = value * BASE + digit;
    }
    *ret_value = value;
    return true;
}

struct slice nonce_key(char memory[NONCE_KEY_BYTES], int64_t second, unsigned shard)
{
    struct buf key = buf_fixed(memory, NONCE_KEY_BYTES);
    buf_add(&key, SLICE("n:{"));
    buf_add_u64(&key, shard);
    buf_add(&key, SLICE("}:"));
    add_base36(&key, (uint64_t)second);
    return buf_slice(&key);
}

struct slice nonce_part_key(char memory[NONCE_KEY_BYTES], int64_t second, unsigned part, unsigned shard)
{
    struct buf key = buf_fixed(memory, NONCE_KEY_BYTES);
    buf_add(&key, SLICE("n:{"));
    buf_add_u64(&key, part);
    buf_add_byte(&key, '}');
    buf_add_u64(&key, shard);
    buf_add_byte(&key, ':');
    add_base36(&key, (uint64_t)second);
    return buf_slice(&key);
}

bool nonce_key_second(struct slice key, int64_t *ret_second)
{
    bool more;
    uint64_t number;
    if (!slice_starts_with(key, SLICE("n:{")))
        return false;
    struct slice second = slice_sub(key, 3, key.len);
    struct slice tag = slice_cut(&second, '}', &more);
    struct slice shard = slice_cut(&second, ':', &more);
    return slice_to_u64(tag, SHARD_MAX, &number) && (shard.len == 0 || slice_to_u64(shard, SHARD_MAX, &number)) &&
           parse_base36(second, ret_second);
}
