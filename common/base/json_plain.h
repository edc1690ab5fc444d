/* json_plain: the bytes of a JSON string that stand for themselves, read and written (RFC 8259 §7). */
#ifndef COUNTERSIGN_BASE_JSON_PLAIN_H
#define COUNTERSIGN_BASE_JSON_PLAIN_H

#include "base/block.h"
#include "base/slice.h"

/* How many bytes at the front are printable ASCII, and neither '"' nor '\\'. */
static inline size_t json_plain_run(struct slice text)
{
    size_t at = 0;
    for (size_t run = BLOCK_BYTES; run == BLOCK_BYTES && text.len - at >= BLOCK_BYTES; at += run)
        run = block_run(block_json_plain(block_load(text.ptr + at)));
    if (text.len - at >= BLOCK_BYTES)
        return at;
    for (; at < text.len; at++) {
        unsigned char byte = (unsigned char)text.ptr[at];
        if (byte < ' ' || byte > '~' || byte == '"' || byte == '\\')
            break;
    }
    return at;
}

#endif
