/* slot: in which of a Cluster's slots a key is. */
#ifndef COUNTERSIGN_REDIS_SLOT_H
#define COUNTERSIGN_REDIS_SLOT_H

#include "base/slice.h"

#include <stdint.h>

enum { REDIS_SLOTS = 16384 };

/* CRC-16/XMODEM. */
uint16_t redis_crc16(struct slice bytes);
/* Of the key's hash tag ("{…}", the first, unless it is empty), or of the whole key. */
unsigned redis_slot_of(struct slice key);

#endif
