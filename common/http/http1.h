/* http1: the grammar of HTTP/1.1 messages (RFC 9112), strict: every byte has one reading, or the message is refused.
 *
 * Nothing here waits, sends or takes memory. What a request's parts mean (which headers may be there twice, whether
 * target and Host agree) is request_check's. */
#ifndef COUNTERSIGN_HTTP_HTTP1_H
#define COUNTERSIGN_HTTP_HTTP1_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "http/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http1_progress {
    HTTP1_MORE,      /* as far as it goes it is right */
    HTTP1_WHOLE,     /* the end was found */
    HTTP1_WRONG,     /* 400 */
    HTTP1_TOO_LARGE, /* 413 */
};

/* How far a head was looked at; zeroed at the start of a message. */
struct http1_scan {
    size_t at;         /* bytes that need not be looked at again */
    size_t line_begin; /* of the line that is under way */
    size_t lines;      /* that ended, the request line included */
};

/* Looks for the empty line that ends a head. `bytes` begin with the message and grow from call to call. WHOLE:
 * *ret_len is the head's length, the empty line included. WRONG: a line does not end with CR LF; *ret_wrong is a
 * literal. */
MUST_USE enum http1_progress http1_find_end(struct http1_scan *scan, struct slice bytes, size_t *ret_len,
                                            const char **ret_wrong);

struct http1_head {
    struct slice method;
    struct slice target;
    int version_major;
    int version_minor;
};

/* Takes apart a head that http1_find_end found (RFC 9112 §3, §5). `headers` has room for a line less than it counted.
 * Slices point into `head`. Returns NULL, or a literal that says what is wrong. */
MUST_USE const char *http1_parse(struct slice head, struct http1_head *ret_head, struct header *headers,
                                 size_t header_count);

/* Where in a chunked body (RFC 9112 §7.1) the next byte is; zeroed at its start. */
struct http1_chunks {
    enum {
        CHUNK_SIZE,
        CHUNK_EXTENSION,
        CHUNK_SIZE_END,
        CHUNK_DATA,
        CHUNK_DATA_CR,
        CHUNK_DATA_LF,
        TRAILER_BEGIN,
        TRAILER_NAME,
        TRAILER_VALUE,
        TRAILER_LF,
        CHUNKS_LF,
        CHUNKS_END,
    } state;
    uint64_t left;    /* of the chunk */
    size_t digits;    /* of its size so far */
    size_t odd_bytes; /* of extensions and trailers in all: they are bounded, and dropped */
};

/* Takes what belongs to the body off the front of *bytes, and adds the data to `out` (at most `max` bytes in all, else
 * TOO_LARGE). WRONG: *ret_wrong is a literal. The caller has to look at out->failed. */
MUST_USE enum http1_progress http1_take_chunks(struct http1_chunks *chunks, struct slice *bytes, size_t max,
                                               struct buf *out, const char **ret_wrong);

#endif
