#include "http/wait_list.h"

void waiter_leave(struct waiter *waiter)
{
    struct wait_list *list = waiter->list;
    if (!list)
        return;
    if (waiter->prev)
        waiter->prev->next = waiter->next;
    else
        list->first = waiter->next;
    if (waiter->next)
        waiter->next->prev = waiter->prev;
    else
        list->last = waiter->prev;
    list->count--;
    waiter->list = NULL;
    waiter->next = waiter->prev = NULL;
}

void wait_list_add(struct wait_list *list, struct waiter *waiter, int64_t now_ms)
{
    waiter_leave(waiter);
    waiter->list = list;
    waiter->since_ms = now_ms;
    waiter->prev = list->last;
    if (list->last)
        list->last->next = waiter;
    else
        list->first = waiter;
    list->last = waiter;
    list->count++;
}

struct waiter *wait_list_first_before(const struct wait_list *list, int64_t time_ms)
{
    return list->first && list->first->since_ms < time_ms ? list->first : NULL;
}
