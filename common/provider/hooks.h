/* hooks: how a service's reload, readiness and metrics reach its provider. They have the types that
 * service/service.h asks for, so that each main.c names them in its table; `provider` is a struct provider. */
#ifndef COUNTERSIGN_PROVIDER_HOOKS_H
#define COUNTERSIGN_PROVIDER_HOOKS_H

#include "base/attributes.h"
#include "base/buf.h"
#include "base/status.h"
#include "config/config.h"
#include "loop/flow.h"

#include <stddef.h>

/* provider_reload_blocking, provider_write_trouble, provider_write_note, provider_measure. */
MUST_USE enum status provider_on_reload_blocking(void *provider, const struct config *fresh, struct buf *why);
void provider_on_write_trouble(void *provider, struct buf *out);
void provider_on_write_note(void *provider, struct buf *out);
void provider_on_measure(void *provider);
/* Whether each store answers this loop. */
void provider_on_check_database(void *provider, size_t loop_index, struct ticket ticket);
void provider_on_check_ephemeral(void *provider, size_t loop_index, struct ticket ticket);
/* What introspection-service and auth-service still answer while the database is away; nothing: nobody is served. */
void provider_on_write_introspected(void *provider, struct buf *out);
void provider_on_write_issued(void *provider, struct buf *out);

#endif
