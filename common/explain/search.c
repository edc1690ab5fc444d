#include "explain/search.h"

#include "oauth/base_string.h"

bool search_may_try(struct search *search, const char *what)
{
    if (search->found || search->status != STATUS_OK || search->tries == EXPLAIN_TRIES_MAX)
        return false;
    search->what = what;
    arena_reset(search->scratch);
    return true;
}

static void count_try(struct search *search)
{
    search->tries++;
    if (slice_find_slice(buf_slice(&search->tried), slice_str(search->what)) < search->tried.len)
        return;
    if (search->tried.len)
        buf_add(&search->tried, SLICE(", "));
    buf_add_str(&search->tried, search->what);
}

static void conclude_try(struct search *search, enum status status, const char *hint)
{
    if (status == STATUS_OK) {
        search->found = true;
        buf_add_str(search->hint, hint);
    } else if (status_is_infrastructure(status)) {
        search->status = status;
    }
}

void search_try_signature(struct search *search, const struct signature_method *method, const struct buf *shared_key,
                          struct slice base_string, struct slice signature, const char *hint)
{
    struct signature_key key = {buf_slice(shared_key), search->options->rsa_public_key};
    count_try(search);
    enum status status =
        shared_key->failed ? STATUS_NO_MEMORY : signature_verify(search->signer, method, &key, base_string, signature);
    conclude_try(search, status, hint);
}

struct buf search_right_key(const struct search *search)
{
    struct buf key = buf_in(search->scratch);
    signature_write_shared_key(search->options->client_secret, search->options->token_secret, &key);
    return key;
}

void search_try_base_string(struct search *search, enum status built, struct slice base_string, const char *hint)
{
    if (built != STATUS_OK) {
        conclude_try(search, built, hint);
    } else if (!slice_eq(base_string, search->base_string)) {
        struct buf key = search_right_key(search);
        search_try_signature(search, search->message->signature_method, &key, base_string,
                             search->message->protocol[OAUTH_SIGNATURE], hint);
    }
}

void search_try_message(struct search *search, const struct message *variant, const char *hint)
{
    struct slice base_string = {0};
    enum status built = base_string_build(variant, search->scratch, &base_string);
    search_try_base_string(search, built, base_string, hint);
}
