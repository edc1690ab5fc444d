#include "look/picture.h"

#include "base/buf.h"
#include "support/test.h"

static uint32_t crc_of(struct slice bytes)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            uint32_t in = (uint32_t)((unsigned char)bytes.ptr[i] >> bit & 1);
            crc = crc >> 1 ^ ((crc ^ in) & 1 ? 0xEDB88320U : 0);
        }
    return ~crc;
}

static void add_u32(struct buf *out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_byte(out, (char)(value >> shift));
}

static void add_chunk(struct buf *out, const char *type, struct slice data)
{
    add_u32(out, (uint32_t)data.len);
    size_t from = out->len;
    buf_add_str(out, type);
    buf_add(out, data);
    add_u32(out, crc_of(slice_of(out->ptr + from, out->len - from)));
}

static void add_header(struct buf *out, uint32_t width, uint32_t height, const char *form)
{
    struct buf header = BUF_INIT;
    buf_add(out, SLICE("\x89PNG\r\n\x1a\n"));
    add_u32(&header, width);
    add_u32(&header, height);
    buf_add(&header, slice_of(form, 5));
    add_chunk(out, "IHDR", buf_slice(&header));
    buf_done(&header);
}

#define RGBA "\x08\x06\x00\x00\x00"

static void add_picture(struct buf *out, uint32_t width, uint32_t height)
{
    add_header(out, width, height, RGBA);
    add_chunk(out, "IDAT", SLICE("xyz"));
    add_chunk(out, "IEND", SLICE(""));
}

#define assert_why(picture, text) check_why((picture), (text), __LINE__)
static void check_why(struct buf *picture, const char *text, int line)
{
    const char *why = NULL;
    bool good = picture_check(buf_slice(picture), &why);
    if (good != !text || (text && !strstr(why, text)))
        fail_msg("%d: %s", line, good ? "taken" : why);
    buf_done(picture);
}

static void takes_a_picture_of_every_form(void **state UNUSED)
{
    static const char forms[][6] = {"\x01\x00\0\0\0", "\x10\x00\0\0\0", "\x08\x02\0\0\1",
                                    "\x04\x03\0\0\0", "\x08\x04\0\0\0", "\x10\x06\0\0\1"};
    struct buf picture = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        add_header(&picture, 512, 1, forms[i]);
        add_chunk(&picture, "gAMA", SLICE("1234"));
        add_chunk(&picture, "IDAT", SLICE(""));
        add_chunk(&picture, "IDAT", SLICE("x"));
        add_chunk(&picture, "tEXt", SLICE("Author"));
        add_chunk(&picture, "IEND", SLICE(""));
        assert_why(&picture, NULL);
    }
}

static void refuses_what_is_too_large(void **state UNUSED)
{
    static const uint32_t sides[][2] = {{513, 1}, {1, 513}, {0, 1}, {1, 0}, {0x80000001U, 1}};
    struct buf picture = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        add_picture(&picture, sides[i][0], sides[i][1]);
        assert_why(&picture, "512 pixels");
    }
    static char bytes[PICTURE_MAX_BYTES];
    add_header(&picture, 1, 1, RGBA);
    add_chunk(&picture, "IDAT", slice_of(bytes, sizeof bytes));
    add_chunk(&picture, "IEND", SLICE(""));
    assert_why(&picture, "32 KB");
}

static void refuses_what_is_no_picture(void **state UNUSED)
{
    static const char *const rubbish[] = {"", "GIF89a", "<svg xmlns='http://www.w3.org/2000/svg'/>", "\x89PNG\r\n\x1a",
                                          "<script>alert(1)</script>"};
    struct buf picture = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(rubbish); i++) {
        buf_add_str(&picture, rubbish[i]);
        assert_why(&picture, "is no PNG");
    }
    static const char forms[][6] = {"\x03\x00\0\0\0", "\x10\x03\0\0\0", "\x04\x02\0\0\0", "\x08\x01\0\0\0",
                                    "\x08\x06\1\0\0", "\x08\x06\0\1\0", "\x08\x06\0\0\2"};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        add_header(&picture, 1, 1, forms[i]);
        add_chunk(&picture, "IDAT", SLICE("x"));
        add_chunk(&picture, "IEND", SLICE(""));
        assert_why(&picture, "has a form");
    }
}

/* Something else in a picture's clothes, and what makes browsers work hard. */
static void refuses_chunks_that_are_odd(void **state UNUSED)
{
    static const char *const types[] = {"iCCP", "zTXt", "iTXt", "eXIf", "acTL", "fdAT", "HTML", "abcd"};
    struct buf picture = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        add_header(&picture, 1, 1, RGBA);
        add_chunk(&picture, types[i], SLICE("x"));
        add_chunk(&picture, "IDAT", SLICE("x"));
        add_chunk(&picture, "IEND", SLICE(""));
        assert_why(&picture, "does not need");
    }
    add_picture(&picture, 1, 1);
    buf_add_str(&picture, "<script>");
    assert_why(&picture, "order");
    add_header(&picture, 1, 1, RGBA);
    add_chunk(&picture, "IEND", SLICE(""));
    assert_why(&picture, "order");
    add_header(&picture, 1, 1, RGBA);
    add_chunk(&picture, "IDAT", SLICE("x"));
    add_chunk(&picture, "tIME", SLICE("x"));
    add_chunk(&picture, "IDAT", SLICE("x"));
    add_chunk(&picture, "IEND", SLICE(""));
    assert_why(&picture, "order");
    buf_add(&picture, SLICE("\x89PNG\r\n\x1a\n"));
    add_chunk(&picture, "IDAT", SLICE("x"));
    assert_why(&picture, "no header");
}

static void refuses_every_picture_that_is_cut_or_changed(void **state UNUSED)
{
    struct buf picture = BUF_INIT;
    const char *why = NULL;
    add_picture(&picture, 3, 4);
    for (size_t i = 0; i < picture.len; i++) {
        assert_false(picture_check(slice_sub(buf_slice(&picture), 0, i), &why));
        picture.ptr[i] ^= 1;
        assert_false(picture_check(buf_slice(&picture), &why));
        picture.ptr[i] ^= 1;
    }
    assert_why(&picture, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_picture_of_every_form),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(refuses_what_is_no_picture),
        cmocka_unit_test(refuses_chunks_that_are_odd),
        cmocka_unit_test(refuses_every_picture_that_is_cut_or_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
