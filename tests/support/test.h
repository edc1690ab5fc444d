/* test: cmocka with its includes in the order it needs, and comparisons for slices. */
#ifndef COUNTERSIGN_TESTS_SUPPORT_TEST_H
#define COUNTERSIGN_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "base/status.h"

#define assert_slice_equal(actual, expected) check_slice((actual), (expected), __FILE__, __LINE__)
#define assert_status(actual, expected)      check_status((actual), (expected), __FILE__, __LINE__)

void check_slice(struct slice actual, struct slice expected, const char *file, int line);
void check_status(enum status actual, enum status expected, const char *file, int line);

#endif
