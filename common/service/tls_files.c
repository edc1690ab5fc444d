#include "service/tls_files.h"

enum { NAMES_LIMIT_BYTES = 64 * 1024 };

static bool name_file(struct arena *arena, struct slice path, const char *variable, struct tls_file *ret_file)
{
    bool there = !slice_is_absent(path);
    *ret_file = (struct tls_file){there ? arena_string(arena, path) : NULL, variable};
    return ret_file->path || !there;
}

/* The files of the configuration, which are valid for as long as the arena is. */
static enum status name_files(const struct config *config, struct arena *arena, struct tls_files *ret_files)
{
    bool named = name_file(arena, config->tls_cert, "OAUTH1_TLS_CERT", &ret_files->certificate);
    named = name_file(arena, config->tls_key, "OAUTH1_TLS_KEY", &ret_files->key) && named;
    named = name_file(arena, config->tls_client_ca, "OAUTH1_TLS_CLIENT_CA", &ret_files->client_ca) && named;
    return named ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status tls_files_check_blocking(const struct config *config, struct buf *why)
{
    struct arena arena;
    struct tls_files files;
    arena_init(&arena, NAMES_LIMIT_BYTES);
    enum status status = name_files(config, &arena, &files);
    if (status == STATUS_OK)
        status = tls_check_blocking(&files, why);
    arena_done(&arena);
    return status;
}

enum status tls_files_open_blocking(const struct config *config, struct buf *why, struct tls **ret_tls)
{
    struct arena arena;
    struct tls_files files;
    *ret_tls = NULL;
    if (!config_has_tls(config))
        return STATUS_OK;
    arena_init(&arena, NAMES_LIMIT_BYTES);
    enum status status = name_files(config, &arena, &files);
    if (status == STATUS_OK)
        status = tls_new_blocking(&files, why, ret_tls);
    arena_done(&arena);
    return status;
}
