#include "redis/reply.h"

#include <hiredis/hiredis.h>

struct slice redis_reply_error(const struct redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return SLICE_ABSENT;
    return slice_of(reply->str, (size_t)reply->len);
}

/* What else than the expected type it may be. */
static enum status judge_unexpected(const struct redisReply *reply)
{
    return !reply || reply->type == REDIS_REPLY_ERROR ? STATUS_STORE_DOWN : STATUS_STORE_CORRUPT;
}

enum status redis_reply_ok(const struct redisReply *reply)
{
    if (!reply || reply->type != REDIS_REPLY_STATUS)
        return judge_unexpected(reply);
    return slice_eq(slice_of(reply->str, (size_t)reply->len), SLICE("OK")) ? STATUS_OK : STATUS_STORE_CORRUPT;
}

enum status redis_reply_set(const struct redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_NIL ? STATUS_CONFLICT : redis_reply_ok(reply);
}

enum status redis_reply_integer(const struct redisReply *reply, int64_t *ret_value)
{
    if (!reply || reply->type != REDIS_REPLY_INTEGER)
        return judge_unexpected(reply);
    *ret_value = reply->integer;
    return STATUS_OK;
}

enum status redis_reply_text(const struct redisReply *reply, struct slice *ret_text)
{
    if (reply && reply->type == REDIS_REPLY_NIL)
        return STATUS_NOT_FOUND;
    if (!reply || reply->type != REDIS_REPLY_STRING)
        return judge_unexpected(reply);
    *ret_text = slice_of(reply->str, (size_t)reply->len);
    return STATUS_OK;
}

enum status redis_reply_array(const struct redisReply *reply, size_t *ret_count)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        return judge_unexpected(reply);
    *ret_count = reply->elements;
    return STATUS_OK;
}

const struct redisReply *redis_reply_item(const struct redisReply *reply, size_t index)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY || index >= reply->elements)
        return NULL;
    return reply->element[index];
}

enum status redis_reply_time(const struct redisReply *reply, int64_t *ret_ms)
{
    struct slice seconds = {0};
    struct slice micros = {0};
    uint64_t s = 0;
    uint64_t us = 0;
    size_t count = 0;
    TRY(redis_reply_array(reply, &count));
    if (count != 2 || redis_reply_text(redis_reply_item(reply, 0), &seconds) != STATUS_OK ||
        redis_reply_text(redis_reply_item(reply, 1), &micros) != STATUS_OK ||
        !slice_to_u64(seconds, INT64_MAX / 2000, &s) || !slice_to_u64(micros, 999999, &us) || s == 0)
        return STATUS_STORE_CORRUPT;
    *ret_ms = (int64_t)(s * 1000 + us / 1000);
    return STATUS_OK;
}
