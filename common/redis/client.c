#include "redis/client.h"

#include "base/buf.h"
#include "base/wipe.h"
#include "loop/loop.h"
#include "redis/adapter.h"
#include "redis/queue.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

enum {
    TICK_MS = 200,     /* two to three of them are the time-out */
    ATTEMPT_TICKS = 3, /* for resolving, connecting and greeting together */
    STEADY_MS = 1000,  /* a connection that lasted so long may be made again at once */
    BACKOFF_MS = 50,   /* doubled */
    BACKOFF_DOUBLINGS = 3,
    REPLY_MAX_BYTES = 1 << 20,
    REPLY_MAX_ITEMS = 4096,
    REPLY_MAX_DEPTH = 7,
    PENDING_MAX = 100000,
    FAULT_BYTES = REDIS_FAULT_BYTES,
};

#if HIREDIS_MAJOR >= 1
typedef size_t reply_count;
#else
typedef int reply_count;
#endif

enum phase { PHASE_IDLE, PHASE_RESOLVING, PHASE_OPENING, PHASE_LOGIN, PHASE_GREETING, PHASE_READY };

struct redis_client {
    struct loop *loop;
    const struct redis_target *target;
    struct redis_hooks hooks;
    redis_lookup_fn lookup;

    enum phase phase;
    unsigned failures; /* attempts in a row */
    bool was_ready;    /* ever */
    int64_t ready_since_ms;
    char fault[FAULT_BYTES];
    unsigned fault_rank;    /* how far the attempt came that it is of */
    char told[FAULT_BYTES]; /* what the observer knows */

    struct redis_resolving *resolving;
    struct redis_addresses addresses;
    size_t next_address;
    struct redis_adapter adapter;

    redisReader *reader;
    redisReplyObjectFunctions reply_functions; /* with arrays bounded */
    void *(*create_array)(const redisReadTask *task, reply_count count);
    size_t reply_bytes; /* received since the last whole reply */
    bool is_receiving;
    int64_t received_ns; /* what it deals with, or did last */
    bool is_refused;
    char refusal[FAULT_BYTES]; /* why */

    struct buf out;
    size_t out_written;
    struct deferred write;
    bool write_put_off;
    struct redis_queue queue;

    struct deferred begin;
    struct loop_timer timer; /* ticks while something is under way; in between, the back-off */
    bool is_ticking;
    unsigned attempt_ticks;
};

static void lose_connection(struct redis_client *client, const char *fault);

/* ---- the timer ---- */

static void start_ticking(struct redis_client *client)
{
    if (client->is_ticking)
        return;
    client->is_ticking = loop_timer_start_periodic(&client->timer, TICK_MS) == STATUS_OK;
    redis_queue_watch(&client->queue);
}

static void stop_timer(struct redis_client *client)
{
    loop_timer_stop(&client->timer);
    client->is_ticking = false;
}

static void begin_attempt(void *context);
static void tell_fault(struct redis_client *client, bool was_ready);

/* The resolver's answer is still good whenever it comes, but nobody should wait for it. */
static void give_attempt_up(struct redis_client *client)
{
    if (client->phase != PHASE_RESOLVING) {
        lose_connection(client, client->phase == PHASE_OPENING ? "no connection in time" : "it does not answer");
        return;
    }
    (void)snprintf(client->fault, sizeof client->fault, "its name is still being looked up");
    client->failures++;
    tell_fault(client, false);
    if (client->hooks.lost)
        client->hooks.lost(client->hooks.context);
}

static void on_client_timer(void *context)
{
    struct redis_client *client = context;
    if (client->phase == PHASE_IDLE) {
        begin_attempt(client);
    } else if (client->phase != PHASE_READY) {
        if (++client->attempt_ticks == ATTEMPT_TICKS)
            give_attempt_up(client);
    } else if (redis_queue_is_late(&client->queue)) {
        lose_connection(client, "it does not answer");
    } else if (redis_queue_is_empty(&client->queue)) {
        stop_timer(client);
    }
}

/* ---- events ---- */

static void tell_event(const struct redis_client *client, const char *what, const char *fault)
{
    char detail[REDIS_SHOWN_BYTES + REDIS_HOST_BYTES + FAULT_BYTES + 16];
    const struct redis_place *place = &client->addresses.place; /* where the Sentinels said */
    bool was_located = client->target->locator && client->addresses.count;
    char located[REDIS_HOST_BYTES + 16] = "";
    if (was_located)
        (void)snprintf(located, sizeof located, " (%s:%u)", place->host, (unsigned)place->port);
    (void)snprintf(detail, sizeof detail, "%s%s%s%s", client->target->shown, located, fault ? ": " : "",
                   fault ? fault : "");
    observer_event(loop_observer(client->loop), "redis", what, detail);
}

static void tell_fault(struct redis_client *client, bool was_ready)
{
    if (!was_ready && strcmp(client->told, client->fault) == 0)
        return;
    memcpy(client->told, client->fault, sizeof client->told);
    tell_event(client, was_ready ? "lost" : "unreachable", client->fault);
}

/* ---- losing a connection ---- */

static void clear_connection(struct redis_client *client)
{
    redis_resolve_cancel(client->resolving);
    client->resolving = NULL;
    redis_adapter_close(&client->adapter);
    if (client->reader)
        redisReaderFree(client->reader);
    client->reader = NULL;
    loop_defer_cancel(client->loop, &client->write);
    buf_reset(&client->out);
    client->out_written = 0;
    client->write_put_off = false;
    client->is_refused = false;
    client->phase = PHASE_IDLE;
    stop_timer(client);
}

/* How long to wait for the next attempt; 0: not at all. */
static unsigned next_delay_ms(const struct redis_client *client)
{
    if (client->next_address < client->addresses.count || client->failures == 0)
        return 0;
    unsigned doublings = client->failures - 1 < BACKOFF_DOUBLINGS ? client->failures - 1 : BACKOFF_DOUBLINGS;
    return (unsigned)BACKOFF_MS << doublings;
}

static void begin_later(struct redis_client *client)
{
    unsigned delay_ms = next_delay_ms(client);
    if (delay_ms && loop_timer_start(&client->timer, delay_ms) == STATUS_OK)
        return;
    loop_defer(client->loop, &client->begin, begin_attempt, client);
}

/* Of a name's addresses, the fault of the one that came furthest says most: that there is no route to another does
 * not hide that a certificate was refused. */
static void note_fault(struct redis_client *client, const char *fault)
{
    unsigned rank = 2 * (unsigned)client->phase + (client->adapter.phase == ADAPTER_SHAKING_HANDS);
    if (rank < client->fault_rank)
        return;
    client->fault_rank = rank;
    (void)snprintf(client->fault, sizeof client->fault, "%s", fault);
}

static void lose_connection(struct redis_client *client, const char *fault)
{
    bool was_ready = client->phase == PHASE_READY;
    bool was_steady = was_ready && clock_monotonic_ms() - client->ready_since_ms >= STEADY_MS;
    note_fault(client, fault);
    if (!was_steady && client->next_address >= client->addresses.count)
        client->failures++;
    if (was_ready)
        client->addresses.count = client->next_address = 0; /* they may have changed */
    clear_connection(client);
    tell_fault(client, was_ready);
    redis_queue_fail(&client->queue, clock_monotonic_ns());
    if (client->hooks.lost)
        client->hooks.lost(client->hooks.context);
    begin_later(client);
}

void redis_client_refuse(struct redis_client *client, struct slice fault)
{
    if (client->phase == PHASE_IDLE) /* it is gone already */
        return;
    (void)snprintf(client->refusal, sizeof client->refusal, "%.*s", SLICE_ARGS(fault));
    client->is_refused = true;
    if (!client->is_receiving) /* else once what was received is dealt with */
        loop_defer(client->loop, &client->begin, begin_attempt, client);
}

/* ---- receiving ---- */

static bool is_message(const redisReply *reply)
{
    const redisReply *kind = redis_reply_item(reply, 0);
    return kind && kind->type == REDIS_REPLY_STRING &&
           slice_eq(slice_of(kind->str, (size_t)kind->len), SLICE("message"));
}

/* A primary that was demoted keeps its connections. */
static bool is_from_replica(struct slice error)
{
    return slice_starts_with(error, SLICE("READONLY")) || slice_starts_with(error, SLICE("MASTERDOWN"));
}

static void take_reply(struct redis_client *client, const redisReply *reply)
{
    struct slice error = redis_reply_error(reply);
    bool leave = is_from_replica(error);
    if (client->hooks.refused && !slice_is_absent(error))
        client->hooks.refused(client->hooks.context, error);
    if (client->hooks.message && is_message(reply))
        client->hooks.message(client->hooks.context, reply);
    else if (!redis_queue_answer(&client->queue, reply, client->received_ns))
        redis_client_refuse(client, SLICE("it sent a reply that nobody asked for"));
    if (leave)
        redis_client_refuse(client, SLICE("it has become a read-only replica; name the primary in OAUTH1_REDIS_URL"));
}

static void take_replies(struct redis_client *client)
{
    void *reply = NULL;
    while (!client->is_refused) {
        if (redisReaderGetReply(client->reader, &reply) != REDIS_OK) {
            redis_client_refuse(client, SLICE("its reply is malformed, or larger than we take"));
            return;
        }
        if (!reply)
            return;
        client->reply_bytes = 0;
        take_reply(client, reply);
        freeReplyObject(reply);
    }
}

static void on_received(void *context, struct slice bytes)
{
    struct redis_client *client = context;
    client->reply_bytes += bytes.len;
    client->received_ns = clock_monotonic_ns();
    client->is_receiving = true;
    if (client->reply_bytes > REPLY_MAX_BYTES)
        redis_client_refuse(client, SLICE("its reply is larger than we take"));
    else if (redisReaderFeed(client->reader, bytes.ptr, bytes.len) != REDIS_OK)
        redis_client_refuse(client, SLICE("out of memory"));
    else
        take_replies(client);
    client->is_receiving = false;
    if (client->is_refused) {
        lose_connection(client, client->refusal);
    }
}

/* An array's length comes before its items, and hiredis takes the memory for all of them at once; it frees what is
 * nested by calling itself, and since 1.0 nests without an end. */
static void *create_bounded_array(const redisReadTask *task, reply_count count)
{
    const struct redis_client *client = task->privdata;
    size_t depth = 1;
    for (const redisReadTask *outer = task->parent; outer; outer = outer->parent)
        depth++;
    bool is_bounded = (unsigned long long)count <= REPLY_MAX_ITEMS && depth <= REPLY_MAX_DEPTH;
    return is_bounded ? client->create_array(task, count) : NULL;
}

static void bound_arrays(struct redis_client *client)
{
    client->reply_functions = *client->reader->fn;
    client->create_array = client->reply_functions.createArray;
    client->reply_functions.createArray = create_bounded_array;
    client->reader->fn = &client->reply_functions;
    client->reader->privdata = client;
}

/* ---- sending ---- */

static void write_out(struct redis_client *client)
{
    const char *fault = NULL;
    size_t written = 0;
    struct slice rest = slice_sub(buf_slice(&client->out), client->out_written, client->out.len);
    if (redis_adapter_write(&client->adapter, rest, &written, &fault) != STATUS_OK) {
        lose_connection(client, fault);
        return;
    }
    client->out_written += written;
    if (client->out_written < client->out.len)
        return;
    buf_reset(&client->out);
    client->out_written = 0;
}

/* Once more behind what was deferred meanwhile, so that requests of the same turn share the write. */
static void write_turn(void *context)
{
    struct redis_client *client = context;
    client->write_put_off = !client->write_put_off;
    if (client->write_put_off) {
        loop_defer(client->loop, &client->write, write_turn, client);
        return;
    }
    if (client->hooks.before_write)
        client->hooks.before_write(client->hooks.context);
    loop_defer_cancel(client->loop, &client->write); /* what that hook sent goes along */
    if (client->out_written == 0)                    /* else the socket is full, and will call */
        write_out(client);
}

static void on_socket_writable(void *context)
{
    write_out(context);
}

static void add_command(struct buf *out, const struct slice *args, size_t count)
{
    buf_add_byte(out, '*');
    buf_add_u64(out, count);
    for (size_t i = 0; i < count; i++) {
        buf_add(out, SLICE("\r\n$"));
        buf_add_u64(out, args[i].len);
        buf_add(out, SLICE("\r\n"));
        buf_add(out, args[i]);
    }
    buf_add(out, SLICE("\r\n"));
}

static size_t command_max_bytes(const struct slice *args, size_t count)
{
    size_t bytes = 32;
    for (size_t i = 0; i < count; i++)
        bytes += args[i].len + 32;
    return bytes;
}

enum status redis_send(struct redis_client *client, const struct slice *args, size_t count, redis_done_fn done,
                       void *context)
{
    if (client->phase < PHASE_LOGIN || client->is_refused || redis_queue_length(&client->queue) >= PENDING_MAX)
        return STATUS_STORE_DOWN;
    if (!buf_reserve(&client->out, command_max_bytes(args, count))) {
        client->out.failed = false; /* nothing was added: what is there stays whole */
        client->out.cap += client->out.lost_bytes;
        client->out.lost_bytes = 0;
        return STATUS_NO_MEMORY;
    }
    TRY(redis_queue_add(&client->queue, done, context, loop_turn_ns(client->loop)));
    add_command(&client->out, args, count);
    loop_defer(client->loop, &client->write, write_turn, client);
    start_ticking(client);
    return STATUS_OK;
}

/* ---- connecting ---- */

static void begin_greeting(struct redis_client *client)
{
    client->phase = PHASE_GREETING;
    client->hooks.greet(client->hooks.context);
}

void redis_client_ready(struct redis_client *client)
{
    if (client->phase != PHASE_GREETING)
        return;
    client->phase = PHASE_READY;
    client->failures = 0;
    client->told[0] = '\0';
    client->ready_since_ms = clock_monotonic_ms();
    tell_event(client, client->was_ready ? "reconnected" : "connected", NULL);
    client->was_ready = true;
}

static void refuse_login(struct redis_client *client, const struct redisReply *reply, const char *what)
{
    char fault[FAULT_BYTES];
    struct slice error = redis_reply_error(reply);
    if (slice_starts_with(error, SLICE("NOAUTH")))
        (void)snprintf(fault, sizeof fault, "it asks for a password; set OAUTH1_REDIS_PASSWORD");
    else
        (void)snprintf(fault, sizeof fault, "it refused our %s: %.*s", what, SLICE_ARGS(error));
    redis_client_refuse(client, slice_str(fault));
}

static void on_selected(void *context, const struct redisReply *reply)
{
    struct redis_client *client = context;
    if (!reply)
        return;
    if (redis_reply_ok(reply) != STATUS_OK)
        refuse_login(client, reply, "database number");
    else
        begin_greeting(client);
}

static void on_logged_in(void *context, const struct redisReply *reply)
{
    struct redis_client *client = context;
    if (reply && redis_reply_ok(reply) != STATUS_OK)
        refuse_login(client, reply,
                     client->target->is_sentinel ? "user or password (sentinel_password)"
                                                 : "user or password (OAUTH1_REDIS_PASSWORD)");
}

static enum status send_auth(struct redis_client *client, const char *user, const char *password)
{
    const struct slice args[] = {SLICE("AUTH"), slice_str(user), slice_str(password)};
    const struct slice short_args[] = {args[0], args[2]};
    if (!password[0])
        return STATUS_OK;
    return user[0] ? redis_send(client, args, COUNT_OF(args), on_logged_in, client)
                   : redis_send(client, short_args, COUNT_OF(short_args), on_logged_in, client);
}

static enum status send_password(struct redis_client *client)
{
    char next[PASSWORD_BYTES];
    const struct redis_login *login = &client->target->login;
    if (!next_password_get(client->target->next_password, next))
        return send_auth(client, login->user, login->password);
    enum status status = send_auth(client, login->user, next);
    wipe_bytes(next, sizeof next);
    return status;
}

static enum status send_login(struct redis_client *client)
{
    const struct redis_target *target = client->target;
    char number[16];
    TRY(send_password(client));
    if (target->is_sentinel) {
        begin_greeting(client);
        return STATUS_OK;
    }
    (void)snprintf(number, sizeof number, "%u", target->database);
    const struct slice args[] = {SLICE("SELECT"), slice_str(number)};
    return redis_send(client, args, COUNT_OF(args), on_selected, client);
}

static void on_connected(void *context)
{
    struct redis_client *client = context;
    client->phase = PHASE_LOGIN;
    client->reply_bytes = 0;
    client->reader = redisReaderCreate();
    if (client->reader)
        bound_arrays(client);
    if (!client->reader || send_login(client) != STATUS_OK)
        lose_connection(client, "out of memory");
}

static void on_failed(void *context, const char *fault)
{
    lose_connection(context, fault);
}

static void open_next(struct redis_client *client)
{
    const struct redis_adapter_hooks hooks = {on_connected, on_received, on_socket_writable, on_failed, client};
    const char *fault = NULL;
    client->phase = PHASE_OPENING;
    client->attempt_ticks = 0; /* the resolver may have taken its time */
    const struct redis_adapter_peer peer = {
        .address = &client->addresses.items[client->next_address++],
        .tls = client->target->tls,
        .host = client->addresses.place.host,
    };
    if (redis_adapter_open(&client->adapter, client->loop, &peer, &hooks, &fault) != STATUS_OK)
        lose_connection(client, fault);
}

static void on_resolved(void *context, const struct redis_addresses *addresses)
{
    struct redis_client *client = context;
    client->resolving = NULL;
    if (addresses->count == 0) {
        const char *why = addresses->why[0] ? addresses->why : "its name has no address";
        lose_connection(client, addresses->fault ? addresses->fault : why);
        return;
    }
    client->addresses = *addresses;
    open_next(client);
}

static void use_socket(struct redis_client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, client->target->path, sizeof address.sun_path);
    client->addresses.count = 1;
    client->addresses.items[0].len = sizeof address;
    memcpy(&client->addresses.items[0].address, &address, sizeof address);
}

static void look_up(struct redis_client *client)
{
    const struct redis_question question = {client->target->place, client->target->locator, client->lookup};
    client->phase = PHASE_RESOLVING;
    client->resolving = redis_resolve_start(client->loop, &question, on_resolved, client);
    if (!client->resolving)
        lose_connection(client, "out of memory");
}

static void find_addresses(struct redis_client *client)
{
    const struct redis_target *target = client->target;
    client->next_address = 0;
    client->fault_rank = 0;
    if (target->path[0]) {
        use_socket(client);
    } else if (target->locator || !redis_lookup_numeric(target->place.host, target->place.port, &client->addresses)) {
        look_up(client);
        return;
    }
    client->addresses.place = target->place;
    open_next(client);
}

static void begin_attempt(void *context)
{
    struct redis_client *client = context;
    if (client->is_refused) {
        lose_connection(client, client->refusal);
        return;
    }
    if (client->phase != PHASE_IDLE)
        return;
    stop_timer(client);
    start_ticking(client);
    client->attempt_ticks = 0;
    if (client->next_address < client->addresses.count)
        open_next(client);
    else
        find_addresses(client);
}

/* ---- life ---- */

struct redis_client *redis_client_new(const struct redis_client_options *options)
{
    struct redis_client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->loop = options->loop;
    client->target = options->target;
    client->hooks = options->hooks;
    client->queue.took = options->hooks.took;
    client->lookup = options->lookup ? options->lookup : redis_lookup_blocking;
    if (loop_timer_init(&client->timer, client->loop, on_client_timer, client) != STATUS_OK) {
        free(client);
        return NULL;
    }
    loop_defer(client->loop, &client->begin, begin_attempt, client);
    return client;
}

void redis_client_free(struct redis_client *client)
{
    if (!client)
        return;
    clear_connection(client);
    redis_queue_fail(&client->queue, clock_monotonic_ns());
    loop_defer_cancel(client->loop, &client->begin);
    loop_timer_done(&client->timer);
    redis_queue_done(&client->queue);
    buf_done(&client->out);
    free(client);
}

enum redis_state redis_client_state(const struct redis_client *client)
{
    if (client->phase == PHASE_READY)
        return REDIS_READY;
    return client->failures ? REDIS_DOWN : REDIS_CONNECTING;
}

bool redis_client_is_looking_up(const struct redis_client *client)
{
    return client->phase == PHASE_RESOLVING;
}

const struct redis_place *redis_client_place(const struct redis_client *client)
{
    return &client->addresses.place;
}

const char *redis_client_fault(const struct redis_client *client)
{
    return client->fault;
}
