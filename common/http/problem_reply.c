#include "http/problem_reply.h"

#include "base/buf.h"
#include "json/json_writer.h"

static const struct {
    int http_status;
    const char *phrase;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *http_reason(int http_status)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].http_status == http_status)
            return reasons[i].phrase;
    return "Unknown";
}

static bool has_header(const struct reply *reply, struct slice name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (slice_eq_nocase(reply->headers[i].name, name))
            return true;
    return false;
}

/* `error` may be NULL. */
static void write_problem(struct request *request, int http_status, const struct problem_detail *problem,
                          const char *error)
{
    if (request->reply.http_status != http_status)
        request_reply_start(request, http_status);
    struct buf body = buf_in(&request->arena);
    struct json_writer json = json_writer(&body);
    json_begin_object(&json);
    json_member_text(&json, "type", problem->type ? problem->type : "about:blank");
    json_member_text(&json, "title", problem->title ? problem->title : http_reason(http_status));
    json_member_int(&json, "status", http_status);
    if (error)
        json_member_text(&json, "error", error);
    json_member_if(&json, "detail", problem->detail);
    json_member_string(&json, "request_id", request_id(request));
    if (problem->report) {
        json_name(&json, problem->report);
        json_raw(&json, problem->report_json);
    }
    json_end_object(&json);
    request_reply_header(request, "Cache-Control", SLICE("no-store"));
    bool is_temporary = http_status == 429 || http_status == 503;
    if (is_temporary && !has_header(&request->reply, SLICE("Retry-After")))
        request_reply_header(request, "Retry-After", SLICE("1"));
    if (!body.failed)
        request_reply_body(request, "application/problem+json", buf_slice(&body));
    request_reply_send(request);
}

void problem_reply(struct request *request, int http_status, const struct problem_detail *problem)
{
    write_problem(request, http_status, problem, NULL);
}

void problem_reply_titled(struct request *request, enum status status, const char *title, struct slice detail)
{
    struct problem_detail problem = {.title = title, .detail = detail};
    write_problem(request, status_http(status), &problem, status_error(status));
}

void problem_reply_status(struct request *request, enum status status, struct slice detail)
{
    problem_reply_titled(request, status, status_text(status), detail);
}
