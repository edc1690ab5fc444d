#include "crypto/password.h"

#include "crypto/random.h"

#include <crypt.h>
#include <string.h>

/* Of a password that nobody has: what is verified where there is no user, at the same cost as a real one. */
static const char nobodys_hash[] = "$y$j9T$C8.NQiU/BPfKnDKj4i2Di/$yDmRq6nBY/GGhu.jDAdXtfr8S/SmKIbwrRbaQbJHVM9";

static bool is_usable(struct slice password)
{
    return password.len > 0 && password.len <= PASSWORD_MAX_BYTES && memchr(password.ptr, '\0', password.len) == NULL;
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
    return password_kind_crypt(password, setting, out) ? STATUS_OK : STATUS_NO_MEMORY;
}

bool password_verify_blocking(struct slice password, struct slice hash)
{
    struct password_work work;
    const char *why = NULL;
    bool nobody = password_kind_judge(hash, &work, &why) != STATUS_OK;
    if (!is_usable(password))
        return false;
    bool equal = password_kind_verify_blocking(password, nobody ? slice_str(nobodys_hash) : hash);
    return equal && !nobody;
}

bool password_is_ours(struct slice hash)
{
    return slice_starts_with(hash, SLICE("$y$"));
}
