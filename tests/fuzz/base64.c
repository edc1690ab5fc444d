/* base64: what decodes is the one spelling of its bytes, and OpenSSL encodes the same. */
#include "base/base64.h"

#include "support/fuzz.h"

#include <openssl/evp.h>

static void check_decoding(struct slice text)
{
    char *bytes = malloc(text.len + 1);
    char *again = malloc(text.len + 4);
    size_t len = 0;
    require(bytes && again);
    if (base64_decode(text, bytes, &len)) {
        base64_encode(slice_of(bytes, len), again);
        require(BASE64_LEN(len) == text.len && slice_eq(slice_of(again, text.len), text));
    }
    free(again);
    free(bytes);
}

static void check_encoding(struct slice bytes)
{
    char *text = malloc(BASE64_LEN(bytes.len) + 1);
    unsigned char *theirs = malloc(BASE64_LEN(bytes.len) + 1);
    char *back = malloc(bytes.len + 3);
    size_t len = 0;
    require(text && theirs && back);
    base64_encode(bytes, text);
    int their_len = EVP_EncodeBlock(theirs, (const unsigned char *)bytes.ptr, (int)bytes.len);
    require(slice_eq(slice_of(text, BASE64_LEN(bytes.len)), slice_of(theirs, (size_t)their_len)));
    require(base64_decode(slice_of(text, BASE64_LEN(bytes.len)), back, &len));
    require(slice_eq(slice_of(back, len), bytes));
    free(back);
    free(theirs);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_decoding(slice_of(data, size));
    check_encoding(slice_of(data, size));
    return 0;
}
