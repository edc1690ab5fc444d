/* exchange: granted temporary credentials are exchanged, each by many requests at once (RFC 5849 §2.3).
 *
 * Each request is signed by itself, so that nothing but the temporary credential makes them one. Every token that was
 * acknowledged is in the ledger, on the disk, before the next temporary credential's turn. */
#include "load.h"
#include "pool.h"
#include "tally.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_TOKENS = 8 };

struct exchange {
    const struct options *options;
    struct client client;
    struct credentials credentials;
    struct pool pool;
    struct buf *requests; /* options->fanout of them */
    struct tally tally;   /* of the present temporary credential; its words alone are used */
    struct arena arena;   /* for its tokens */
    struct slice tokens[MAX_TOKENS];
    size_t token_count;
    int64_t waits;
    int64_t once, never, again; /* temporary credentials by how many tokens came of them */
    int ledger;                 /* -1: none */
};

static void count_token(struct exchange *e, struct slice body)
{
    struct slice token = text_between(body, SLICE("oauth_token="), '&');
    for (size_t i = 0; i < e->token_count; i++)
        if (slice_eq(e->tokens[i], body))
            return;
    must(token.len > 0 && e->token_count < MAX_TOKENS, "an answer without a token, or far too many tokens");
    e->tokens[e->token_count++] = arena_copy(&e->arena, body);
}

static void count_answer(struct exchange *e, const struct answer *answer)
{
    char word[TALLY_WORD_BYTES];
    struct slice problem = text_between(answer->body, SLICE("oauth_problem="), '&');
    if (problem.len == 0 && answer->http_status != 200)
        problem = text_between(answer->body, SLICE("error="), '&');
    int len = snprintf(word, sizeof word, "%d %.*s", answer->http_status, SLICE_ARGS(problem));
    tally_count_word(&e->tally, slice_trim(slice_of(word, (size_t)len)));
}

static void answered(void *owner, struct connection *connection, const struct answer *answer)
{
    struct exchange *e = owner;
    (void)connection;
    e->waits--;
    if (answer->outcome != OUTCOME_ANSWERED) {
        tally_count_word(&e->tally, SLICE("unanswered"));
        return;
    }
    count_answer(e, answer);
    if (answer->http_status == 200)
        count_token(e, answer->body);
}

/* A line for each token: the temporary credential, a tab, the form body that acknowledged it. */
static void write_ledger(const struct exchange *e, const struct credential *credential)
{
    if (e->ledger < 0)
        return;
    for (size_t i = 0; i < e->token_count; i++)
        must(dprintf(e->ledger, "%.*s\t%.*s\n", SLICE_ARGS(credential->token), SLICE_ARGS(e->tokens[i])) > 0,
             "the ledger cannot be written");
    must(fsync(e->ledger) == 0, "the ledger cannot be brought to the disk");
}

static void report_one(const struct exchange *e, const struct credential *credential)
{
    struct buf line = BUF_INIT;
    struct json_writer w = json_writer(&line);
    json_begin_object(&w);
    json_member_string(&w, "temporary", credential->token);
    json_member_array(&w, "tokens");
    for (size_t i = 0; i < e->token_count; i++)
        json_string(&w, text_between(e->tokens[i], SLICE("oauth_token="), '&'));
    json_end_array(&w);
    json_member_object(&w, "answers");
    for (size_t i = 0; i < TALLY_MAX_WORDS && e->tally.words[i].count; i++)
        json_member_int(&w, e->tally.words[i].text, (int64_t)e->tally.words[i].count);
    json_end_object(&w);
    json_end_object(&w);
    print_line(&line);
    buf_done(&line);
}

static void exchange_one(struct exchange *e, const struct credential *credential)
{
    e->tally = (struct tally){0};
    e->token_count = 0;
    arena_reset(&e->arena);
    e->waits = e->options->fanout;
    for (int64_t i = 0; i < e->options->fanout; i++) {
        buf_reset(&e->requests[i]);
        client_exchange(&e->client, e->options, credential, &e->requests[i]);
    }
    for (int64_t i = 0; i < e->options->fanout; i++)
        pool_send(&e->pool.connections[i], buf_slice(&e->requests[i]), answered, e);
    while (e->waits)
        pool_turn(&e->pool, 10);
    e->never += e->token_count == 0;
    e->once += e->token_count == 1;
    e->again += e->token_count > 1;
    write_ledger(e, credential);
    report_one(e, credential);
}

static void report(const struct exchange *e)
{
    struct buf line = BUF_INIT;
    struct json_writer w = json_writer(&line);
    json_begin_object(&w);
    json_member_text(&w, "mode", "exchange");
    json_member_int(&w, "once", e->once);
    json_member_int(&w, "never", e->never);
    json_member_int(&w, "again", e->again);
    json_end_object(&w);
    print_line(&line);
    buf_done(&line);
}

static void open_ledger(struct exchange *e)
{
    e->ledger = -1;
    if (!e->options->ledger)
        return;
    e->ledger = open(e->options->ledger, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    must(e->ledger >= 0, "the ledger cannot be opened");
}

void exchange(const struct options *options)
{
    struct exchange *e = calloc(1, sizeof *e);
    must(e != NULL, "no memory");
    e->options = options;
    open_ledger(e);
    client_init(&e->client);
    arena_init(&e->arena, 1 << 20);
    credentials_read(options->credentials, &e->credentials);
    pool_init(&e->pool, options->targets, (size_t)options->fanout, options->timeout_ms);
    e->requests = calloc((size_t)options->fanout, sizeof *e->requests);
    must(e->requests != NULL, "no memory");
    for (size_t i = 0; i < e->credentials.count; i++)
        exchange_one(e, &e->credentials.list[i]);
    report(e);
    for (int64_t i = 0; i < options->fanout; i++)
        buf_done(&e->requests[i]);
    free(e->requests);
    pool_done(&e->pool);
    credentials_done(&e->credentials);
    arena_done(&e->arena);
    client_done(&e->client);
    if (e->ledger >= 0)
        (void)close(e->ledger);
    free(e);
}
