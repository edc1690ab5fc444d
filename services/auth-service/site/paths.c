#include "site/paths.h"

#include "app/app.h"
#include "service/forwarded.h"

const char *site_path(struct request *request, const char *path)
{
    struct buf full = buf_in(&request->arena);
    buf_add(&full, app_of(request)->config->public_url.path);
    buf_add_str(&full, path);
    return buf_string(&full);
}

bool site_is_secure(const struct request *request)
{
    const struct config *config = app_of(request)->config;
    return config->insecure_transport || forwarded_is_secure(request, &config->trusted_proxies);
}
