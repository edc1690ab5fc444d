#include "service/reload.h"

#include "base/log.h"

/* ---- on its thread ---- */

/* What it brings is taken over by copies, so that it ends here. */
static enum status reload_config(const struct reload *reload, struct buf *why)
{
    struct config fresh;
    TRY(config_reload(reload->config, &fresh, why));
    enum status status = reload->service->reload_blocking(reload->stores, &fresh, why);
    config_done(&fresh);
    return status;
}

static void log_failure(const char *what, enum status status, struct buf *why)
{
    struct buf text = BUF_INIT;
    if (status == STATUS_OK)
        return;
    buf_add_joined(&text, buf_slice(why), "; ");
    log_line(LOG_ERROR, what, LOG_TEXT("problem", status_text(status)), LOG_SLICE("why", buf_slice(&text)));
    buf_done(&text);
}

static void reload_blocking(struct job *job, void *thread_context)
{
    const struct reload *reload = (const struct reload *)job;
    struct buf why = BUF_INIT;
    (void)thread_context;
    enum status config = reload->service->reload_blocking ? reload_config(reload, &why) : STATUS_OK;
    log_failure("the configuration stays as it was", config, &why);
    buf_reset(&why);
    enum status tls = reload->tls ? tls_reload_blocking(reload->tls, &why) : STATUS_OK;
    log_failure("the certificate stays as it was", tls, &why);
    if (config == STATUS_OK && tls == STATUS_OK)
        log_line(LOG_INFO, "reloaded", LOG_BOOL("tls", reload->tls != NULL));
    buf_done(&why);
}

/* ---- on the loop ---- */

static void on_reloaded(struct job *job)
{
    struct reload *reload = (struct reload *)job;
    reload->is_running = false;
    if (reload->is_wanted)
        reload_begin(reload);
}

void reload_begin(struct reload *reload)
{
    reload->is_wanted = reload->is_running;
    if (reload->is_running || !reload->worker)
        return;
    reload->is_running = true;
    (void)!worker_pool_submit(reload->worker, &reload->job, STATUS_SLOW_DOWN); /* there is room for the one */
}

enum status reload_open(struct reload *reload, struct loop *loop)
{
    const struct worker_pool_config config = {.name = "reload", .thread_count = 1, .queue_max = 1};
    reload->job = (struct job){.run_blocking = reload_blocking, .done = on_reloaded, .loop = loop};
    reload->worker = worker_pool_new(&config);
    return reload->worker ? STATUS_OK : STATUS_NO_MEMORY;
}

void reload_close_blocking(struct reload *reload)
{
    worker_pool_free_blocking(reload->worker, WORKER_POOL_DROP);
    reload->worker = NULL;
}
