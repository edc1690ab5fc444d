#include "login/device.h"

#include "base/base64.h"
#include "base/buf.h"
#include "crypto/ct.h"
#include "crypto/digest.h"
#include "crypto/random.h"

#include <string.h>

enum status device_make(struct device *ret_device)
{
    *ret_device = (struct device){0};
    return random_bytes(ret_device->id, sizeof ret_device->id);
}

static const struct slice row = SLICE_INIT("device"); /* what a cookie is sealed for */

static enum status digest_password(const struct user *user, unsigned char out[DEVICE_PASSWORD_BYTES])
{
    unsigned char digest[DIGEST_MAX_BYTES];
    TRY(digest_bytes(DIGEST_SHA256, user->password_hash, digest));
    memcpy(out, digest, DEVICE_PASSWORD_BYTES);
    return STATUS_OK;
}

bool device_read(const struct keyring *keys, struct slice cookie, struct arena *arena, struct device *ret_device)
{
    char *sealed = arena_bytes(arena, cookie.len);
    struct buf opened = buf_in(arena);
    size_t len = 0;
    if (!sealed || !base64_decode(cookie, sealed, &len) ||
        sealed_open(keys, slice_of(sealed, len), row, &opened) != STATUS_OK || opened.len != sizeof *ret_device)
        return false;
    memcpy(ret_device, opened.ptr, sizeof *ret_device);
    return true;
}

bool device_is_of(const struct device *device, const struct user *user)
{
    unsigned char now[DEVICE_PASSWORD_BYTES] = {0};
    return device->user == user->id && digest_password(user, now) == STATUS_OK &&
           ct_equal(slice_of((const char *)now, sizeof now),
                    slice_of((const char *)device->password, sizeof device->password));
}

enum status device_write(const struct keyring *keys, const struct device *device, const struct user *user,
                         struct arena *arena, struct slice *ret_cookie)
{
    struct device written = *device;
    struct buf sealed = buf_in(arena);
    written.user = user->id;
    TRY(digest_password(user, written.password));
    TRY(sealed_seal(keys, slice_of((const char *)&written, sizeof written), row, &sealed));
    char *text = arena_bytes(arena, BASE64_LEN(sealed.len));
    if (!text)
        return STATUS_NO_MEMORY;
    base64_encode(buf_slice(&sealed), text);
    *ret_cookie = slice_of(text, BASE64_LEN(sealed.len));
    return STATUS_OK;
}
