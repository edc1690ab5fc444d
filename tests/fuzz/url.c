/* URLs: what is taken is absolute and clean, its path is a part of the text, and the base string URI
 * of the base string URI is itself. */
#include "oauth/url.h"

#include "support/fuzz.h"

static bool is_part_of(struct slice part, struct slice text)
{
    return part.len == 0 || (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len);
}

static void check_parts(const struct oauth_url *url, struct slice text)
{
    require(url->host.len > 0 && url->host.len <= 255 && is_part_of(url->host, text));
    require(url->path.len > 0 && url->path.ptr[0] == '/');
    require(is_part_of(url->path, text) || slice_eq(url->path, SLICE("/")));
    require(is_part_of(url->query, text) && slice_find(url->path, '?') == url->path.len);
    for (size_t i = 0; i < text.len; i++)
        require((unsigned char)text.ptr[i] > ' ' && text.ptr[i] != 0x7F && text.ptr[i] != '#');
}

static void check_written(const struct oauth_url *url)
{
    struct buf first = BUF_INIT;
    struct buf second = BUF_INIT;
    struct oauth_url again = {0};
    struct problem problem = {0};
    oauth_url_write_base_uri(url, &first);
    require(!first.failed && oauth_url_parse(buf_slice(&first), &again, &problem) == STATUS_OK);
    require(again.https == url->https && oauth_url_port(&again) == oauth_url_port(url) && again.query.len == 0);
    require(slice_eq_nocase(again.host, url->host) && slice_eq(again.path, url->path));
    oauth_url_write_base_uri(&again, &second);
    require(slice_eq(buf_slice(&first), buf_slice(&second)));
    buf_done(&second);
    buf_done(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct oauth_url url = {0};
    struct problem problem = {0};
    enum status status = oauth_url_parse(text, &url, &problem);
    require(status == STATUS_OK || (status == STATUS_MALFORMED && problem.status == status && problem.detail));
    if (status == STATUS_OK) {
        check_parts(&url, text);
        check_written(&url);
    }
    return 0;
}
