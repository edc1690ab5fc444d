#include "support/fake_durable.h"

#include "durable/resource_servers.h"
#include "durable/tokens.h"
#include "loop/loop.h"
#include "support/test.h"

#include <stdlib.h>

enum { ROW_MAX_BYTES = 1 << 20 };

/* ---- rows ---- */

static void *new_row(size_t size)
{
    void *row = calloc(1, size);
    assert_non_null(row);
    arena_init(row, ROW_MAX_BYTES);
    return row;
}

static struct slice secret_of(struct arena *arena, const char *prefix, struct slice what)
{
    struct buf text = buf_in(arena);
    buf_addf(&text, "%ssecret of %.*s", prefix, SLICE_ARGS(what));
    return buf_slice(&text);
}

static void fill_client(const struct fake_durable *fake, struct arena *arena, struct slice client_id, int64_t version,
                        struct client *client)
{
    size_t count = fake->secrets ? fake->secrets : 1;
    struct client_secret *secrets = arena_calloc(arena, count, sizeof *secrets);
    struct client_callback *callbacks = arena_calloc(arena, 1, sizeof *callbacks);
    for (size_t i = 0; i < count; i++)
        secrets[i].text = secret_of(arena, i ? "former " : "", client_id);
    callbacks[0].uri = SLICE("https://client.example/callback");
    client->id = 1;
    client->version = version;
    client->client_id = arena_copy(arena, client_id);
    client->name = SLICE("Printer");
    client->allowed_scopes = SLICE("photos:read");
    client->secrets = secrets;
    client->secret_count = count;
    client->callbacks = callbacks;
    client->callback_count = 1;
}

static bool is_unknown(struct slice text)
{
    return slice_starts_with(text, SLICE("un"));
}

/* Of "t of 7". */
static int64_t user_of(struct slice token)
{
    size_t at = slice_find_slice(token, SLICE(" of "));
    uint64_t user = 0;
    return at < token.len && slice_to_u64(slice_sub(token, at + 4, token.len), INT64_MAX, &user) ? (int64_t)user : 1;
}

static void *pair_row(const struct fake_durable *fake, const struct credential_key *key, int64_t version)
{
    struct credential_pair *pair = new_row(sizeof *pair);
    struct token *token = &pair->token;
    pair->client_found = !is_unknown(key->first);
    if (pair->client_found)
        fill_client(fake, &pair->arena, key->first, version, &pair->client);
    pair->client.callbacks = NULL;
    pair->client.callback_count = 0;
    pair->token_found = key->second.len && !is_unknown(key->second);
    if (!pair->token_found)
        return pair;
    struct buf jti = buf_in(&pair->arena);
    buf_addf(&jti, "tok_%.*s", SLICE_ARGS(key->second));
    token->jti = buf_slice(&jti);
    token->client = 1;
    token->client_id = arena_copy(&pair->arena, key->first);
    token->oauth_token = arena_copy(&pair->arena, key->second);
    token->secret = secret_of(&pair->arena, "", key->second);
    token->user = user_of(key->second);
    token->scopes = SLICE("photos:read");
    return pair;
}

static void *client_row(const struct fake_durable *fake, const struct credential_key *key, int64_t version)
{
    if (is_unknown(key->first))
        return NULL;
    struct client *client = new_row(sizeof *client);
    fill_client(fake, &client->arena, key->first, version, client);
    return client;
}

static void *server_row(const struct credential_key *key)
{
    if (is_unknown(key->first))
        return NULL;
    struct resource_server *server = new_row(sizeof *server);
    server->id = 5;
    server->name = SLICE("api");
    server->key_digest = arena_copy(&server->arena, key->first);
    server->origins = SLICE("https://api.example");
    return server;
}

static void *row_of(const struct fake_durable *fake, const struct credential_key *key, int64_t version)
{
    if (key->kind == CREDENTIAL_PAIR)
        return pair_row(fake, key, version);
    return key->kind == CREDENTIAL_CLIENT ? client_row(fake, key, version) : server_row(key);
}

/* Each begins with its arena. */
static void free_row(void *row)
{
    arena_done(row);
    free(row);
}

/* ---- answers ---- */

static void complete(struct ticket ticket, void *row)
{
    ticket_complete(ticket, row ? STATUS_OK : STATUS_NOT_FOUND, row, free_row);
}

struct delayed {
    struct loop_timer timer;
    struct ticket ticket;
    void *row;
};

static void answer_late(void *context)
{
    struct delayed *delayed = context;
    complete(delayed->ticket, delayed->row);
    loop_timer_done(&delayed->timer);
    free(delayed);
}

static void delay(struct ticket ticket, void *row, unsigned delay_ms)
{
    struct delayed *delayed = calloc(1, sizeof *delayed);
    assert_non_null(delayed);
    delayed->ticket = ticket;
    delayed->row = row;
    assert_status(loop_timer_init(&delayed->timer, ticket.loop, answer_late, delayed), STATUS_OK);
    assert_status(loop_timer_start(&delayed->timer, delay_ms), STATUS_OK);
}

static void find_start(struct credential_source *source, const struct credential_key *key, bool current,
                       struct ticket ticket)
{
    struct fake_durable *fake = (struct fake_durable *)source;
    enum status status = (enum status)atomic_load(&fake->status);
    atomic_fetch_add(&fake->asked, 1);
    if (current)
        atomic_fetch_add(&fake->asked_current, 1);
    if (status != STATUS_OK) {
        ticket_complete(ticket, status, NULL, NULL);
        return;
    }
    int64_t version = atomic_load(&fake->version);
    void *row = row_of(fake, key, current ? version : version - fake->lag);
    if (fake->delay_ms) {
        delay(ticket, row, fake->delay_ms);
    } else if (fake->holds) {
        assert_true(fake->held_count < FAKE_HELD_MAX);
        fake->held[fake->held_count] = ticket;
        fake->rows[fake->held_count++] = row;
    } else {
        complete(ticket, row);
    }
}

void fake_durable_init(struct fake_durable *fake)
{
    *fake = (struct fake_durable){.source.find_start = find_start};
}

void fake_durable_answer(struct fake_durable *fake)
{
    for (size_t i = 0; i < fake->held_count; i++)
        complete(fake->held[i], fake->rows[i]);
    fake->held_count = 0;
}
