#include "look/shades.h"

enum { READABLE = 450, STEPS = 64 };

/* What text stands on, at its least favourable: style.css has these colours. */
static const struct rgb light_page = {0xf4, 0xf5, 0xf8};
static const struct rgb dark_page = {0x1d, 0x22, 0x2c};
static const struct rgb black = {0x11, 0x14, 0x1a};
static const struct rgb white = {0xff, 0xff, 0xff};

static bool read_nibble(char c, unsigned char *ret_value)
{
    if (c >= '0' && c <= '9')
        *ret_value = (unsigned char)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *ret_value = (unsigned char)(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
        *ret_value = (unsigned char)(c - 'A' + 10);
    else
        return false;
    return true;
}

bool shades_parse(struct slice text, struct rgb *ret_color)
{
    unsigned char nibble[6];
    if (text.len != 7 || text.ptr[0] != '#')
        return false;
    for (size_t i = 0; i < COUNT_OF(nibble); i++)
        if (!read_nibble(text.ptr[i + 1], &nibble[i]))
            return false;
    *ret_color = (struct rgb){(unsigned char)(nibble[0] << 4 | nibble[1]), (unsigned char)(nibble[2] << 4 | nibble[3]),
                              (unsigned char)(nibble[4] << 4 | nibble[5])};
    return true;
}

/* x to the power of 2.4, for x from 0 to 1: x squared, times the fifth root of x squared. */
static double raise_gamma(double x)
{
    double square = x * x;
    double root = 1;
    for (int i = 0; i < 40 && square > 0; i++)
        root -= (root - square / (root * root * root * root)) / 5;
    return square > 0 ? square * root : 0;
}

/* sRGB to linear light (WCAG 2.2, "relative luminance"). */
static double linear_of(unsigned char value)
{
    double share = value / 255.0;
    return share <= 0.04045 ? share / 12.92 : raise_gamma((share + 0.055) / 1.055);
}

static double luminance_of(struct rgb color)
{
    return 0.2126 * linear_of(color.red) + 0.7152 * linear_of(color.green) + 0.0722 * linear_of(color.blue);
}

unsigned shades_contrast(struct rgb a, struct rgb b)
{
    double one = luminance_of(a) + 0.05;
    double other = luminance_of(b) + 0.05;
    return (unsigned)(100 * (one > other ? one / other : other / one) + 1e-6);
}

static unsigned char mix_value(unsigned char from, unsigned char to, int step)
{
    return (unsigned char)(from + (to - from) * step / STEPS);
}

/* The colour, mixed with `end` as little as it needs to be readable on the page. */
static struct rgb make_readable(struct rgb color, struct rgb end, struct rgb page)
{
    for (int step = 0; step < STEPS; step++) {
        struct rgb mixed = {mix_value(color.red, end.red, step), mix_value(color.green, end.green, step),
                            mix_value(color.blue, end.blue, step)};
        if (shades_contrast(mixed, page) >= READABLE)
            return mixed;
    }
    return end;
}

struct shades shades_of(struct rgb color)
{
    bool white_is_better = shades_contrast(color, white) >= shades_contrast(color, black);
    struct rgb on_fill = white_is_better ? white : black;
    if (shades_contrast(color, on_fill) < READABLE) /* between the two: only true black is far enough */
        on_fill = (struct rgb){0, 0, 0};
    return (struct shades){.fill = color,
                           .on_fill = on_fill,
                           .ink_light = make_readable(color, black, light_page),
                           .ink_dark = make_readable(color, white, dark_page)};
}

static void write_shade(struct buf *out, const char *name, struct rgb color)
{
    buf_addf(out, " --%s: #%02x%02x%02x;", name, color.red, color.green, color.blue);
}

void shades_write_css(const struct shades *shades, struct buf *out)
{
    buf_add_str(out, ":root {");
    write_shade(out, "brand", shades->fill);
    write_shade(out, "on-brand", shades->on_fill);
    write_shade(out, "ink", shades->ink_light);
    buf_add_str(out, " }\n@media (prefers-color-scheme: dark) { :root {");
    write_shade(out, "ink", shades->ink_dark);
    buf_add_str(out, " } }\n");
}
