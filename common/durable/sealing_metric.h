/* sealing_metric: oauth1_sealing_key_in_use. Only this room includes it. */
#ifndef COUNTERSIGN_DURABLE_SEALING_METRIC_H
#define COUNTERSIGN_DURABLE_SEALING_METRIC_H

#include "durable/sealing_keys.h"

/* What the table says now. Any thread may call this. */
void sealing_metric_show(const struct sealing_key_page *page);

#endif
