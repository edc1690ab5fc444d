#include "model/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOBODY = UINT32_MAX };

/* How a state was reached. */
struct visit {
    uint32_t parent;
    uint16_t action;
};

struct frontier {
    unsigned char *states;
    uint32_t *visits; /* which visit each is */
    size_t count, capacity;
};

struct search {
    const struct search_model *model;
    uint64_t *seen; /* hashes, open addressing; 0: free */
    size_t seen_size;
    struct visit *visits;
    size_t count, capacity;
    struct frontier now, next;
    uint32_t parent;
    bool is_found;
    uint32_t bad;
    /* Where a trace is played again: the successor by `wanted` whose hash is wanted_hash. */
    bool is_replay, is_wanted_there;
    uint64_t wanted_hash;
    unsigned char *wanted;
    uint64_t *hashes; /* of all visits, in order */
};

static void *check(void *memory)
{
    if (!memory) {
        fprintf(stderr, "model: no memory\n");
        exit(2);
    }
    return memory;
}

static void *allocate(void *old, size_t size)
{
    return check(realloc(old, size));
}

static uint64_t hash_state(const void *state, size_t size)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, (const unsigned char *)state + i, size - i < 8 ? size - i : 8);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

static void grow_seen(struct search *search)
{
    size_t size = search->seen_size ? search->seen_size * 2 : (size_t)1 << 16;
    uint64_t *seen = check(calloc(size, sizeof *seen));
    for (size_t i = 0; i < search->count; i++) {
        size_t at = search->hashes[i] & (size - 1);
        while (seen[at])
            at = (at + 1) & (size - 1);
        seen[at] = search->hashes[i];
    }
    free(search->seen);
    search->seen = seen;
    search->seen_size = size;
}

/* True: it is new. */
static bool remember_hash(struct search *search, uint64_t hash)
{
    if (search->count * 2 >= search->seen_size)
        grow_seen(search);
    size_t at = hash & (search->seen_size - 1);
    while (search->seen[at]) {
        if (search->seen[at] == hash)
            return false;
        at = (at + 1) & (search->seen_size - 1);
    }
    search->seen[at] = hash;
    return true;
}

static void remember_visit(struct search *search, unsigned action, uint64_t hash)
{
    if (search->count == search->capacity) {
        search->capacity = search->capacity ? search->capacity * 2 : (size_t)1 << 16;
        search->visits = allocate(search->visits, search->capacity * sizeof *search->visits);
        search->hashes = allocate(search->hashes, search->capacity * sizeof *search->hashes);
    }
    search->hashes[search->count] = hash;
    search->visits[search->count++] = (struct visit){search->parent, (uint16_t)action};
}

static void push_state(struct frontier *frontier, const void *state, size_t size, size_t visit)
{
    if (frontier->count == frontier->capacity) {
        frontier->capacity = frontier->capacity ? frontier->capacity * 2 : 1024;
        frontier->states = allocate(frontier->states, frontier->capacity * size);
        frontier->visits = allocate(frontier->visits, frontier->capacity * sizeof *frontier->visits);
    }
    memcpy(frontier->states + frontier->count * size, state, size);
    frontier->visits[frontier->count++] = (uint32_t)visit;
}

void search_add(struct search *search, unsigned action, const void *state)
{
    size_t size = search->model->state_size;
    uint64_t hash = hash_state(state, search->model->hashed_size);
    if (search->is_replay) {
        if (hash == search->wanted_hash && !search->is_wanted_there) {
            memcpy(search->wanted, state, size);
            search->is_wanted_there = true;
        }
        return;
    }
    if (search->is_found || !remember_hash(search, hash))
        return;
    remember_visit(search, action, hash);
    if (search->model->is_bad(state)) {
        search->is_found = true;
        search->bad = (uint32_t)(search->count - 1);
        return;
    }
    push_state(&search->next, state, size, search->count - 1);
}

static void swap_frontiers(struct search *search)
{
    struct frontier empty = search->now;
    search->now = search->next;
    search->next = empty;
    search->next.count = 0;
}

/* The visits that lead to `visit`, first to last. */
static unsigned find_path(const struct search *search, uint32_t visit, uint32_t path[SEARCH_TRACE_MAX])
{
    unsigned count = 0;
    for (uint32_t at = visit; at != NOBODY && count < SEARCH_TRACE_MAX; at = search->visits[at].parent)
        path[count++] = at;
    for (unsigned i = 0; i < count / 2; i++) {
        uint32_t other = path[i];
        path[i] = path[count - 1 - i];
        path[count - 1 - i] = other;
    }
    return count;
}

static void print_trace(struct search *search)
{
    uint32_t path[SEARCH_TRACE_MAX];
    size_t size = search->model->state_size;
    unsigned char *before = allocate(NULL, size);
    unsigned count = find_path(search, search->bad, path);
    search->wanted = allocate(NULL, size);
    search->is_replay = true;
    for (unsigned i = 0; i < count; i++) {
        search->wanted_hash = search->hashes[path[i]];
        search->is_wanted_there = false;
        if (i == 0)
            search->model->start(search);
        else
            search->model->step(search, before);
        search->model->describe(i ? before : NULL, search->wanted, search->visits[path[i]].action);
        memcpy(before, search->wanted, size);
    }
    free(before);
    free(search->wanted);
}

static void free_search(struct search *search)
{
    free(search->seen);
    free(search->visits);
    free(search->hashes);
    free(search->now.states);
    free(search->now.visits);
    free(search->next.states);
    free(search->next.visits);
}

struct search_result search_run(const struct search_model *model, size_t max_states, bool is_verbose)
{
    struct search search = {.model = model, .parent = NOBODY};
    struct search_result result = {0};
    model->start(&search);
    while (search.next.count > 0 && !search.is_found && search.count < max_states) {
        swap_frontiers(&search);
        result.depth++;
        for (size_t i = 0; i < search.now.count && !search.is_found && search.count < max_states; i++) {
            search.parent = search.now.visits[i];
            model->step(&search, search.now.states + i * model->state_size);
        }
    }
    result.states = search.count;
    result.is_bad = search.is_found;
    result.is_complete = !search.is_found && search.next.count == 0;
    if (search.is_found) {
        uint32_t path[SEARCH_TRACE_MAX];
        result.steps = find_path(&search, search.bad, path) - 1;
        if (is_verbose)
            print_trace(&search);
    }
    free_search(&search);
    return result;
}
