#include "service/line_budget.h"

#include "base/clock.h"

static uint64_t count_left_out(const struct line_budget *budget, uint64_t window)
{
    uint64_t lines = window & UINT32_MAX;
    return lines > budget->lines_a_second ? lines - budget->lines_a_second : 0;
}

bool line_budget_take(struct line_budget *budget, uint64_t *ret_left_out)
{
    uint64_t second = (uint64_t)(clock_monotonic_ns() / 1000000000);
    uint64_t window = atomic_load_explicit(&budget->window, memory_order_relaxed);
    *ret_left_out = 0;
    if (window >> 32 < second && atomic_compare_exchange_strong(&budget->window, &window, second << 32))
        *ret_left_out = count_left_out(budget, window);
    return (atomic_fetch_add(&budget->window, 1) & UINT32_MAX) < budget->lines_a_second;
}

uint64_t line_budget_left_out(const struct line_budget *budget)
{
    return count_left_out(budget, atomic_load(&budget->window));
}
