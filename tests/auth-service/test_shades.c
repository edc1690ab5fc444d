#include "look/shades.h"

#include "support/test.h"

static const struct rgb light_pages[] = {{0xff, 0xff, 0xff}, {0xf4, 0xf5, 0xf8}};
static const struct rgb dark_pages[] = {{0x1d, 0x22, 0x2c}, {0x12, 0x15, 0x1b}};

static void takes_six_digits_alone(void **state UNUSED)
{
    static const char *const bad[] = {"",        "#",   "#12345",  "#1234567", "123456",
                                      "#12345g", "red", "#12 456", "#fff",     "#123456;} body{display:none"};
    struct rgb color = {0};
    assert_true(shades_parse(SLICE("#0aF19e"), &color));
    assert_int_equal(color.red, 0x0a);
    assert_int_equal(color.green, 0xf1);
    assert_int_equal(color.blue, 0x9e);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(shades_parse(slice_str(bad[i]), &color));
}

/* Figures of WCAG's own definition, by another program. */
static void measures_contrast_as_wcag_does(void **state UNUSED)
{
    static const struct {
        struct rgb a, b;
        unsigned contrast;
    } rows[] = {
        {{0, 0, 0}, {255, 255, 255}, 2100},      {{255, 255, 255}, {255, 255, 255}, 100},
        {{119, 119, 119}, {255, 255, 255}, 447}, {{118, 118, 118}, {255, 255, 255}, 454},
        {{255, 0, 0}, {255, 255, 255}, 399},     {{0, 0, 255}, {255, 255, 255}, 859},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(shades_contrast(rows[i].a, rows[i].b), rows[i].contrast);
}

static void every_colour_stays_readable_on_every_page(void **state UNUSED)
{
    for (unsigned i = 0; i < 16 * 16 * 16; i++) {
        struct rgb color = {(unsigned char)((i >> 8) * 17), (unsigned char)((i >> 4 & 15) * 17),
                            (unsigned char)((i & 15) * 17)};
        struct shades shades = shades_of(color);
        assert_memory_equal(&shades.fill, &color, sizeof color);
        assert_true(shades_contrast(shades.fill, shades.on_fill) >= 450);
        for (size_t k = 0; k < 2; k++) {
            assert_true(shades_contrast(shades.ink_light, light_pages[k]) >= 450);
            assert_true(shades_contrast(shades.ink_dark, dark_pages[k]) >= 450);
        }
    }
}

static void a_colour_that_is_readable_stays_as_it_is(void **state UNUSED)
{
    struct rgb blue = {0x24, 0x56, 0xb8};
    struct shades shades = shades_of(blue);
    assert_memory_equal(&shades.ink_light, &blue, sizeof blue);
    struct buf css = BUF_INIT;
    shades_write_css(&shades, &css);
    assert_true(slice_starts_with(buf_slice(&css), SLICE(":root { --brand: #2456b8; --on-brand: #ffffff;")));
    buf_done(&css);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_six_digits_alone),
        cmocka_unit_test(measures_contrast_as_wcag_does),
        cmocka_unit_test(every_colour_stays_readable_on_every_page),
        cmocka_unit_test(a_colour_that_is_readable_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
