#include "support/keys.h"

#include "support/test.h"

struct keyring *keys_of(const char *text)
{
    struct keyring *keys = NULL;
    const char *why = NULL;
    assert_status(keyring_parse(slice_str(text), &keys, &why), STATUS_OK);
    return keys;
}
