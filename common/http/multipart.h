/* multipart: multipart/form-data bodies (RFC 7578) as the fields of a form.
 *
 * As browsers write them and no other way: no text before the first boundary or behind the last, one
 * Content-Disposition a part, names without escapes. What a file is called and what type it claims to have is not
 * looked at: its bytes are the field's value. Values are slices of the body, whatever bytes are in them. */
#ifndef COUNTERSIGN_HTTP_MULTIPART_H
#define COUNTERSIGN_HTTP_MULTIPART_H

#include "http/form.h"

/* `content_type` is the header's value, which names the boundary. MALFORMED: the body is not of that form, or has more
 * than FORM_FIELDS_MAX parts. NO_MEMORY. */
MUST_USE enum status multipart_parse(struct arena *arena, struct slice content_type, struct slice body,
                                     struct form *ret_form);

#endif
