/* What is taken for a picture is one throughout: nothing comes behind its last chunk, and none of its bytes may differ.
 */
#include "look/picture.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char end[] = "\0\0\0\0IEND\xae\x42\x60\x82";
    const char *why = NULL;
    struct slice bytes = slice_of(data, size);
    bool is_good = picture_check(bytes, &why);
    require(is_good || why != NULL);
    if (!is_good)
        return 0;
    require(size <= PICTURE_MAX_BYTES && size > 8 + 25 + 12);
    require(memcmp(data + size - 12, end, 12) == 0);
    require(!picture_check(slice_sub(bytes, 0, size - 1), &why));
    char *changed = malloc(size);
    require(changed != NULL);
    memcpy(changed, data, size);
    changed[size / 2] ^= 1;
    require(!picture_check(slice_of(changed, size), &why));
    free(changed);
    return 0;
}
