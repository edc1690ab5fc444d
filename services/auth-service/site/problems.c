#include "site/problems.h"

#include "site/site.h"

enum { ROW_VALUES = 3, CODE_VALUES = 2 };

#define STATUS_OF(name, ...) STATUS_##name,
static const enum status statuses[] = {STATUS_LIST(STATUS_OF)};

struct table {
    struct page_scope codes[COUNT_OF(statuses)];
    struct page_value code_values[COUNT_OF(statuses)][CODE_VALUES];
    size_t code_count;
    struct page_scope rows[COUNT_OF(statuses)]; /* those of one code stand together */
    struct page_value row_values[COUNT_OF(statuses)][ROW_VALUES];
    size_t row_count;
};

static void add_row(struct table *table, struct request *request, enum status status)
{
    struct buf http = buf_in(&request->arena);
    struct page_value *values = table->row_values[table->row_count];
    buf_add_i64(&http, status_http(status));
    values[0] = PAGE_TEXT("http", buf_slice(&http));
    values[1] = PAGE_TEXT("error", status_problem(status)[0] ? slice_str(status_error(status)) : SLICE(""));
    values[2] = PAGE_TEXT("text", slice_str(status_text(status)));
    table->rows[table->row_count++] = (struct page_scope){values, ROW_VALUES};
}

static bool has_code(const struct table *table, const char *code)
{
    for (size_t i = 0; i < table->code_count; i++)
        if (slice_eq(table->code_values[i][0].text, slice_str(code)))
            return true;
    return false;
}

static void add_code(struct table *table, struct request *request, const char *code)
{
    struct page_value *values = table->code_values[table->code_count];
    size_t first = table->row_count;
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (strcmp(site_problem(statuses[i]), code) == 0)
            add_row(table, request, statuses[i]);
    values[0] = PAGE_TEXT("code", slice_str(code));
    values[1] = PAGE_LIST("rows", &table->rows[first], table->row_count - first);
    table->codes[table->code_count++] = (struct page_scope){values, CODE_VALUES};
}

static enum step_result show_problems(struct flow *flow)
{
    struct request *request = request_of(flow);
    struct table *table = arena_calloc(&request->arena, 1, sizeof *table);
    if (!table)
        return site_refuse(request, STATUS_NO_MEMORY, NULL);
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i] != STATUS_OK && !has_code(table, site_problem(statuses[i])))
            add_code(table, request, site_problem(statuses[i]));
    const struct page_value values[] = {PAGE_LIST("problems", table->codes, table->code_count)};
    const struct page_scope scope = {values, COUNT_OF(values)};
    return site_page(request, 200, "problems.title", "problems.html", &scope, SLICE_ABSENT);
}

const struct step problems_show[] = {{"show", show_problems}, {NULL, NULL}};
