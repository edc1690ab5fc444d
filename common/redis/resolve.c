#include "redis/resolve.h"

#include "base/thread.h"
#include "loop/loop.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Belongs to its thread until that is done, and then to the loop; who finds it cancelled frees it. While the thread
 * asks a locator, though, cancelling waits for it and frees. */
struct redis_resolving {
    struct loop_message message; /* first */
    struct loop *loop;
    struct redis_question question; /* holds the locator */
    redis_resolved_fn done;
    void *context;
    struct redis_addresses addresses;
    pthread_mutex_t lock;
    pthread_cond_t located;
    bool is_locating;      /* under the lock */
    atomic_bool cancelled; /* set under the lock */
};

/* NULL is fine. */
static struct redis_locator *hold_locator(struct redis_locator *locator)
{
    if (locator)
        atomic_fetch_add(&locator->references, 1);
    return locator;
}

void redis_locator_release(struct redis_locator *locator)
{
    if (locator && atomic_fetch_sub(&locator->references, 1) == 1)
        locator->free(locator);
}

static int look_up(const char *host, uint16_t port, int flags, struct redis_addresses *addresses)
{
    char service[8];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    *addresses = (struct redis_addresses){0};
    int error = getaddrinfo(host, service, &hints, &found);
    for (const struct addrinfo *at = error ? NULL : found; at && addresses->count < REDIS_ADDRESSES_MAX;
         at = at->ai_next) {
        struct redis_address *place = &addresses->items[addresses->count++];
        memcpy(&place->address, at->ai_addr, at->ai_addrlen);
        place->len = at->ai_addrlen;
    }
    if (!error)
        freeaddrinfo(found);
    return error;
}

void redis_lookup_blocking(const char *host, uint16_t port, struct redis_addresses *ret_addresses)
{
    int error = look_up(host, port, AI_ADDRCONFIG, ret_addresses);
    if (error)
        ret_addresses->fault = gai_strerror(error);
}

bool redis_lookup_numeric(const char *host, uint16_t port, struct redis_addresses *ret_addresses)
{
    return look_up(host, port, AI_NUMERICHOST, ret_addresses) == 0;
}

static void free_resolving(struct redis_resolving *resolving)
{
    pthread_mutex_destroy(&resolving->lock);
    pthread_cond_destroy(&resolving->located);
    redis_locator_release(resolving->question.locator);
    free(resolving);
}

/* On the loop: from here on nobody else has it. */
static void on_looked_up(struct loop_message *message)
{
    struct redis_resolving *resolving = (struct redis_resolving *)message;
    pthread_mutex_lock(&resolving->lock); /* the thread may not have let go of it yet */
    bool cancelled = resolving->cancelled;
    pthread_mutex_unlock(&resolving->lock);
    if (!cancelled)
        resolving->done(resolving->context, &resolving->addresses);
    free_resolving(resolving);
}

/* False: it was cancelled meanwhile, and is not the thread's any more. */
static bool locate_primary(struct redis_resolving *resolving, bool *ret_is_found)
{
    struct redis_question *question = &resolving->question;
    *ret_is_found = question->locator->locate_blocking(question->locator, &resolving->cancelled, &question->place,
                                                       resolving->addresses.why);
    pthread_mutex_lock(&resolving->lock);
    bool cancelled = resolving->cancelled;
    resolving->is_locating = false;
    pthread_cond_signal(&resolving->located);
    pthread_mutex_unlock(&resolving->lock);
    return !cancelled;
}

static void *run_resolver(void *context)
{
    struct redis_resolving *resolving = context;
    const struct redis_question *question = &resolving->question;
    bool is_found = true;
    if (question->locator && !locate_primary(resolving, &is_found))
        return NULL;
    if (is_found) {
        question->lookup(question->place.host, question->place.port, &resolving->addresses);
        resolving->addresses.place = question->place;
    }
    pthread_mutex_lock(&resolving->lock);
    bool cancelled = resolving->cancelled;
    if (!cancelled) /* under the lock: the loop lives at least until it is cancelled */
        loop_post(resolving->loop, &resolving->message);
    pthread_mutex_unlock(&resolving->lock);
    if (cancelled)
        free_resolving(resolving);
    return NULL;
}

static bool start_resolver(struct redis_resolving *resolving)
{
    pthread_t thread;
    bool started = thread_start(&thread, NULL, run_resolver, resolving);
    if (started)
        pthread_detach(thread);
    return started;
}

struct redis_resolving *redis_resolve_start(struct loop *loop, const struct redis_question *question,
                                            redis_resolved_fn done, void *context)
{
    struct redis_resolving *resolving = calloc(1, sizeof *resolving);
    if (!resolving)
        return NULL;
    resolving->message.deliver = on_looked_up;
    resolving->loop = loop;
    resolving->question = *question;
    (void)hold_locator(question->locator);
    resolving->done = done;
    resolving->context = context;
    resolving->is_locating = question->locator != NULL;
    pthread_mutex_init(&resolving->lock, NULL);
    pthread_cond_init(&resolving->located, NULL);
    if (start_resolver(resolving))
        return resolving;
    free_resolving(resolving);
    return NULL;
}

void redis_resolve_cancel(struct redis_resolving *resolving)
{
    if (!resolving)
        return;
    pthread_mutex_lock(&resolving->lock);
    resolving->cancelled = true;
    bool was_locating = resolving->is_locating;
    while (resolving->is_locating)
        pthread_cond_wait(&resolving->located, &resolving->lock);
    pthread_mutex_unlock(&resolving->lock);
    if (was_locating)
        free_resolving(resolving);
}
