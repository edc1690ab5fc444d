#include "base/case_fold.h"

#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* The process's own locale says nothing about the names that it keeps. */
static locale_t unicode;
static pthread_once_t is_opened = PTHREAD_ONCE_INIT;

static void open_unicode(void)
{
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static void add_lower(wchar_t letter, mbstate_t *state, struct buf *out)
{
    char bytes[MB_LEN_MAX];
    size_t len = wcrtomb(bytes, (wchar_t)towlower((wint_t)letter), state);
    if (len <= sizeof bytes)
        buf_add(out, slice_of(bytes, len));
}

static void add_folded(struct slice text, struct buf *out)
{
    mbstate_t reading = {0};
    mbstate_t writing = {0};
    for (size_t i = 0; i < text.len;) {
        wchar_t letter = 0;
        size_t len = mbrtowc(&letter, text.ptr + i, text.len - i, &reading);
        if (len == 0 || len > text.len - i) { /* a NUL, or no UTF-8 */
            buf_add_byte(out, text.ptr[i]);
            reading = (mbstate_t){0};
            i++;
            continue;
        }
        add_lower(letter, &writing, out);
        i += len;
    }
}

void case_fold(struct slice text, struct buf *out)
{
    (void)pthread_once(&is_opened, open_unicode);
    locale_t before = unicode ? uselocale(unicode) : (locale_t)0;
    add_folded(text, out);
    if (before)
        (void)uselocale(before);
}
