/* device: a browser that its user logged in with before. Guesses that are made elsewhere do not keep it out.
 *
 * A cookie says so, sealed with the service's keys: nobody else can make one, and it says nothing to whoever reads it.
 * It ends with the user's password, and with the key that sealed it. */
#ifndef COUNTERSIGN_AUTH_SERVICE_LOGIN_DEVICE_H
#define COUNTERSIGN_AUTH_SERVICE_LOGIN_DEVICE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "crypto/sealed.h"
#include "durable/users.h"

#include <stdbool.h>
#include <stdint.h>

enum { DEVICE_ID_BYTES = 16, DEVICE_PASSWORD_BYTES = 16 };

struct device {
    int64_t user;
    unsigned char id[DEVICE_ID_BYTES];             /* random */
    unsigned char password[DEVICE_PASSWORD_BYTES]; /* a digest of the hash that the password had */
};

/* A device that nobody has seen. STATUS_NO_RANDOMNESS. */
MUST_USE enum status device_make(struct device *ret_device);
/* Reads a cookie's value, with the arena for what is in between. False: it was not written by device_write. */
MUST_USE bool device_read(const struct keyring *keys, struct slice cookie, struct arena *arena,
                          struct device *ret_device);
/* Whether it is this user's, and the password is the one that the device logged in with. */
MUST_USE bool device_is_of(const struct device *device, const struct user *user);
/* Writes the cookie's value for a user who has just logged in, into the arena. STATUS_NO_RANDOMNESS, STATUS_NO_MEMORY.
 */
MUST_USE enum status device_write(const struct keyring *keys, const struct device *device, const struct user *user,
                                  struct arena *arena, struct slice *ret_cookie);

#endif
