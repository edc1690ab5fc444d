#include "store/next_password.h"

#include "base/wipe.h"

void next_password_init(struct next_password *next)
{
    *next = (struct next_password){0};
    (void)pthread_mutex_init(&next->lock, NULL);
}

void next_password_done(struct next_password *next)
{
    (void)pthread_mutex_destroy(&next->lock);
    wipe_bytes(next->text, sizeof next->text);
}

void next_password_set(struct next_password *next, const char text[PASSWORD_BYTES])
{
    (void)pthread_mutex_lock(&next->lock);
    memcpy(next->text, text, sizeof next->text);
    next->is_known = true;
    (void)pthread_mutex_unlock(&next->lock);
}

bool next_password_get(struct next_password *next, char ret_text[PASSWORD_BYTES])
{
    if (!next)
        return false;
    (void)pthread_mutex_lock(&next->lock);
    bool is_known = next->is_known;
    if (is_known)
        memcpy(ret_text, next->text, sizeof next->text);
    (void)pthread_mutex_unlock(&next->lock);
    return is_known;
}
