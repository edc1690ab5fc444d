#include "guard/nonce_epoch.h"

#include "crypto/random.h"

enum { RANDOM_BYTES = 12 };

enum status nonce_epoch_make(int64_t kept_s, char ret_id[NONCE_EPOCH_ID_BYTES])
{
    unsigned char bytes[RANDOM_BYTES];
    struct buf text = buf_fixed(ret_id, NONCE_EPOCH_ID_BYTES);
    if (kept_s < 0 || kept_s > NONCE_KEPT_MAX_S)
        return STATUS_BAD_INPUT;
    TRY(random_bytes(bytes, sizeof bytes));
    buf_add_hex(&text, slice_of(bytes, sizeof bytes));
    buf_add_byte(&text, '-');
    buf_add_i64(&text, kept_s);
    return buf_string(&text) ? STATUS_OK : STATUS_NO_MEMORY;
}

int64_t nonce_epoch_kept_s(struct slice id)
{
    bool has_end;
    uint64_t kept_s = 0;
    (void)slice_cut(&id, '-', &has_end);
    (void)!slice_to_u64(id, NONCE_KEPT_MAX_S, &kept_s); /* or it does not say */
    return (int64_t)kept_s;
}

void nonce_epoch_tell_short(int64_t kept_s, int64_t needed_s, struct buf *out)
{
    if (kept_s)
        buf_addf(out, "nonces were kept for %lld s, this process needs %lld s (twice OAUTH1_TIMESTAMP_SKEW)",
                 (long long)kept_s, (long long)needed_s);
    else
        buf_addf(out, "an earlier version did not say how long it kept nonces, this process needs %lld s",
                 (long long)needed_s);
}
