#include "redis/sentinel.h"

#include "base/wipe.h"
#include "redis/blocking.h"
#include "redis/tls.h"

#include <stdio.h>
#include <stdlib.h>

struct sentinels {
    struct redis_locator locator; /* first */
    struct redis_sentinels known;
    struct next_password *next_password; /* borrowed; may be NULL */
    struct redis_tls *tls;               /* NULL: none */
    struct clock clock;
    atomic_size_t first; /* who is asked first */
};

static bool take_host(const struct redisReply *reply, struct redis_place *place)
{
    struct slice text = SLICE("");
    if (redis_reply_text(reply, &text) != STATUS_OK || text.len == 0 || text.len >= sizeof place->host ||
        memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(place->host, text.ptr, text.len);
    place->host[text.len] = '\0';
    return true;
}

static bool take_port(const struct redisReply *reply, struct redis_place *place)
{
    struct slice text = SLICE("");
    uint64_t port = 0;
    if (redis_reply_text(reply, &text) != STATUS_OK || !slice_to_u64(text, 65535, &port) || port == 0)
        return false;
    place->port = (uint16_t)port;
    return true;
}

struct asked {
    struct redis_place place;
    struct buf *why;
};

static enum status take_place(void *context, const struct redisReply *reply)
{
    struct asked *asked = context;
    struct slice unused = SLICE("");
    struct slice error = redis_reply_error(reply);
    if (slice_starts_with(error, SLICE("NOAUTH")))
        buf_add_str(asked->why, "it asks for a password; add ?sentinel_password=PASSWORD to OAUTH1_REDIS_URL");
    else if (!slice_is_absent(error))
        buf_addf(asked->why, "it answers: %.*s", SLICE_ARGS(error));
    else if (redis_reply_text(reply, &unused) == STATUS_NOT_FOUND)
        buf_add_str(asked->why, "it knows no primary of that name");
    else if (take_host(redis_reply_item(reply, 0), &asked->place) &&
             take_port(redis_reply_item(reply, 1), &asked->place))
        return STATUS_OK;
    else
        buf_add_str(asked->why, "what it answers is no address; is it a Sentinel?");
    return STATUS_NOT_FOUND;
}

/* NOT_FOUND: it answered, but not with an address. */
static enum status ask_sentinel(const struct sentinels *sentinels, const struct redis_place *sentinel,
                                struct asked *asked)
{
    const struct redis_target target = {.place = *sentinel,
                                        .login = sentinels->known.login,
                                        .next_password = sentinels->next_password,
                                        .tls = sentinels->tls,
                                        .is_sentinel = true};
    const struct slice args[] = {SLICE("SENTINEL"), SLICE("get-master-addr-by-name"),
                                 slice_str(sentinels->known.primary)};
    struct redis_blocking *redis = NULL;
    TRY(redis_connect_blocking(&target, &sentinels->clock, asked->why, &redis));
    enum status status = redis_ask_blocking(redis, args, COUNT_OF(args), take_place, asked);
    if (status == STATUS_STORE_DOWN)
        buf_add_str(asked->why, redis_client_fault(redis_blocking_client(redis)));
    redis_blocking_free(redis);
    return status;
}

/* Of several problems, one that a Sentinel told says most. */
static bool ask_sentinels(struct sentinels *sentinels, const atomic_bool *stop, struct redis_place *ret_place,
                          char ret_fault[REDIS_FAULT_BYTES])
{
    size_t first = atomic_load(&sentinels->first);
    bool one_answered = false;
    for (size_t i = 0; i < sentinels->known.count && !atomic_load(stop); i++) {
        size_t index = (first + i) % sentinels->known.count;
        const struct redis_place *sentinel = &sentinels->known.places[index];
        struct buf why = BUF_INIT;
        struct asked asked = {.why = &why};
        enum status status = ask_sentinel(sentinels, sentinel, &asked);
        if (status == STATUS_OK) {
            *ret_place = asked.place;
            atomic_store(&sentinels->first, index);
        } else if (!one_answered) {
            (void)snprintf(ret_fault, REDIS_FAULT_BYTES, "Sentinel at %.100s:%u: %.*s", sentinel->host,
                           (unsigned)sentinel->port, SLICE_ARGS(buf_slice(&why)));
            one_answered = status == STATUS_NOT_FOUND;
        }
        buf_done(&why);
        if (status == STATUS_OK)
            return true;
    }
    return false;
}

static bool locate_blocking(struct redis_locator *locator, const atomic_bool *stop, struct redis_place *ret_place,
                            char ret_fault[REDIS_FAULT_BYTES])
{
    bool is_known = ask_sentinels((struct sentinels *)locator, stop, ret_place, ret_fault);
    redis_tls_leave_thread();
    return is_known;
}

static void free_sentinels(struct redis_locator *locator)
{
    struct sentinels *sentinels = (struct sentinels *)locator;
    redis_tls_free(sentinels->tls);
    wipe_bytes(&sentinels->known.login, sizeof sentinels->known.login);
    free(sentinels);
}

enum status redis_sentinels_open_blocking(const struct redis_target *target, struct buf *why,
                                          struct redis_locator **ret_locator)
{
    struct sentinels *sentinels = calloc(1, sizeof *sentinels);
    if (!sentinels)
        return STATUS_NO_MEMORY;
    sentinels->locator.locate_blocking = locate_blocking;
    sentinels->locator.free = free_sentinels;
    sentinels->locator.references = 1;
    sentinels->known = target->sentinels;
    sentinels->clock = clock_system(0);
    enum status status = target->wants_tls ? redis_tls_new_blocking(target->ca_file, why, &sentinels->tls) : STATUS_OK;
    if (status != STATUS_OK) {
        free_sentinels(&sentinels->locator);
        return status;
    }
    *ret_locator = &sentinels->locator;
    return STATUS_OK;
}

void redis_sentinels_set_passwords(struct redis_locator *locator, struct next_password *passwords)
{
    ((struct sentinels *)locator)->next_password = passwords;
}
