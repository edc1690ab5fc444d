#include "redis/target.h"

#include "base/wipe.h"
#include "redis/cluster_locator.h"
#include "redis/sentinel.h"
#include "redis/tls.h"

enum status redis_target_open_blocking(struct slice url, struct slice password, struct buf *why,
                                       struct redis_target *ret_target)
{
    TRY(redis_url_parse(url, password, why, ret_target));
    struct redis_target *target = ret_target;
    enum status status = STATUS_OK;
    if (target->wants_tls)
        status = redis_tls_new_blocking(target->ca_file, why, &target->tls);
    if (status == STATUS_OK && target->sentinels.count)
        status = redis_sentinels_open_blocking(target, why, &target->locator);
    if (status == STATUS_OK && target->seeds.count)
        status = redis_cluster_locator_open(target, &target->locator);
    if (status != STATUS_OK)
        redis_target_done(target);
    return status;
}

void redis_target_set_passwords(struct redis_target *target, struct next_password *passwords,
                                struct next_password *sentinel_passwords)
{
    target->next_password = passwords;
    if (target->sentinels.count)
        redis_sentinels_set_passwords(target->locator, sentinel_passwords);
    if (target->seeds.count)
        redis_cluster_locator_set_passwords(target->locator, passwords);
}

bool redis_target_has_nodes(const struct redis_target *target)
{
    return target->seeds.count > 0;
}

void redis_target_take_another_node(struct redis_target *target)
{
    redis_cluster_locator_take_another(target->locator);
}

void redis_target_done(struct redis_target *target)
{
    redis_tls_free(target->tls);
    target->tls = NULL;
    redis_locator_release(target->locator);
    target->locator = NULL;
    wipe_bytes(&target->login, sizeof target->login);
    wipe_bytes(&target->sentinels.login, sizeof target->sentinels.login);
}
