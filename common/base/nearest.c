#include "base/nearest.h"

enum { LONGEST = 64, MOST_CHANGES = 2 };

static char lower_letter(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static size_t least_of_three(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Optimal string alignment: row i, column j is the distance of the first i bytes of `a` to the
 * first j of `b`; only three rows are alive. */
size_t nearest_distance(struct slice a, struct slice b)
{
    size_t memory[3][LONGEST + 1];
    size_t *before = memory[0], *last = memory[1], *row = memory[2];
    if (a.len > LONGEST || b.len > LONGEST)
        return a.len > b.len ? a.len : b.len;
    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = lower_letter(a.ptr[i - 1]), y = lower_letter(b.ptr[j - 1]);
            row[j] = least_of_three(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y));
            bool swapped = i > 1 && j > 1 && x == lower_letter(b.ptr[j - 2]) && y == lower_letter(a.ptr[i - 2]);
            if (swapped && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b.len];
}

void nearest_consider(struct nearest *nearest, const char *name)
{
    size_t distance = nearest_distance(nearest->wanted, slice_str(name));
    bool close = distance <= MOST_CHANGES && distance * 3 <= nearest->wanted.len;
    if (!close || (nearest->name && distance >= nearest->distance))
        return;
    nearest->name = name;
    nearest->distance = distance;
}
