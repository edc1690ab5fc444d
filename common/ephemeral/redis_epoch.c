#include "ephemeral/redis_epoch.h"

#include "crypto/random.h"
#include "guard/nonce_epoch.h"

/* "3 ID RUN_ID SHARDS KEY", id and key in hexadecimal. */

static int hex_digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(struct slice text, unsigned char *out, size_t len)
{
    if (text.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit_of(text.ptr[2 * i]);
        int low = hex_digit_of(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

static bool copy_text(struct slice text, char *out, size_t size)
{
    if (text.len == 0 || text.len >= size)
        return false;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

static struct slice next_word(struct slice *rest)
{
    bool more = false;
    return slice_cut(rest, ' ', &more);
}

enum status redis_epoch_parse(struct slice text, struct redis_epoch *ret_epoch)
{
    struct redis_epoch epoch = {0};
    uint64_t shards = 0;
    if (text.len > REDIS_EPOCH_BYTES || (text.len && memchr(text.ptr, '\0', text.len)))
        return STATUS_BAD_INPUT;
    if (!slice_eq(next_word(&text), SLICE("3")) || !copy_text(next_word(&text), epoch.id, sizeof epoch.id) ||
        !copy_text(next_word(&text), epoch.run_id, sizeof epoch.run_id) ||
        !slice_to_u64(next_word(&text), REDIS_SHARDS_MAX, &shards) || shards == 0 ||
        !parse_hex(text, epoch.hash_key, sizeof epoch.hash_key))
        return STATUS_BAD_INPUT;
    epoch.shards = (unsigned)shards;
    epoch.kept_s = nonce_epoch_kept_s(slice_str(epoch.id));
    *ret_epoch = epoch;
    return STATUS_OK;
}

void redis_epoch_write(const struct redis_epoch *epoch, struct buf *out)
{
    buf_add(out, SLICE("3 "));
    buf_add_str(out, epoch->id);
    buf_add_byte(out, ' ');
    buf_add_str(out, epoch->run_id);
    buf_add_byte(out, ' ');
    buf_add_u64(out, epoch->shards);
    buf_add_byte(out, ' ');
    buf_add_hex(out, slice_of(epoch->hash_key, sizeof epoch->hash_key));
}

enum status redis_epoch_make(const char *run_id, unsigned shards, int64_t kept_s, struct redis_epoch *ret_epoch)
{
    struct redis_epoch epoch = {.shards = shards, .kept_s = kept_s};
    TRY(nonce_epoch_make(kept_s, epoch.id));
    TRY(random_bytes(epoch.hash_key, sizeof epoch.hash_key));
    if (!copy_text(slice_str(run_id), epoch.run_id, sizeof epoch.run_id))
        return STATUS_BAD_INPUT;
    *ret_epoch = epoch;
    return STATUS_OK;
}
