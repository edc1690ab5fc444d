/* Percent-encoding: canonical is encode(decode), and decoding undoes encoding. */
#include "base/percent.h"

#include "support/fuzz.h"

static struct slice encoded(struct slice bytes, struct buf *out)
{
    percent_encode(out, bytes);
    require(!out->failed && out->len >= bytes.len && out->len <= bytes.len * 3);
    return buf_slice(out);
}

static void check_decoding(struct slice text, enum plus plus)
{
    char *decoded = malloc(text.len + 1);
    char *canonical = malloc(text.len * 3 + 1);
    struct buf again = BUF_INIT;
    size_t decoded_len = 0;
    size_t canonical_len = 0;
    require(decoded && canonical);
    bool decodes = percent_decode(text, plus, decoded, &decoded_len);
    require(percent_canonical(text, plus, canonical, &canonical_len) == decodes);
    if (decodes)
        require(slice_eq(encoded(slice_of(decoded, decoded_len), &again), slice_of(canonical, canonical_len)));
    buf_done(&again);
    free(canonical);
    free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct buf out = BUF_INIT;
    struct slice once = encoded(text, &out);
    char *back = malloc(once.len + 1);
    size_t len = 0;
    require(back != NULL);
    require(percent_decode(once, PLUS_IS_SPACE, back, &len) && slice_eq(slice_of(back, len), text));
    require(percent_is_plain(text) == slice_eq(once, text));
    check_decoding(text, PLUS_LITERAL);
    check_decoding(text, PLUS_IS_SPACE);
    free(back);
    buf_done(&out);
    return 0;
}
