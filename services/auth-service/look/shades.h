/* shades: what becomes of the brand's colour on pages, so that every text stays readable (WCAG 2.2, 1.4.3: 4.5 to 1).
 */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOOK_SHADES_H
#define COUNTERSIGN_AUTH_SERVICE_LOOK_SHADES_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

struct rgb {
    unsigned char red, green, blue;
};

struct shades {
    struct rgb fill;      /* the colour itself: behind the text of a button */
    struct rgb on_fill;   /* black or white */
    struct rgb ink_light; /* text and borders of that colour, on light pages: darkened as far as it must be */
    struct rgb ink_dark;  /* on dark ones: lightened */
};

/* "#rrggbb" alone. */
MUST_USE bool shades_parse(struct slice text, struct rgb *ret_color);

/* What stands on the colour, and what can be read of it on a page. */
struct shades shades_of(struct rgb color);

/* A hundred times the contrast of two colours, rounded down: 100 to 2100. */
unsigned shades_contrast(struct rgb a, struct rgb b);

/* Appends the style sheet that sets them. */
void shades_write_css(const struct shades *shades, struct buf *out);

#endif
