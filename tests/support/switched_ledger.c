#include "support/switched_ledger.h"

static struct switched_ledger *of(struct nonce_ledger *ledger)
{
    return (struct switched_ledger *)ledger;
}

static struct nonce_ledger *inner_of(struct nonce_ledger *ledger)
{
    return &of(ledger)->inner.ledger;
}

static bool is_away(struct nonce_ledger *ledger)
{
    return atomic_load(&of(ledger)->is_away);
}

static enum status open_blocking(struct nonce_ledger *ledger, const struct nonce_begin *begin,
                                 struct nonce_state *ret_state)
{
    struct nonce_ledger *inner = inner_of(ledger);
    return is_away(ledger) ? STATUS_STORE_DOWN : inner->open_blocking(inner, begin, ret_state);
}

static enum status save_blocking(struct nonce_ledger *ledger, struct slice name, struct slice epoch,
                                 const struct nonce_state *state)
{
    struct nonce_ledger *inner = inner_of(ledger);
    return is_away(ledger) ? STATUS_STORE_DOWN : inner->save_blocking(inner, name, epoch, state);
}

static enum status keep_blocking(struct nonce_ledger *ledger, const struct nonce_keep *keep,
                                 struct accepted_ranges *ret_ranges)
{
    struct nonce_ledger *inner = inner_of(ledger);
    if (is_away(ledger))
        return STATUS_STORE_DOWN;
    enum status status = inner->keep_blocking(inner, keep, ret_ranges);
    atomic_fetch_add(&of(ledger)->kept, 1);
    if (!keep->user || !atomic_load(&of(ledger)->loses_answers))
        return status;
    atomic_store(&of(ledger)->is_away, true);
    return STATUS_STORE_DOWN;
}

static enum status decide_blocking(struct nonce_ledger *ledger, struct slice name, nonce_decide_fn decide,
                                   void *context)
{
    struct nonce_ledger *inner = inner_of(ledger);
    if (is_away(ledger) || atomic_load(&of(ledger)->decides_nothing))
        return STATUS_STORE_DOWN;
    enum status status = inner->decide_blocking(inner, name, decide, context);
    atomic_fetch_add(&of(ledger)->decided, 1);
    return status;
}

static enum status decide_part_blocking(struct nonce_ledger *ledger, struct slice name, unsigned part,
                                        nonce_decide_part_fn decide, void *context)
{
    struct nonce_ledger *inner = inner_of(ledger);
    return is_away(ledger) ? STATUS_STORE_DOWN : inner->decide_part_blocking(inner, name, part, decide, context);
}

static enum status read_parts_blocking(struct nonce_ledger *ledger, struct slice name, struct nonce_row *ret_whole,
                                       struct nonce_parts *ret_parts)
{
    struct nonce_ledger *inner = inner_of(ledger);
    return is_away(ledger) ? STATUS_STORE_DOWN : inner->read_parts_blocking(inner, name, ret_whole, ret_parts);
}

static enum status leave_blocking(struct nonce_ledger *ledger, struct slice name, struct slice user_id)
{
    struct nonce_ledger *inner = inner_of(ledger);
    return is_away(ledger) ? STATUS_STORE_DOWN : inner->leave_blocking(inner, name, user_id);
}

void switched_ledger_init(struct switched_ledger *ledger, struct durable *db)
{
    *ledger = (struct switched_ledger){.ledger = {open_blocking, save_blocking, keep_blocking, decide_blocking,
                                                  decide_part_blocking, read_parts_blocking, leave_blocking, NULL}};
    durable_nonce_ledger_init(&ledger->inner, db);
}
