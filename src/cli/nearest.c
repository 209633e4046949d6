#include "cli/args.h"

#include <stdlib.h>
#include <string.h>

enum { NEAREST_MAX = 32 };

static int nearest_min(int a, int b)
{
    return a < b ? a : b;
}

/* Edits that make a of b: a letter put in, left out, changed, or two neighbours swapped (optimal
 * string alignment; Damerau 1964). */
static int nearest_distance(const char *a, size_t n, const char *b, size_t m)
{
    int d[NEAREST_MAX + 1][NEAREST_MAX + 1];
    for (size_t i = 0; i <= n; i++) d[i][0] = (int)i;
    for (size_t j = 0; j <= m; j++) d[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = nearest_min(best, nearest_min(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = nearest_min(best, d[i - 2][j - 2] + 1);
            d[i][j] = best;
        }
    return d[n][m];
}

const char *cli_nearest(const char *word, const char *const *words, int n)
{
    size_t length = strlen(word);
    const char *best = NULL;
    int least = 0;
    for (int i = 0; i < n; i++) {
        size_t other = strlen(words[i]);
        if (length > NEAREST_MAX || other > NEAREST_MAX) continue;
        int distance = nearest_distance(word, length, words[i], other);
        /* What only begins a word ("--epoch") is meant for it. */
        if (length >= 3 && strncmp(word, words[i], length) == 0) distance = 1;
        if (!best || distance < least) {
            best = words[i];
            least = distance;
        }
    }
    return best && least <= 1 + (int)length / 4 ? best : NULL;
}
