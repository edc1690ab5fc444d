#include "look/picture.h"

#include <stdint.h>

enum { CHUNK_FRAME_BYTES = 12, HEADER_BYTES = 13, TYPE_BYTES = 4 };

struct chunk {
    struct slice type;
    struct slice data;
};

static uint32_t read_u32(struct slice bytes, size_t at)
{
    const unsigned char *b = (const unsigned char *)bytes.ptr + at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* PNG, annex D. */
static uint32_t checksum_of(struct slice bytes)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (unsigned char)bytes.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320U : crc >> 1;
    }
    return ~crc;
}

/* What browsers need for a still picture. Texts that are compressed, profiles and animations are none of that. */
static bool is_known_type(struct slice type)
{
    static const struct slice types[] = {SLICE_INIT("IHDR"), SLICE_INIT("PLTE"), SLICE_INIT("IDAT"), SLICE_INIT("IEND"),
                                         SLICE_INIT("tRNS"), SLICE_INIT("gAMA"), SLICE_INIT("cHRM"), SLICE_INIT("sRGB"),
                                         SLICE_INIT("sBIT"), SLICE_INIT("bKGD"), SLICE_INIT("pHYs"), SLICE_INIT("tIME"),
                                         SLICE_INIT("tEXt")};
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (slice_eq(type, types[i]))
            return true;
    return false;
}

static bool take_chunk(struct slice *rest, struct chunk *ret_chunk, const char **ret_why)
{
    *ret_why = "ends in the middle of a chunk; save it anew";
    if (rest->len < CHUNK_FRAME_BYTES)
        return false;
    size_t len = read_u32(*rest, 0);
    if (len > rest->len - CHUNK_FRAME_BYTES)
        return false;
    struct slice signed_part = slice_sub(*rest, 4, 4 + TYPE_BYTES + len);
    *ret_chunk = (struct chunk){slice_sub(signed_part, 0, TYPE_BYTES), slice_sub(signed_part, TYPE_BYTES, 4 + len)};
    *ret_why = "has a chunk whose checksum is wrong; save it anew";
    if (checksum_of(signed_part) != read_u32(*rest, 4 + TYPE_BYTES + len))
        return false;
    *ret_why = "has a chunk that a still picture does not need (a profile, an animation, a compressed text); save it "
               "without them";
    *rest = slice_sub(*rest, len + CHUNK_FRAME_BYTES, rest->len);
    return is_known_type(ret_chunk->type);
}

/* Depth and colour type: PNG, table 11.1. */
static bool is_known_form(unsigned char depth, unsigned char color)
{
    bool small = depth == 1 || depth == 2 || depth == 4;
    if (color == 0)
        return small || depth == 8 || depth == 16;
    if (color == 3)
        return small || depth == 8;
    return (color == 2 || color == 4 || color == 6) && (depth == 8 || depth == 16);
}

static bool check_header(const struct chunk *chunk, const char **ret_why)
{
    const unsigned char *form = (const unsigned char *)chunk->data.ptr + 8;
    *ret_why = "has no header where a PNG has it; save it anew";
    if (!slice_eq(chunk->type, SLICE("IHDR")) || chunk->data.len != HEADER_BYTES)
        return false;
    uint32_t width = read_u32(chunk->data, 0);
    uint32_t height = read_u32(chunk->data, 4);
    *ret_why = "is empty or larger than 512 pixels a side; make it smaller";
    if (width == 0 || height == 0 || width > PICTURE_MAX_PIXELS || height > PICTURE_MAX_PIXELS)
        return false;
    *ret_why = "has a form that no PNG has; save it anew";
    return is_known_form(form[0], form[1]) && form[2] == 0 && form[3] == 0 && form[4] <= 1;
}

/* Behind the header: data in one run, and the end. */
static bool check_body(struct slice rest, const char **ret_why)
{
    struct chunk chunk = {0};
    bool had_data = false;
    bool in_data = false;
    while (take_chunk(&rest, &chunk, ret_why)) {
        bool is_data = slice_eq(chunk.type, SLICE("IDAT"));
        *ret_why = "has its chunks in an order that no PNG has; save it anew";
        if (slice_eq(chunk.type, SLICE("IHDR")) || (is_data && had_data && !in_data))
            return false;
        if (slice_eq(chunk.type, SLICE("IEND")))
            return had_data && chunk.data.len == 0 && rest.len == 0;
        had_data = had_data || is_data;
        in_data = is_data;
    }
    return false;
}

bool picture_check(struct slice bytes, const char **ret_why)
{
    static const struct slice signature = SLICE_INIT("\x89PNG\r\n\x1a\n");
    struct chunk header = {0};
    *ret_why = "is larger than 32 KB; make it smaller";
    if (bytes.len > PICTURE_MAX_BYTES)
        return false;
    *ret_why = "is no PNG; save it as one";
    if (!slice_starts_with(bytes, signature))
        return false;
    struct slice rest = slice_sub(bytes, signature.len, bytes.len);
    return take_chunk(&rest, &header, ret_why) && check_header(&header, ret_why) && check_body(rest, ret_why);
}
