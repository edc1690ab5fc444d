#include "service/tls_files.h"

enum { NAMES_LIMIT_BYTES = 64 * 1024 };

static enum status open_files(const struct config *config, struct arena *arena, struct buf *why, struct tls **ret_tls)
{
    bool has_ca = !slice_is_absent(config->tls_client_ca);
    const struct tls_files files = {
        .certificate = arena_string(arena, config->tls_cert),
        .key = arena_string(arena, config->tls_key),
        .client_ca = has_ca ? arena_string(arena, config->tls_client_ca) : NULL,
    };
    if (!files.certificate || !files.key || (has_ca && !files.client_ca))
        return STATUS_NO_MEMORY;
    buf_add_str(why, "OAUTH1_TLS_CERT, OAUTH1_TLS_KEY, OAUTH1_TLS_CLIENT_CA: ");
    return tls_new_blocking(&files, why, ret_tls);
}

enum status tls_files_open_blocking(const struct config *config, struct buf *why, struct tls **ret_tls)
{
    struct arena arena;
    *ret_tls = NULL;
    if (!config_has_tls(config))
        return STATUS_OK;
    arena_init(&arena, NAMES_LIMIT_BYTES);
    enum status status = open_files(config, &arena, why, ret_tls);
    arena_done(&arena);
    return status;
}
