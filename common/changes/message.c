#include "changes/message.h"

#include "base/percent.h"

enum { MESSAGE_BYTES = 16 * 1024, ID_MAX_BYTES = 1024 };

void change_message_write(const struct change_page *changes, size_t *from, struct buf *out)
{
    for (; *from < changes->count && out->len < MESSAGE_BYTES; ++*from) {
        const struct change *change = &changes->changes[*from];
        buf_add(out, SLICE("1 "));
        buf_add_str(out, change_kind_name(change->kind));
        buf_add_byte(out, ' ');
        buf_add_str(out, change_event_name(change->event));
        buf_add_byte(out, ' ');
        percent_encode(out, change->id);
        buf_add_byte(out, '\n');
    }
}

static struct slice next_word(struct slice *rest)
{
    bool more = false;
    return slice_cut(rest, ' ', &more);
}

static enum status read_change_line(struct slice line, void (*tell)(void *context, const struct change *change),
                                    void *context)
{
    char id[ID_MAX_BYTES];
    struct change change = {0};
    size_t len = 0;
    struct slice version = next_word(&line);
    struct slice kind = next_word(&line);
    struct slice event = next_word(&line);
    if (!slice_eq(version, SLICE("1")) || !change_kind_of(kind, &change.kind) ||
        !change_event_of(event, &change.event) || line.len > sizeof id ||
        !percent_decode(line, PLUS_LITERAL, id, &len) || len == 0)
        return STATUS_BAD_INPUT;
    change.id = slice_of(id, len);
    tell(context, &change);
    return STATUS_OK;
}

enum status change_message_read(struct slice message, void (*tell)(void *context, const struct change *change),
                                void *context)
{
    enum status status = STATUS_OK;
    for (bool more = message.len > 0; more;) {
        struct slice line = slice_cut(&message, '\n', &more);
        if (line.len && read_change_line(line, tell, context) != STATUS_OK)
            status = STATUS_BAD_INPUT;
    }
    return status;
}
