#include "support/test.h"

void check_slice(struct slice actual, struct slice expected, const char *file, int line)
{
    if (slice_eq(actual, expected))
        return;
    print_error("\"%.*s\" is not \"%.*s\"\n", SLICE_ARGS(actual), SLICE_ARGS(expected));
    _fail(file, line);
}

void check_status(enum status actual, enum status expected, const char *file, int line)
{
    if (actual == expected)
        return;
    print_error("%s is not %s\n", status_name(actual), status_name(expected));
    _fail(file, line);
}
