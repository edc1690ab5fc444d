#include "account/applications.h"
#include "account/home.h"
#include "account/password_change.h"
#include "account/security.h"
#include "admin/audit.h"
#include "admin/authorization_request.h"
#include "admin/bearers.h"
#include "admin/clients.h"
#include "admin/import.h"
#include "admin/resource_servers.h"
#include "admin/seal.h"
#include "admin/tokens.h"
#include "admin/user_sessions.h"
#include "admin/users.h"
#include "app/app.h"
#include "app/endings.h"
#include "app/service_metrics.h"
#include "cli/cli.h"
#include "decision/decision_log.h"
#include "developer/client_actions.h"
#include "developer/clients.h"
#include "developer/try_request.h"
#include "intake/intake.h"
#include "login/delegated_login.h"
#include "login/login.h"
#include "login/logout.h"
#include "login/trusted_login.h"
#include "look/look.h"
#include "loop/worker_pool.h"
#include "oauth/signature_method.h"
#include "protocol/authorize.h"
#include "protocol/login_continue.h"
#include "protocol/temp_credential.h"
#include "protocol/token_exchange.h"
#include "provider/hooks.h"
#include "service/command.h"
#include "service/service.h"
#include "site/client_logo.h"
#include "site/files.h"
#include "site/language_choice.h"
#include "site/not_found.h"
#include "site/problems.h"
#include "site/site.h"
#include "store/store_url.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

/* auth-service: temporary credentials, the resource owner's decision, token credentials; and the
 * commands that operators and developers use. */

enum { ROUTES_MAX = 96, PASSWORD_QUEUE = 64 };

/* What lives as long as the process serves. */
struct serving {
    struct app app; /* first: requests get its address */
    struct provider provider;
    struct endings *endings;
    struct route routes[ROUTES_MAX];
    size_t route_count;
};

static void add_route(struct serving *serving, const char *name, const char *path, const char *methods,
                      const struct step *steps)
{
    assert(serving->route_count < ROUTES_MAX);
    serving->routes[serving->route_count++] =
        (struct route){.name = name, .path = path, .methods = methods, .steps = steps};
}

/* The protocol's paths are the operator's choice, since they are part of every signature. A proxy may
 * strip the public URL's path prefix or leave it, so both are routed. */
static enum status add_protocol_route(struct serving *serving, const char *name, struct slice path, const char *methods,
                                      const struct step *steps)
{
    struct config *config = serving->app.config;
    const char *bare = arena_string(&config->arena, path);
    struct buf prefixed = buf_in(&config->arena);
    if (!bare)
        return STATUS_NO_MEMORY;
    add_route(serving, name, bare, methods, steps);
    if (config->public_url.path.len == 0)
        return STATUS_OK;
    buf_add(&prefixed, config->public_url.path);
    buf_add(&prefixed, path);
    const char *full = buf_string(&prefixed);
    if (!full)
        return STATUS_NO_MEMORY;
    add_route(serving, name, full, methods, steps);
    return STATUS_OK;
}

/* There is one way to log in: where a site logs its users in, no password is taken. */
static enum status add_login_routes(struct serving *serving)
{
    if (trusted_login_is_on(serving->app.config))
        return add_protocol_route(serving, "login", SLICE("/login"), "GET", trusted_login_show);
    if (!delegated_login_is_on(serving->app.config)) {
        TRY(add_protocol_route(serving, "login", SLICE("/login"), "GET,HEAD", login_show));
        return add_protocol_route(serving, "login_submit", SLICE("/login"), "POST", login_submit);
    }
    TRY(add_protocol_route(serving, "login", SLICE("/login"), "GET", delegated_login_show));
    return add_protocol_route(serving, "login_continue", SLICE("/login/continue"), "GET", login_continue);
}

static enum status add_developer_routes(struct serving *serving)
{
    static const struct {
        const char *name, *path, *method;
        const struct step *steps;
    } pages[] = {
        {"clients", "/developer/applications", "GET", clients_show},
        {"client_new", "/developer/applications/new", "GET", client_new_show},
        {"client_register", "/developer/applications/new", "POST", client_new_submit},
        {"client", "/developer/applications/{id}", "GET", client_show_own},
        {"try", "/developer/try", "GET", try_request_show},
        {"try_submit", "/developer/try", "POST", try_request_submit},
        {"client_do", "/developer/applications/{id}", "POST", client_do},
    };
    bool is_off = serving->app.config->registration == REGISTRATION_OFF;
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        TRY(add_protocol_route(serving, pages[i].name, slice_str(pages[i].path), pages[i].method,
                               is_off ? clients_off : pages[i].steps));
    return STATUS_OK;
}

static enum status add_routes(struct serving *serving)
{
    const struct config *config = serving->app.config;
    TRY(add_protocol_route(serving, "initiate", config->initiate_path, "POST", temp_credential_issue));
    TRY(add_protocol_route(serving, "token", config->token_path, "POST", token_exchange));
    TRY(add_protocol_route(serving, "authorize", config->authorize_path, "GET", authorize_show));
    TRY(add_protocol_route(serving, "authorize_decide", config->authorize_path, "POST", authorize_decide));
    TRY(add_login_routes(serving));
    TRY(add_protocol_route(serving, "logout", SLICE("/logout"), "POST", logout_submit));
    TRY(add_protocol_route(serving, "applications", SLICE(APPLICATIONS_PATH), "GET", applications_show));
    TRY(add_protocol_route(serving, "applications_change", SLICE(APPLICATIONS_PATH), "POST", applications_change));
    TRY(add_protocol_route(serving, "security", SLICE(SECURITY_PATH), "GET", security_show));
    TRY(add_protocol_route(serving, "security_end", SLICE(SECURITY_PATH), "POST", security_end));
    TRY(add_protocol_route(serving, "password_change", SLICE(PASSWORD_CHANGE_PATH), "POST", password_change));
    TRY(add_protocol_route(serving, "style", SLICE("/style.css"), "GET,HEAD", files_style));
    TRY(add_protocol_route(serving, "brand_style", SLICE("/brand.css"), "GET,HEAD", files_brand_style));
    TRY(add_protocol_route(serving, "logo", SLICE("/logo.png"), "GET,HEAD", files_logo));
    TRY(add_protocol_route(serving, "language", SLICE("/language"), "POST", language_submit));
    TRY(add_protocol_route(serving, "problems", SLICE("/problems"), "GET,HEAD", problems_show));
    serving->routes[serving->route_count++] =
        (struct route){.name = "none", .path = "", .is_prefix = true, .steps = not_found};
    TRY(add_protocol_route(serving, "home", SLICE("/"), "GET,HEAD", home_show));
    TRY(add_protocol_route(serving, "client_logo", SLICE("/client-logo/{number}"), "GET,HEAD", client_logo_show));
    return add_developer_routes(serving);
}

static void close_blocking(void *app, bool clean)
{
    struct serving *serving = app;
    if (serving->app.passwords)
        worker_pool_free_blocking(serving->app.passwords, WORKER_POOL_DROP);
    provider_close_blocking(&serving->provider, clean);
    endings_free(serving->endings); /* after the feed, which it hears */
    look_holder_free(serving->app.look);
    bearers_free(serving->app.bearers);
    free(serving);
}

/* Each hash takes a core and 16 MB: never more at once than there are cores, nor than the operator gave us of them. */
static struct worker_pool *new_password_pool(const struct config *config)
{
    long threads = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads > config->workers)
        threads = (long)config->workers;
    const struct worker_pool_config pool = {
        .name = "passwords", .thread_count = threads > 0 ? (size_t)threads : 1, .queue_max = PASSWORD_QUEUE};
    return worker_pool_new(&pool);
}

#define ADMIN "/admin/v1/"

#define ADMIN_ROUTE(handler, rest, method, table)                                       \
    {                                                                                   \
        .name = "admin_" handler, .path = ADMIN rest, .methods = method, .steps = table \
    }

static const struct route admin_routes[] = {
    ADMIN_ROUTE("clients", "clients", "GET", client_deeds_list),
    ADMIN_ROUTE("client_create", "clients", "POST", client_deeds_create),
    ADMIN_ROUTE("client", "clients/{id}", "GET", client_deeds_show),
    ADMIN_ROUTE("client_change", "clients/{id}", "PATCH", client_deeds_change),
    ADMIN_ROUTE("client_delete", "clients/{id}", "DELETE", client_deeds_delete),
    ADMIN_ROUTE("client_disable", "clients/{id}/disable", "POST", client_deeds_disable),
    ADMIN_ROUTE("client_enable", "clients/{id}/enable", "POST", client_deeds_enable),
    ADMIN_ROUTE("client_approve", "clients/{id}/approve", "POST", client_deeds_approve),
    ADMIN_ROUTE("client_reject", "clients/{id}/reject", "POST", client_deeds_reject),
    ADMIN_ROUTE("client_rotate", "clients/{id}/rotate-secret", "POST", client_deeds_rotate),
    ADMIN_ROUTE("client_secrets", "clients/{id}/secrets", "GET", client_deeds_secrets),
    ADMIN_ROUTE("client_keys", "clients/{id}/keys", "GET", client_deeds_keys),
    ADMIN_ROUTE("client_tokens", "clients/{id}/tokens", "GET", token_deeds_of_client),
    ADMIN_ROUTE("tokens", "tokens", "GET", token_deeds_list),
    ADMIN_ROUTE("tokens_revoke", "tokens", "DELETE", token_deeds_revoke_all),
    ADMIN_ROUTE("token_issue", "tokens", "POST", token_deeds_issue),
    ADMIN_ROUTE("token", "tokens/{jti}", "GET", token_deeds_show),
    ADMIN_ROUTE("token_revoke", "tokens/{jti}", "DELETE", token_deeds_revoke),
    ADMIN_ROUTE("users", "users", "GET", user_deeds_list),
    ADMIN_ROUTE("user_create", "users", "POST", user_deeds_create),
    ADMIN_ROUTE("user", "users/{sub}", "GET", user_deeds_show),
    ADMIN_ROUTE("user_delete", "users/{sub}", "DELETE", user_deeds_delete),
    ADMIN_ROUTE("user_disable", "users/{sub}/disable", "POST", user_deeds_disable),
    ADMIN_ROUTE("user_enable", "users/{sub}/enable", "POST", user_deeds_enable),
    ADMIN_ROUTE("audit", "audit", "GET", audit_deeds_list),
    ADMIN_ROUTE("seal", "seal", "GET", seal_deeds_show),
    ADMIN_ROUTE("seal_rewrite", "seal", "POST", seal_deeds_rewrite),
    {.name = "admin_import",
     .path = ADMIN "import",
     .methods = "POST",
     .steps = import_deeds_take,
     .body_max_bytes = INTAKE_BODY_MAX_BYTES},
    ADMIN_ROUTE("resource_servers", "resource-servers", "GET", resource_server_deeds_list),
    ADMIN_ROUTE("resource_server_create", "resource-servers", "POST", resource_server_deeds_create),
    ADMIN_ROUTE("resource_server", "resource-servers/{name}", "GET", resource_server_deeds_show),
    ADMIN_ROUTE("resource_server_revoke", "resource-servers/{name}", "DELETE", resource_server_deeds_revoke),
    ADMIN_ROUTE("resource_server_rotate_key", "resource-servers/{name}/rotate-key", "POST",
                resource_server_deeds_rotate),
    {.name = "admin_authorization_request",
     .path = ADMIN "authorization-requests/{challenge}",
     .methods = "GET",
     .steps = authorization_request_show},
    {.name = "admin_authorization_request_accept",
     .path = ADMIN "authorization-requests/{challenge}/accept",
     .methods = "PUT",
     .steps = authorization_request_accept},
    {.name = "admin_authorization_request_reject",
     .path = ADMIN "authorization-requests/{challenge}/reject",
     .methods = "PUT",
     .steps = authorization_request_reject},
    {.name = "admin_user_sessions",
     .path = ADMIN "users/{sub}/sessions",
     .methods = "DELETE",
     .steps = user_sessions_end},
};

static enum status open_look(struct app *app, struct buf *why)
{
    struct look *look = NULL;
    TRY(look_read_blocking(app->config, why, &look));
    app->look = look_holder_new(look);
    if (app->look)
        return STATUS_OK;
    look_free(look);
    return STATUS_NO_MEMORY;
}

/* What pages are made of, and who may call the admin port, is read first: with a fault in it all stays as it was. */
static enum status on_auth_reload_blocking(void *provider, const struct config *fresh, struct buf *why)
{
    struct serving *serving = (struct serving *)((char *)provider - offsetof(struct serving, provider));
    struct look *look = NULL;
    struct bearers *bearers = NULL;
    TRY(look_read_blocking(fresh, why, &look));
    enum status status = bearers_read(fresh, &bearers);
    if (status == STATUS_OK)
        status = provider_on_reload_blocking(provider, fresh, why);
    if (status != STATUS_OK) {
        look_free(look);
        bearers_free(bearers);
        return status;
    }
    look_holder_replace(serving->app.look, look);
    bearers_replace(serving->app.bearers, bearers);
    return STATUS_OK;
}

/* Where sessions and temporary credentials are kept in Redis they outlive this process. */
static enum status open_endings(struct serving *serving, const struct service_start *start)
{
    bool outlive = ephemeral_kind_of(start->config->redis_url)->is_shared;
    const struct endings_options options = {
        .loop = start->loops[0],
        .ephemeral = serving->provider.loops[0].ephemeral,
        .durable = serving->provider.durable,
        .feed = serving->provider.feed,
        .look_back_ms = outlive ? SESSION_TTL_MS : 0,
    };
    return endings_new(&options, &serving->endings);
}

static enum status open_app(struct serving *serving, const struct service_start *start, struct buf *why)
{
    struct app *app = &serving->app;
    app->config = start->config;
    TRY(open_look(app, why));
    TRY(provider_open_blocking(start->config, "auth-service", start->clock, start->loops, start->loop_count, why,
                               &serving->provider));
    app->rules = serving->provider.rules;
    app->durable = serving->provider.durable;
    app->loops = serving->provider.loops;
    app->keys = serving->provider.keys;
    TRY(open_endings(serving, start));
    app->passwords = new_password_pool(start->config);
    if (!app->passwords)
        return STATUS_NO_MEMORY;
    TRY(service_metrics_register());
    TRY(decision_log_register());
    TRY(bearers_read(start->config, &app->bearers));
    return add_routes(serving);
}

static enum status open_auth_blocking(const struct service_start *start, struct buf *why,
                                      struct service_parts *ret_parts)
{
    struct serving *serving = calloc(1, sizeof *serving);
    if (!serving)
        return STATUS_NO_MEMORY;
    enum status status = open_app(serving, start, why);
    if (status != STATUS_OK) {
        close_blocking(serving, true);
        return status;
    }
    *ret_parts =
        (struct service_parts){.app = &serving->app,
                               .stores = &serving->provider,
                               .routes = serving->routes,
                               .route_count = serving->route_count,
                               .admin_routes = admin_routes,
                               .admin_route_count = bearers_count(serving->app.bearers) ? COUNT_OF(admin_routes) : 0};
    return STATUS_OK;
}

static int run_serve(const struct command_line *line)
{
    static const struct service service = {
        .name = "auth-service",
        .config_service = CONFIG_AUTH,
        .open_blocking = open_auth_blocking,
        .reload_blocking = on_auth_reload_blocking,
        .close_blocking = close_blocking,
        .write_trouble = provider_on_write_trouble,
        .write_note = provider_on_write_note,
        .ready_checks = {{"database", provider_on_check_database, provider_on_write_issued},
                         {"ephemeral", provider_on_check_ephemeral, NULL}},
        .ready_check_count = 2,
        .measure = provider_on_measure,
    };
    return service_serve(&service, line->config);
}

static enum status check_blocking(const struct config *config, struct buf *problems)
{
    struct look *look = NULL;
    enum status pages = look_read_blocking(config, problems, &look);
    if (pages == STATUS_OK)
        look_free(look);
    enum status stores = provider_check_blocking(config, problems);
    return stores != STATUS_OK ? stores : pages;
}

static const struct command serve = {
    .name = "serve",
    .arguments = "",
    .summary = "serves until SIGTERM",
    .example = "  OAUTH1_DEV=true auth-service serve",
    .check_config = command_check_blocking,
    .needs_config = true,
    .lists_config = true,
    .run = run_serve,
};

#define METHOD_WORD(name, ...) "|" name
static const struct command_choice choices[] = {{"METHOD", &(SIGNATURE_METHODS(METHOD_WORD))[1]}, {0}};
#undef METHOD_WORD

static int run_program(const struct command *commands, int argc, char **argv)
{
    const struct program program = {
        .name = "auth-service",
        .summary = "an OAuth 1.0a (RFC 5849) authorization server",
        .service = CONFIG_AUTH,
        .choices = choices,
        .commands = commands,
        .check_blocking = check_blocking,
    };
    return command_main(&program, argc, argv);
}

int main(int argc, char **argv)
{
    const struct command commands[] = {
        serve,
        cli_migrate_up,
        cli_migrate_status,
        cli_client_create,
        cli_client_list,
        cli_client_get,
        cli_client_update,
        cli_client_rotate_secret,
        cli_client_disable,
        cli_client_enable,
        cli_client_approve,
        cli_client_reject,
        cli_client_import,
        cli_client_export,
        cli_client_delete,
        cli_user_create,
        cli_user_list,
        cli_user_set_password,
        cli_user_disable,
        cli_user_enable,
        cli_user_delete,
        cli_user_set_local_subject,
        cli_user_import,
        cli_user_export,
        cli_resource_server_create,
        cli_resource_server_list,
        cli_resource_server_rotate_key,
        cli_resource_server_revoke,
        cli_token_list,
        cli_token_revoke,
        cli_token_import,
        cli_token_export,
        cli_seal_status,
        cli_seal_rewrite,
        cli_seal_forget,
        cli_nonces_guard,
        cli_janitor,
        cli_audit_show,
        cli_why,
        cli_pages_export,
        command_config_check,
        command_config_print,
        command_healthcheck,
        command_completion,
        command_man,
        cli_sign,
        cli_explain,
        cli_perform_three_legged,
        {0},
    };
    return run_program(commands, argc, argv);
}
