/* http1_reply: a reply as HTTP/1.1 writes it. */
#ifndef COUNTERSIGN_HTTP_HTTP1_REPLY_H
#define COUNTERSIGN_HTTP_HTTP1_REPLY_H

#include "base/buf.h"
#include "http/request.h"

#include <stdbool.h>

enum { HTTP_DATE_BYTES = 64 };

/* The time as a Date header has it (RFC 9110 §5.6.7), in English whatever the locale. */
void http_date(char date[HTTP_DATE_BYTES]);

/* RFC 9110 §8.6: some replies have no Content-Length; RFC 9112 §6.3: nor a body. */
static inline bool http_has_content(int http_status)
{
    return http_status >= 200 && http_status != 204 && http_status != 304;
}

/* Status line and headers, with Date, Content-Length and, if not NULL, Connection. */
void http1_write_head(const struct reply *reply, const char *date, const char *connection, struct buf *out);

#endif
