#include "support/test.h"

#include "http/routes.h"

static const struct route routes[] = {
    {.name = "root", .path = "/", .methods = "GET"},
    {.name = "below", .path = "/clients", .is_prefix = true, .methods = "GET"},
    {.name = "list", .path = "/clients", .methods = "GET"},
    {.name = "create", .path = "/clients", .methods = "POST"},
    {.name = "one", .path = "/clients/{id}", .methods = "GET,PATCH,DELETE"},
    {.name = "me", .path = "/clients/me", .methods = "GET"},
    {.name = "disable", .path = "/clients/{id}/disable", .methods = "POST"},
    {.name = "pair", .path = "/{a}/{b}/pair"},
};

static const struct {
    const char *method, *path;
    const char *name;  /* NULL: none */
    const char *allow; /* then */
    const char *value; /* the first */
} rows[] = {
    {"GET", "/", "root", NULL, NULL},
    {"GET", "/clients", "list", NULL, NULL},
    {"POST", "/clients", "create", NULL, NULL},
    {"PUT", "/clients", NULL, "GET, POST", NULL},
    {"GET", "/clients/a%2Fb", "one", NULL, "a%2Fb"},
    {"GET", "/clients/me", "me", NULL, NULL},
    {"PUT", "/clients/x", NULL, "GET, PATCH, DELETE", NULL},
    {"POST", "/clients/x/disable", "disable", NULL, "x"},
    {"GET", "/clients/x/disable", NULL, "POST", NULL},
    {"GET", "/clients/", "below", NULL, NULL},
    {"GET", "/clients/x/y/z", "below", NULL, NULL},
    {"GET", "/clientsx", NULL, "", NULL},
    {"GET", "/client", NULL, "", NULL},
    {"GET", "//", NULL, "", NULL},
    {"ANY", "/1/2/pair", "pair", NULL, "1"},
    {"ANY", "/1//pair", NULL, "", NULL},
    {"get", "/", NULL, "GET", NULL},
    {"GE", "/", NULL, "GET", NULL},
};

static void the_most_exact_row_wins(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char memory[100];
        struct buf allow = buf_fixed(memory, sizeof memory);
        struct slice values[REQUEST_PATH_VALUES_MAX] = {{0}};
        const struct route *route =
            routes_find(routes, COUNT_OF(routes), slice_str(rows[i].method), slice_str(rows[i].path), values, &allow);
        if ((route == NULL) != (rows[i].name == NULL))
            fail_msg("%s %s: %s", rows[i].method, rows[i].path, route ? route->name : "none");
        if (route)
            assert_string_equal(route->name, rows[i].name);
        else
            assert_slice_equal(buf_slice(&allow), slice_str(rows[i].allow));
        if (rows[i].value)
            assert_slice_equal(values[0], slice_str(rows[i].value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_most_exact_row_wins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
