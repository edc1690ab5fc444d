#include "provider/hooks.h"

#include "provider/provider.h"

enum status provider_on_reload_blocking(void *provider, const struct config *fresh, struct buf *why)
{
    return provider_reload_blocking(provider, fresh, why);
}

void provider_on_write_trouble(void *provider, struct buf *out)
{
    provider_write_trouble(provider, out);
}

void provider_on_write_note(void *provider, struct buf *out)
{
    provider_write_note(provider, out);
}

void provider_on_measure(void *provider)
{
    provider_measure(provider);
}

void provider_on_check_database(void *provider, size_t loop_index, struct ticket ticket)
{
    (void)loop_index; /* one pool for all */
    durable_pool_check_start(((struct provider *)provider)->durable, ticket);
}

void provider_on_write_introspected(void *provider, struct buf *out)
{
    if (provider_outlasts_database(provider))
        buf_add_str(out, "clients, tokens and resource servers that are in memory are answered, for 300 s at most");
}

void provider_on_write_issued(void *provider, struct buf *out)
{
    if (provider_outlasts_database(provider))
        buf_add_str(out,
                    "clients that are in memory get temporary credentials, for 300 s at most; logging in and issuing "
                    "tokens is answered 503");
}

void provider_on_check_ephemeral(void *provider, size_t loop_index, struct ticket ticket)
{
    ephemeral_ping_start(((struct provider *)provider)->loops[loop_index].ephemeral, ticket);
}
