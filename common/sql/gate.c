#include "sql/gate.h"

#include "base/clock.h"

enum { FIRST_DELAY_MS = 50, LONGEST_DELAY_MS = 500, MOVE_MS = 500 };

void sql_gate_init(struct sql_gate *gate)
{
    *gate = (struct sql_gate){0};
    pthread_mutex_init(&gate->lock, NULL);
}

void sql_gate_done(struct sql_gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
}

bool sql_gate_enter(struct sql_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    bool may = gate->failures == 0 || (!gate->is_trying && clock_monotonic_ns() >= gate->next_ns);
    gate->is_trying = gate->is_trying || (may && gate->failures > 0);
    pthread_mutex_unlock(&gate->lock);
    return may;
}

static int64_t delay_ms(unsigned failures)
{
    int64_t delay = FIRST_DELAY_MS;
    for (unsigned i = 1; i < failures && delay < LONGEST_DELAY_MS; i++)
        delay *= 2;
    return delay < LONGEST_DELAY_MS ? delay : LONGEST_DELAY_MS;
}

void sql_gate_leave(struct sql_gate *gate, bool is_reached)
{
    pthread_mutex_lock(&gate->lock);
    gate->failures = is_reached ? 0 : gate->failures + 1;
    gate->is_trying = false;
    if (!is_reached)
        gate->next_ns = clock_monotonic_ns() + delay_ms(gate->failures) * 1000000;
    pthread_mutex_unlock(&gate->lock);
}

void sql_gate_note_move(struct sql_gate *gate)
{
    atomic_store(&gate->moved_ns, clock_monotonic_ns());
}

bool sql_gate_has_moved(struct sql_gate *gate, int64_t connected_ns)
{
    const int64_t move_ns = MOVE_MS * INT64_C(1000000);
    int64_t moved_ns = atomic_load_explicit(&gate->moved_ns, memory_order_relaxed);
    return moved_ns && connected_ns < moved_ns + move_ns && clock_monotonic_ns() - connected_ns >= move_ns;
}
