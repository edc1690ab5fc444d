#include "http/body.h"

#include "base/wipe.h"

#include <sys/mman.h>

static void link_newest(struct body *body)
{
    struct body_pool *pool = body->pool;
    body->is_coming = true;
    body->older = pool->newest;
    *(pool->newest ? &pool->newest->newer : &pool->oldest) = body;
    pool->newest = body;
}

static void unlink_body(struct body *body)
{
    struct body_pool *pool = body->pool;
    if (!body->is_coming)
        return;
    body->is_coming = false;
    *(body->newer ? &body->newer->older : &pool->newest) = body->older;
    *(body->older ? &body->older->newer : &pool->oldest) = body->newer;
    body->older = body->newer = NULL;
}

/* Pages that were never written take no memory, so the whole room costs nothing before the bytes come. */
static void *take_pages(struct body_pool *pool, size_t bytes)
{
    if (bytes == BODY_KEPT_BYTES && pool->kept_count) {
        pool->kept_count--;
        if (pool->kept_unused > pool->kept_count)
            pool->kept_unused = pool->kept_count;
        return pool->kept[pool->kept_count];
    }
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static void give_pages_back(struct body_pool *pool, void *pages, size_t bytes)
{
    if (bytes == BODY_KEPT_BYTES && pool->kept_count < BODY_KEPT_MAX)
        pool->kept[pool->kept_count++] = pages;
    else
        (void)munmap(pages, bytes);
}

static bool take_large(struct body *body, size_t max_bytes)
{
    size_t bytes = max_bytes > BODY_KEPT_BYTES ? max_bytes : BODY_KEPT_BYTES;
    void *pages = take_pages(body->pool, bytes);
    body->bytes = buf_fixed(pages, max_bytes);
    body->page_bytes = bytes;
    return pages != NULL;
}

static bool take_small(struct body *body, struct arena *arena, size_t max_bytes)
{
    char *memory = arena_bytes(arena, max_bytes);
    body->bytes = buf_fixed(memory, max_bytes);
    return memory != NULL;
}

bool body_open(struct body *body, struct body_pool *pool, struct arena *arena, size_t max_bytes)
{
    *body = (struct body){.pool = pool};
    bool has_memory = max_bytes <= BODY_SMALL_BYTES ? take_small(body, arena, max_bytes) : take_large(body, max_bytes);
    if (has_memory)
        link_newest(body);
    else
        *body = (struct body){0};
    return has_memory;
}

bool body_make_room(struct body *body, size_t more)
{
    struct body_pool *pool = body->pool;
    size_t len = body->bytes.len + more;
    size_t pieces = (len + BODY_PIECE_BYTES - 1) / BODY_PIECE_BYTES;
    size_t bytes = pieces * BODY_PIECE_BYTES < body->bytes.cap ? pieces * BODY_PIECE_BYTES : body->bytes.cap;
    size_t need = BODY_REQUEST_BYTES + bytes;
    if (need <= body->counted_bytes)
        return true;
    if (need - body->counted_bytes > pool->limit_bytes - pool->used_bytes)
        return false;
    pool->used_bytes += need - body->counted_bytes;
    body->counted_bytes = need;
    return true;
}

void body_arrived(struct body *body)
{
    unlink_body(body);
}

void body_close(struct body *body)
{
    if (!body->pool)
        return;
    unlink_body(body);
    wipe_bytes(body->bytes.ptr, body->bytes.len);
    if (body->page_bytes)
        give_pages_back(body->pool, body->bytes.ptr, body->page_bytes);
    body->pool->used_bytes -= body->counted_bytes;
    *body = (struct body){0};
}

static void drop_kept(struct body_pool *pool, size_t count)
{
    while (count--)
        (void)munmap(pool->kept[--pool->kept_count], BODY_KEPT_BYTES);
}

void body_pool_give_back(struct body_pool *pool)
{
    drop_kept(pool, pool->kept_unused);
    pool->kept_unused = pool->kept_count;
}

void body_pool_done(struct body_pool *pool)
{
    drop_kept(pool, pool->kept_count);
    pool->kept_unused = 0;
}
