#include "app.h"
#include "batch.h"
#include "decision/decision_log.h"
#include "gateway.h"
#include "gateway_dialect.h"
#include "introspect.h"
#include "provider/hooks.h"
#include "service/command.h"
#include "service/service.h"
#include "service_metrics.h"
#include "usage.h"

#include <stdlib.h>

/* introspection-service: tells resource servers whether a signed request is good, and whose it is. */

static const struct route routes[] = {
    {.name = "introspect",
     .path = "/v1/introspect",
     .methods = "POST",
     .steps = introspect,
     .body_max_bytes = INTROSPECT_BODY_MAX_BYTES},
    {.name = "batch",
     .path = "/v1/introspect/batch",
     .methods = "POST",
     .steps = batch,
     .body_max_bytes = BATCH_BODY_MAX_BYTES,
     .arena_bytes = BATCH_ARENA_BYTES},
    {.name = "verify", .path = GATEWAY_VERIFY_PATH, .steps = gateway, .takes_malformed_heads = true},
    {.name = "auth_request", .path = GATEWAY_AUTH_REQUEST_PATH, .steps = gateway, .takes_malformed_heads = true},
    {.name = "ext_authz",
     .path = GATEWAY_EXT_AUTHZ_PATH,
     .is_prefix = true,
     .steps = gateway,
     .takes_malformed_heads = true},
};

/* What lives as long as the process serves. */
struct serving {
    struct app app; /* first: requests get its address */
    struct provider provider;
    struct slice origins[1];
    struct slice prefixes[1];
};

static void close_blocking(void *app, bool clean)
{
    struct serving *serving = app;
    for (size_t i = 0; serving->app.usage && i < serving->provider.loop_count; i++)
        usage_free(serving->app.usage[i]);
    free(serving->app.usage);
    provider_close_blocking(&serving->provider, clean);
    free(serving);
}

static enum status note_usage(struct serving *serving, const struct service_start *start)
{
    serving->app.usage = calloc(start->loop_count, sizeof *serving->app.usage);
    if (!serving->app.usage)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < start->loop_count; i++) {
        serving->app.usage[i] = usage_new(start->loops[i], serving->provider.durable);
        if (!serving->app.usage[i])
            return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

/* Where a client may have thought it was: the configured origins, and the public URL. */
static void know_origins(struct serving *serving, const struct config *config)
{
    serving->origins[0] = config->public_url.text;
    serving->prefixes[0] = config->public_url.path;
    serving->app.known_origins = (struct slice_list){serving->origins, 1};
    if (config->origins.count)
        serving->app.known_origins = (struct slice_list){config->origins.items, config->origins.count};
    serving->app.known_prefixes = (struct slice_list){serving->prefixes, config->public_url.path.len ? 1 : 0};
}

static enum status open_introspection_blocking(const struct service_start *start, struct buf *why,
                                               struct service_parts *ret_parts)
{
    struct serving *serving = calloc(1, sizeof *serving);
    if (!serving)
        return STATUS_NO_MEMORY;
    enum status status = provider_open_blocking(start->config, "introspection-service", start->clock, start->loops,
                                                start->loop_count, why, &serving->provider);
    if (status == STATUS_OK)
        status = note_usage(serving, start);
    if (status == STATUS_OK)
        status = service_metrics_register();
    if (status == STATUS_OK)
        status = decision_log_register();
    if (status != STATUS_OK) {
        close_blocking(serving, true);
        return status;
    }
    serving->app.config = start->config;
    serving->app.rules = serving->provider.rules;
    serving->app.durable = serving->provider.durable;
    serving->app.loops = serving->provider.loops;
    know_origins(serving, start->config);
    *ret_parts = (struct service_parts){
        .app = &serving->app, .stores = &serving->provider, .routes = routes, .route_count = COUNT_OF(routes)};
    return STATUS_OK;
}

static int run_serve(const struct command_line *line)
{
    static const struct service service = {
        .name = "introspection-service",
        .config_service = CONFIG_INTROSPECTION,
        .open_blocking = open_introspection_blocking,
        .reload_blocking = provider_on_reload_blocking,
        .close_blocking = close_blocking,
        .write_trouble = provider_on_write_trouble,
        .write_note = provider_on_write_note,
        .ready_checks = {{"database", provider_on_check_database, provider_on_write_introspected},
                         {"ephemeral", provider_on_check_ephemeral, NULL}},
        .ready_check_count = 2,
        .measure = provider_on_measure,
    };
    return service_serve(&service, line->config);
}

int main(int argc, char **argv)
{
    const struct command commands[] = {
        {.name = "serve",
         .arguments = "",
         .summary = "serves until SIGTERM",
         .example = "  OAUTH1_DEV=true introspection-service serve",
         .check_config = command_check_blocking,
         .needs_config = true,
         .lists_config = true,
         .run = run_serve},
        command_config_check,
        command_config_print,
        command_healthcheck,
        command_completion,
        command_man,
        {0},
    };
    const struct program program = {
        .name = "introspection-service",
        .summary = "tells resource servers whether an OAuth 1.0a request is good, and whose it is",
        .service = CONFIG_INTROSPECTION,
        .commands = commands,
        .check_blocking = provider_check_blocking,
    };
    return command_main(&program, argc, argv);
}
