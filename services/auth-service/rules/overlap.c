#include "rules/overlap.h"

#include <time.h>

bool overlap_take(struct slice seconds, bool end_former, struct overlap *ret_overlap)
{
    uint64_t taken = OVERLAP_DEFAULT_S;
    bool is_good = slice_is_absent(seconds) || slice_to_u64(seconds, OVERLAP_MAX_S, &taken);
    *ret_overlap = (struct overlap){(int64_t)taken, end_former};
    return is_good;
}

void overlap_write(struct json_writer *json, const struct overlap *overlap)
{
    json_member_int(json, "overlap", overlap->seconds);
    if (overlap->end_former)
        json_member_bool(json, "end_former", true);
}

bool overlap_refuses(const struct overlap *overlap, int64_t former_until_ms, const char *thing, struct buf *why)
{
    char until[40];
    struct tm utc = {0};
    time_t seconds = (time_t)(former_until_ms / 1000);
    if (former_until_ms == 0 || overlap->seconds == 0 || overlap->end_former)
        return false;
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(until, sizeof until, "%Y-%m-%d %H:%M:%S UTC", &utc);
    buf_addf(why,
             "an earlier rotation is not over: its former %s is good until %s, and would end now; wait until then, or "
             "end it (--" OVERLAP_END_FORMER ", \"end_former\": true)",
             thing, until);
    return true;
}

bool overlap_refuses_client(const struct overlap *overlap, const struct client *client, bool is_key, int64_t now_ms,
                            struct buf *why)
{
    int64_t until_ms = is_key ? client_secret_former_until_ms(client->keys, client->key_count, now_ms)
                              : client_secret_former_until_ms(client->secrets, client->secret_count, now_ms);
    return overlap_refuses(overlap, until_ms, is_key ? "key" : "secret", why);
}
