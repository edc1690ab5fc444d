#include "oauth/problem.h"

#include "base/percent.h"

const char *problem_text(const struct problem *problem)
{
    return problem->detail ? problem->detail : status_text(problem->status);
}

static void add_problem_pair(struct buf *out, const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    buf_add_str(out, name);
    percent_encode(out, value);
}

void problem_write_form(const struct problem *problem, struct buf *out)
{
    add_problem_pair(out, "error=", slice_str(status_error(problem->status)));
    add_problem_pair(out, "&error_description=", slice_str(problem_text(problem)));
    add_problem_pair(out, "&oauth_problem=", slice_str(status_problem(problem->status)));
    add_problem_pair(out, "&oauth_parameters_absent=", problem->absent);
    add_problem_pair(out, "&oauth_parameters_rejected=", problem->rejected);
    if (problem->acceptable_to_s > 0)
        buf_addf(out, "&oauth_acceptable_timestamps=%lld-%lld", (long long)problem->acceptable_from_s,
                 (long long)problem->acceptable_to_s);
}

void problem_write_challenge(enum status status, struct slice realm, struct buf *out)
{
    buf_add_str(out, "OAuth realm=\"");
    for (size_t i = 0; i < realm.len; i++) {
        unsigned char byte = (unsigned char)realm.ptr[i];
        if (byte == '"' || byte == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, byte < 0x20 || byte == 0x7F ? ' ' : (char)byte);
    }
    buf_add_byte(out, '"');
    if (status == STATUS_UNSIGNED || status_problem(status)[0] == '\0')
        return;
    buf_addf(out, ", oauth_problem=\"%s\"", status_problem(status));
}
