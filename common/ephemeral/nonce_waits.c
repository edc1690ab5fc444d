#include "ephemeral/nonce_waits.h"

#include "base/wipe.h"

#include <stdlib.h>

enum { WAITING_MAX = 10000 };

/* The three texts follow it. */
struct waiting_nonce {
    struct waiting_nonce *next;
    struct ticket ticket;
    struct nonce nonce;
    size_t size;
};

static struct slice copy_after(char **place, struct slice text)
{
    struct slice copy = slice_of(*place, text.len);
    if (text.len)
        memcpy(*place, text.ptr, text.len);
    *place += text.len;
    return copy;
}

static struct waiting_nonce *copy_nonce(const struct nonce *nonce)
{
    size_t size = sizeof(struct waiting_nonce) + nonce->client_id.len + nonce->token.len + nonce->nonce.len;
    struct waiting_nonce *waiting = malloc(size);
    if (!waiting)
        return NULL;
    char *place = (char *)(waiting + 1);
    *waiting = (struct waiting_nonce){.size = size, .nonce.timestamp_s = nonce->timestamp_s};
    waiting->nonce.client_id = copy_after(&place, nonce->client_id);
    waiting->nonce.token = copy_after(&place, nonce->token);
    waiting->nonce.nonce = copy_after(&place, nonce->nonce);
    return waiting;
}

static void free_waiting(struct waiting_nonce *waiting)
{
    wipe_bytes(waiting, waiting->size);
    free(waiting);
}

void nonce_waits_add(struct nonce_waits *waits, const struct nonce *nonce, struct ticket ticket)
{
    struct waiting_nonce *waiting = waits->count < WAITING_MAX ? copy_nonce(nonce) : NULL;
    if (!waiting) {
        ticket_complete(ticket, waits->count < WAITING_MAX ? STATUS_NO_MEMORY : STATUS_STORE_DOWN, NULL, NULL);
        return;
    }
    waiting->ticket = ticket;
    if (!waits->first)
        waits->last = &waits->first;
    *waits->last = waiting;
    waits->last = &waiting->next;
    waits->count++;
}

static struct waiting_nonce *take_all(struct nonce_waits *waits)
{
    struct waiting_nonce *first = waits->first;
    waits->first = NULL;
    waits->count = 0;
    return first;
}

void nonce_waits_retry(struct nonce_waits *waits,
                       void (*retry)(void *context, const struct nonce *nonce, struct ticket ticket), void *context)
{
    for (struct waiting_nonce *waiting = take_all(waits); waiting;) {
        struct waiting_nonce *next = waiting->next;
        if (ticket_is_live(waiting->ticket))
            retry(context, &waiting->nonce, waiting->ticket);
        free_waiting(waiting);
        waiting = next;
    }
}

void nonce_waits_done(struct nonce_waits *waits)
{
    for (struct waiting_nonce *waiting = take_all(waits); waiting;) {
        struct waiting_nonce *next = waiting->next;
        ticket_complete(waiting->ticket, STATUS_STORE_DOWN, NULL, NULL);
        free_waiting(waiting);
        waiting = next;
    }
}
