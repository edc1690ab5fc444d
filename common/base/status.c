#include "base/status.h"

#include <assert.h>

struct row {
    const char *name;
    int http;
    const char *error;
    const char *problem;
    const char *text;
};

static const struct row rows[] = {
#define STATUS_ROW(name, http, error, problem, text) {#name, http, error, problem, text},
    STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

static const struct row *row_of(enum status status)
{
    assert((size_t)status < COUNT_OF(rows));
    return &rows[status];
}

const char *status_name(enum status status)
{
    return row_of(status)->name;
}

int status_http(enum status status)
{
    return row_of(status)->http;
}

const char *status_error(enum status status)
{
    return row_of(status)->error;
}

const char *status_problem(enum status status)
{
    return row_of(status)->problem;
}

const char *status_text(enum status status)
{
    return row_of(status)->text;
}

bool status_is_infrastructure(enum status status)
{
    return row_of(status)->http >= 500;
}
