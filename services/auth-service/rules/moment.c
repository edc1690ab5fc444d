#include "rules/moment.h"

#include <string.h>
#include <time.h>

enum { TEXT_MAX = 40, AGO_DIGITS_MAX = 6 };

static bool read_ago(const char *text, int64_t now_ms, int64_t *ret_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    int64_t count = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > AGO_DIGITS_MAX || strlen(text) != digits + 1)
        return false;
    for (size_t i = 0; i < digits; i++)
        count = count * 10 + (text[i] - '0');
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (text[digits] == units[i].unit) {
            *ret_ms = now_ms - count * units[i].ms;
            return true;
        }
    return false;
}

/* ".25" is 250 ms; *end is moved behind it. */
static int64_t read_fraction(const char **end)
{
    int64_t ms = 0;
    int64_t worth = 100;
    if (**end != '.' || (*end)[1] < '0' || (*end)[1] > '9')
        return 0;
    for (++*end; **end >= '0' && **end <= '9'; ++*end, worth /= 10)
        ms += (**end - '0') * worth;
    return ms;
}

static bool read_date(const char *text, int64_t *ret_ms)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct tm utc = {0};
        const char *end = strptime(text, forms[i], &utc);
        int64_t fraction_ms = end && i == 0 ? read_fraction(&end) : 0;
        if (!end || (*end && strcmp(end, "Z") != 0))
            continue;
        *ret_ms = (int64_t)timegm(&utc) * 1000 + fraction_ms;
        return true;
    }
    return false;
}

bool moment_read(struct slice text, int64_t now_ms, int64_t *ret_ms)
{
    char memory[TEXT_MAX] = {0};
    if (text.len == 0 || text.len >= sizeof memory)
        return false;
    memcpy(memory, text.ptr, text.len);
    return read_ago(memory, now_ms, ret_ms) || read_date(memory, ret_ms);
}

void moment_write(int64_t ms, struct buf *out)
{
    char text[TEXT_MAX];
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc = {0};
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc);
    buf_add_str(out, text);
}
