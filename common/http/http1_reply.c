#include "http/http1_reply.h"

#include "http/problem_reply.h"

#include <stdio.h>
#include <time.h>

void http_date(char date[HTTP_DATE_BYTES])
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc))
        (void)snprintf(date, HTTP_DATE_BYTES, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday,
                       months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static void add_header_line(struct buf *out, struct slice name, struct slice value)
{
    buf_add(out, name);
    buf_add(out, SLICE(": "));
    buf_add(out, value);
    buf_add(out, SLICE("\r\n"));
}

void http1_write_head(const struct reply *reply, const char *date, const char *connection, struct buf *out)
{
    buf_add(out, SLICE("HTTP/1.1 "));
    buf_add_u64(out, (uint64_t)reply->http_status);
    buf_add_byte(out, ' ');
    buf_add_str(out, http_reason(reply->http_status));
    buf_add(out, SLICE("\r\n"));
    for (size_t i = 0; i < reply->header_count; i++)
        add_header_line(out, reply->headers[i].name, reply->headers[i].value);
    add_header_line(out, SLICE("Date"), slice_str(date));
    if (http_has_content(reply->http_status)) {
        buf_add(out, SLICE("Content-Length: "));
        buf_add_u64(out, reply->body.len);
        buf_add(out, SLICE("\r\n"));
    }
    if (connection)
        add_header_line(out, SLICE("Connection"), slice_str(connection));
    buf_add(out, SLICE("\r\n"));
}
