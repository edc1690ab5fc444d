/* tls_files: the certificate, key and client CA that the configuration names. */
#ifndef COUNTERSIGN_SERVICE_TLS_FILES_H
#define COUNTERSIGN_SERVICE_TLS_FILES_H

#include "config/config.h"
#include "http/tls.h"

/* Both append to `why` a line for each file that cannot be used, which names its variable. BAD_INPUT; NO_MEMORY. */

/* Judges the files that are named, also where others are missing. */
MUST_USE enum status tls_files_check_blocking(const struct config *config, struct buf *why);
/* *ret_tls is NULL where the configuration names none. */
MUST_USE enum status tls_files_open_blocking(const struct config *config, struct buf *why, struct tls **ret_tls);

#endif
