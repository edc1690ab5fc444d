/* cache: what the credential cache costs: a hot find and verification beside one bare HMAC(), hits in a full table,
 * questions for concurrent misses, and the memory of an entry. */
#include "base/clock.h"
#include "base/percent.h"
#include "cache/credential_cache.h"
#include "changes/feed.h"
#include "durable/tokens.h"
#include "loop/loop.h"
#include "oauth/base_string.h"
#include "verify/check.h"

#include <malloc.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 41, TIMES = 2000, ENTRIES = 100000, HOT = 1000, WAITERS = 64, NOW_S = 1790000000, ID_BYTES = 33 };

/* A durable store that answers at once, and counts. */
struct source {
    struct credential_source source; /* first */
    unsigned asked;
};

enum { LINKS = 2 << 20 };

struct link {
    size_t next;
    char rest_of_line[64 - sizeof(size_t)];
};

struct bench {
    struct clock clock;
    struct loop *loop;
    struct source source;
    struct change_feed feed;
    struct credential_cache *cache;
    struct credential_view *view;
    struct signer signer;
    struct arena arena; /* reset after every request */
    struct arena kept;
    struct check_rules rules;
    struct described_request request;
    struct slice base_string;
    struct slice shared_key;
    struct credential_hold found;
    struct flow finder; /* of found */
    struct link *chain;
    size_t at_link;
    size_t next_token;
    unsigned running;
};

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench cache: %s\n", what);
    exit(1);
}

/* ---- rows of usual size ---- */

static void free_pair(void *pointer)
{
    struct credential_pair *pair = pointer;
    arena_done(&pair->arena);
    free(pair);
}

static void find_start(struct credential_source *base, const struct credential_key *key, bool current,
                       struct ticket ticket)
{
    struct credential_pair *pair = calloc(1, sizeof *pair);
    (void)current;
    must(pair != NULL, "no memory");
    arena_init(&pair->arena, 1 << 20);
    struct client_secret *secret = arena_calloc(&pair->arena, 1, sizeof *secret);
    must(secret != NULL, "no memory");
    ((struct source *)base)->asked++;
    secret->text = SLICE("kd94hf93k423kf44kd94hf93k423kf44");
    pair->client_found = pair->token_found = true;
    pair->client = (struct client){.id = 1,
                                   .client_id = arena_copy(&pair->arena, key->first),
                                   .allowed_scopes = SLICE("photos:read photos:write profile"),
                                   .default_scopes = SLICE("photos:read"),
                                   .secrets = secret,
                                   .secret_count = 1};
    pair->token = (struct token){.client = 1,
                                 .jti = SLICE("tok_abcdefghijklmnopqrstuv"),
                                 .oauth_token = arena_copy(&pair->arena, key->second),
                                 .client_id = arena_copy(&pair->arena, key->first),
                                 .secret = SLICE("pfkkdhi9sl3r4s00pfkkdhi9sl3r4s00"),
                                 .subject = SLICE("42"),
                                 .username = SLICE("jane.doe"),
                                 .scopes = SLICE("photos:read photos:write"),
                                 .user = 42};
    ticket_complete(ticket, STATUS_OK, pair, free_pair);
}

/* ---- flows ---- */

struct asker {
    struct flow flow;
    struct bench *bench;
    struct credential_key key;
    struct credential_hold hold;
    char token[ID_BYTES];
};

static enum step_result find(struct flow *flow)
{
    struct asker *asker = flow_subject(flow);
    if (credential_find(asker->bench->view, &asker->key, flow, &asker->hold))
        return STEP_NEXT;
    credential_find_start(asker->bench->view, &asker->key, flow_wait(flow, 10000));
    return STEP_WAIT;
}

static enum step_result take(struct flow *flow)
{
    struct asker *asker = flow_subject(flow);
    must(credential_take(&asker->hold, flow, 0) == STATUS_OK, "the store failed");
    return STEP_REPLY;
}

static void ended(struct flow *flow)
{
    struct asker *asker = flow_subject(flow);
    if (--asker->bench->running == 0)
        loop_stop(flow_loop(flow));
}

static void ask(struct bench *b, struct asker *asker, size_t number)
{
    static const struct step steps[] = {{"find", find}, {"take", take}, {NULL, NULL}};
    *asker = (struct asker){.bench = b};
    int len = snprintf(asker->token, sizeof asker->token, "nnch734d00sl2jdkPQRSTUVW%08zu", number);
    asker->key =
        (struct credential_key){CREDENTIAL_PAIR, SLICE("dpf43f3p2l4k3l03XyZ0"), slice_of(asker->token, (size_t)len)};
    b->running++;
    flow_start(&asker->flow, b->loop, "bench", steps, asker, ended);
}

/* ---- a request ---- */

static void sign(struct bench *b)
{
    struct buf header = buf_in(&b->kept);
    struct buf signature = buf_in(&b->kept);
    struct buf key = buf_in(&b->kept);
    struct message message;
    struct problem problem;
    buf_addf(&header,
             "OAuth realm=\"Photos\", oauth_consumer_key=\"dpf43f3p2l4k3l03XyZ0\", "
             "oauth_token=\"nnch734d00sl2jdkPQRSTUVW00000000\", oauth_signature_method=\"HMAC-SHA1\", "
             "oauth_timestamp=\"%d\", oauth_nonce=\"kllo9940pd9333jhAbCdEf01\", oauth_version=\"1.0\"",
             NOW_S);
    b->request = (struct described_request){
        .method = SLICE("GET"),
        .url = SLICE("https://api.example.com/v1/photos/vacation?size=original&file=vacation%20summer.jpg"),
        .authorization = buf_slice(&header),
        .body = SLICE(""),
    };
    signature_write_shared_key(SLICE("kd94hf93k423kf44kd94hf93k423kf44"), SLICE("pfkkdhi9sl3r4s00pfkkdhi9sl3r4s00"),
                               &key);
    b->shared_key = buf_slice(&key);
    must(message_parse(&b->request, &b->kept, &message, &problem) == STATUS_OK &&
             base_string_build(&message, &b->kept, &b->base_string) == STATUS_OK &&
             signature_make(&b->signer, message.signature_method, b->shared_key, SLICE_ABSENT, b->base_string,
                            &signature) == STATUS_OK,
         "cannot sign");
    buf_add_str(&header, ", oauth_signature=\"");
    percent_encode(&header, buf_slice(&signature));
    buf_add_byte(&header, '"');
    b->request.authorization = buf_slice(&header);
}

static struct check begin(struct bench *b)
{
    struct check check = {
        .purpose = CHECK_PROTECTED_RESOURCE, .rules = &b->rules, .arena = &b->arena, .request = b->request};
    must(check_parse(&check) == STATUS_OK, "cannot parse");
    return check;
}

static void verify(struct bench *b, struct check *check, const struct credential_hold *hold)
{
    const struct credential_pair *pair = credential_pair_of(hold);
    check->client = &pair->client;
    check->token = &pair->token;
    check->shared_keys = credential_shared_keys(hold);
    must(check_signature(check, &b->signer, (int64_t)NOW_S * 1000) == STATUS_OK, "does not verify");
    arena_reset(&b->arena);
}

static void find_for(struct bench *b, const struct check *check, struct flow *flow, struct credential_hold *hold)
{
    const struct credential_key key = {CREDENTIAL_PAIR, check_client_id(check), check_token(check)};
    must(credential_find(b->view, &key, flow, hold), "not in memory");
}

/* What the steps of an introspection do between the JSON and the nonce. */
static void find_and_verify(struct bench *b)
{
    struct flow flow = {.loop = b->loop};
    struct credential_hold hold = {0};
    struct check check = begin(b);
    find_for(b, &check, &flow, &hold);
    verify(b, &check, &hold);
    hold.held.release(&hold.held);
}

/* The same without the cache: what is held is found already. */
static void verify_alone(struct bench *b)
{
    struct check check = begin(b);
    verify(b, &check, &b->found);
}

static void find_one(struct bench *b, size_t below)
{
    char token[ID_BYTES];
    struct flow flow = {.loop = b->loop};
    struct credential_hold hold = {0};
    int len = snprintf(token, sizeof token, "nnch734d00sl2jdkPQRSTUVW%08zu", b->next_token % below);
    const struct credential_key key = {CREDENTIAL_PAIR, SLICE("dpf43f3p2l4k3l03XyZ0"), slice_of(token, (size_t)len)};
    b->next_token += 7919;
    must(credential_find(b->view, &key, &flow, &hold), "not in memory");
    hold.held.release(&hold.held);
}

static void find_hot(struct bench *b)
{
    find_one(b, HOT);
}

static void find_any(struct bench *b)
{
    find_one(b, ENTRIES);
}

/* What find_one spends on making a name. */
static void name_only(struct bench *b)
{
    char token[ID_BYTES];
    must(snprintf(token, sizeof token, "nnch734d00sl2jdkPQRSTUVW%08zu", b->next_token % HOT) > 0, "name");
    b->next_token += 7919;
}

/* One read of what is in no cache of the processor, which says where the next one is. */
static void read_cold(struct bench *b)
{
    b->at_link = b->chain[b->at_link].next;
}

/* As much memory as the entries take; the links go through it in no order, and through all of it. */
static void make_chain(struct bench *b)
{
    uint64_t random = 88172645463325252;
    b->chain = calloc(LINKS, sizeof *b->chain);
    must(b->chain != NULL, "no memory");
    for (size_t i = 0; i < LINKS; i++)
        b->chain[i].next = i;
    for (size_t i = LINKS - 1; i > 0; i--) { /* Sattolo's shuffle makes one circle */
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t other = random % i;
        size_t next = b->chain[i].next;
        b->chain[i].next = b->chain[other].next;
        b->chain[other].next = next;
    }
}

static void bare_hmac(struct bench *b)
{
    unsigned char code[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    must(HMAC(EVP_sha1(), b->shared_key.ptr, (int)b->shared_key.len, (const unsigned char *)b->base_string.ptr,
              b->base_string.len, code, &len) != NULL,
         "HMAC");
}

/* ---- measuring ---- */

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double once(struct bench *b, void (*run)(struct bench *b))
{
    int64_t start = clock_monotonic_ns();
    for (int i = 0; i < TIMES; i++)
        run(b);
    return (double)(clock_monotonic_ns() - start) / TIMES;
}

/* Medians of alternated rounds. */
static void compare(struct bench *b, const char *name, void (*ours)(struct bench *b), void (*other)(struct bench *b),
                    const char *what)
{
    double a[ROUNDS];
    double c[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        a[i] = once(b, ours);
        c[i] = once(b, other);
    }
    qsort(a, ROUNDS, sizeof *a, by_size);
    qsort(c, ROUNDS, sizeof *c, by_size);
    printf("%-36s %6.0f ns  beside %6.0f ns  ratio %.2f  difference %4.0f ns  (%s)\n", name, a[ROUNDS / 2],
           c[ROUNDS / 2], a[ROUNDS / 2] / c[ROUNDS / 2], a[ROUNDS / 2] - c[ROUNDS / 2], what);
}

static void measure_misses(struct bench *b)
{
    struct asker *askers = calloc(WAITERS, sizeof *askers);
    must(askers != NULL, "no memory");
    unsigned before = b->source.asked;
    for (size_t i = 0; i < WAITERS; i++)
        ask(b, &askers[i], 0);
    loop_run(b->loop);
    printf("%-36s %u question(s) for %d at once  (must 1)\n", "cold miss", b->source.asked - before, WAITERS);
    free(askers);
}

static void fill(struct bench *b)
{
    struct asker asker;
    for (size_t i = 0; i < ENTRIES; i++) {
        ask(b, &asker, i);
        loop_run(b->loop);
    }
}

static void measure_memory(struct bench *b)
{
    size_t before = mallinfo2().uordblks;
    fill(b);
    const struct credential_cache_stats stats = credential_cache_stats(b->cache);
    must(stats.known == ENTRIES, "not all are kept");
    printf("%-36s %zu bytes an entry, %zu in its own block (secrets, scopes, ready key)\n", "memory, 100 000 entries",
           (mallinfo2().uordblks - before) / ENTRIES, stats.bytes / ENTRIES);
}

static void open_cache(struct bench *b)
{
    static const struct change_feed_ops no_ops = {0};
    b->clock = clock_system(0);
    b->loop = loop_new(&b->clock, NULL);
    must(b->loop != NULL, "no loop");
    b->source.source.find_start = find_start;
    b->feed.ops = &no_ops;
    const struct credential_cache_options options = {&b->source.source, 300 * 1000, ENTRIES, &b->loop, 1};
    must(credential_cache_new(&options, &b->cache) == STATUS_OK, "no cache");
    b->view = credential_cache_view(b->cache, 0);
    credential_cache_listen(b->cache, &b->feed);
    change_feed_standing(&b->feed);
}

int main(void)
{
    struct bench *b = calloc(1, sizeof *b);
    must(b != NULL, "no memory");
    open_cache(b);
    arena_init(&b->arena, 1 << 20);
    arena_init(&b->kept, 1 << 20);
    b->rules = (struct check_rules){SIGNATURE_METHODS_ALL, 300, 60, false};
    must(signer_init(&b->signer, MAC_KEPT_MAX) == STATUS_OK, "no memory");
    sign(b);
    measure_misses(b);
    measure_memory(b);
    compare(b, "hot find and verify, HMAC-SHA1", find_and_verify, bare_hmac, "one bare HMAC(): must 1.0, aim 0.8");
    b->finder.loop = b->loop;
    struct check check = begin(b);
    find_for(b, &check, &b->finder, &b->found);
    compare(b, "verify alone", verify_alone, bare_hmac, "one bare HMAC()");
    compare(b, "find, of 1 000 hot tokens", find_hot, name_only, "a name alone");
    make_chain(b);
    compare(b, "find, of 100 000 tokens", find_any, read_cold, "one read of memory that is in no cache");
    free(b->chain);
    b->found.held.release(&b->found.held);
    flow_cut_all(b->loop);
    (void)loop_settle(b->loop);
    credential_cache_free(b->cache);
    loop_free(b->loop);
    signer_done(&b->signer);
    arena_done(&b->arena);
    arena_done(&b->kept);
    free(b);
    return 0;
}
