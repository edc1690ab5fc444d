#include "durable/sealing_metric.h"

#include "base/metrics.h"

#include <pthread.h>
#include <string.h>

/* The operator chooses the ids of his keys, of which there are few: each gets one of these names when it is first seen,
 * and keeps it for the life of the process. */
enum { NAMES = 32, NAME_BYTES = 33 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char names[NAMES][NAME_BYTES];
static const char *labels[NAMES];
static size_t name_count;

static struct metric in_use = {
    .kind = METRIC_LEVEL,
    .name = "oauth1_sealing_key_in_use",
    .help = "1 for each key of OAUTH1_SECRETS_KEYS that secrets in the database are sealed by.",
    .labels = {{"key", labels, NAMES}},
    .label_count = 1,
};

enum status durable_sealing_metric_register(void)
{
    for (size_t i = 0; i < NAMES; i++)
        labels[i] = names[i];
    return metrics_register(&in_use);
}

static bool is_shown(const struct sealing_key_page *page, const char *name)
{
    for (size_t i = 0; i < page->count; i++)
        if (slice_eq(page->keys[i].id, slice_str(name)))
            return true;
    return false;
}

static void know_key(struct slice id)
{
    for (size_t i = 0; i < name_count; i++)
        if (slice_eq(id, slice_str(names[i])))
            return;
    if (name_count < NAMES && id.len < NAME_BYTES)
        memcpy(names[name_count++], id.ptr, id.len);
}

void sealing_metric_show(const struct sealing_key_page *page)
{
    if (in_use.series_count == 0)
        return; /* a command */
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < page->count; i++)
        know_key(page->keys[i].id);
    for (size_t i = 0; i < name_count; i++)
        metric_set(&in_use, metric_series(&in_use, i, 0, 0), is_shown(page, names[i]));
    (void)pthread_mutex_unlock(&lock);
}
