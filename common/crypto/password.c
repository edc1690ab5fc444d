#include "crypto/password.h"

#include "base/wipe.h"
#include "crypto/ct.h"
#include "crypto/random.h"

#include <assert.h>
#include <crypt.h>
#include <string.h>

static_assert(PASSWORD_HASH_BYTES >= CRYPT_OUTPUT_SIZE, "a hash must fit");

/* Of a password that nobody has: what is verified where there is no user, at the same cost as a real one. */
static const char nobodys_hash[] = "$y$j9T$C8.NQiU/BPfKnDKj4i2Di/$yDmRq6nBY/GGhu.jDAdXtfr8S/SmKIbwrRbaQbJHVM9";

static bool is_usable(struct slice password)
{
    return password.len > 0 && password.len <= PASSWORD_MAX_BYTES && memchr(password.ptr, '\0', password.len) == NULL;
}

/* Writes what the password becomes under `setting` (a salt, or a whole hash); false if the setting is no good. */
static bool run_crypt(struct slice password, const char *setting, char out[PASSWORD_HASH_BYTES])
{
    char phrase[PASSWORD_MAX_BYTES + 1];
    struct crypt_data data = {0};
    memcpy(phrase, password.ptr, password.len);
    phrase[password.len] = '\0';
    const char *hash = crypt_r(phrase, setting, &data);
    bool done = hash && hash[0] != '*';
    if (done)
        memcpy(out, hash, strlen(hash) + 1);
    wipe_bytes(phrase, sizeof phrase);
    wipe_bytes(&data, sizeof data);
    return done;
}

enum status password_hash_blocking(struct slice password, char out[PASSWORD_HASH_BYTES])
{
    char salt_bytes[16];
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!is_usable(password))
        return STATUS_BAD_INPUT;
    TRY(random_bytes(salt_bytes, sizeof salt_bytes));
    if (!crypt_gensalt_rn("$y$", 0, salt_bytes, sizeof salt_bytes, setting, sizeof setting))
        return STATUS_NO_MEMORY;
    return run_crypt(password, setting, out) ? STATUS_OK : STATUS_NO_MEMORY;
}

bool password_verify_blocking(struct slice password, struct slice hash)
{
    char expected[PASSWORD_HASH_BYTES];
    char actual[PASSWORD_HASH_BYTES];
    bool nobody = hash.len == 0 || hash.len >= sizeof expected;
    if (!is_usable(password))
        return false;
    struct slice wanted = nobody ? slice_str(nobodys_hash) : hash;
    memcpy(expected, wanted.ptr, wanted.len);
    expected[wanted.len] = '\0';
    bool equal = run_crypt(password, expected, actual) && ct_equal(slice_str(actual), slice_str(expected));
    wipe_bytes(actual, sizeof actual);
    return equal && !nobody;
}
