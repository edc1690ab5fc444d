/* sealing_use: what those who write secrets do for the table of keys. Only this room includes it. */
#ifndef COUNTERSIGN_DURABLE_SEALING_USE_H
#define COUNTERSIGN_DURABLE_SEALING_USE_H

#include "durable/durable.h"

/* 1 if the key (one parameter: its id) is in use, and then, on MySQL, until the commit; else 0. */
#define SEALING_KEY_IN_USE \
    "COALESCE((SELECT 1 FROM sealing_keys WHERE id = ? AND retiring = 0 /*! LOCK IN SHARE MODE */), 0)"

/* Writes down that the first key is in use. Within a transaction it stays so until the commit. `ret_was_missing`: it
 * was not written down before. */
MUST_USE enum status sealing_key_use(struct durable *db, bool *ret_was_missing);

#endif
