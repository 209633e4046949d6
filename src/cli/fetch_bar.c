/* How far a file has come. */
#include "cli/fetch.h"
#include "cli/line.h"
#include "cli/out.h"

#include <stdlib.h>
#include <string.h>

static const double fetch_bar_pause = .1;  /* seconds between two pictures */
static const double fetch_bar_memory = 2.; /* seconds that the rate is a mean of */

static void fetch_bar_rate(cli_fetch_part *part, double now)
{
    const double since = now - (part->shown > 0 ? part->shown : part->begun);
    const double fresh = (double)(part->have - part->counted) / since;
    const double share = part->shown > 0 ? since / (since + fetch_bar_memory) : 1;
    part->rate += share * ((fresh > 0 ? fresh : 0) - part->rate);
    part->counted = part->have;
    part->shown = now;
}

/* What a narrow terminal has no room for is left out from the right. */
void cli_fetch_show(cli_fetch_part *part)
{
    enum { FETCH_WORDS = 4, FETCH_BAR = 20, FETCH_NARROW_BAR = 8 };
    const double now = cli_clock();
    if (!part->fetch->progress || now - part->begun < fetch_bar_pause ||
        now - part->shown < fetch_bar_pause)
        return;
    fetch_bar_rate(part, now);

    char have[32], all[32], rate[32], left[32];
    const bool known = part->item->bytes > 0; /* else there is no telling how far it has come */
    const double bytes = (double)part->item->bytes, got = (double)part->have;
    char *word[FETCH_WORDS] = {
        cli_format("%s", cli_show_bytes(got, have, sizeof have)),
        known ? cli_format(" of %s", cli_show_bytes(bytes, all, sizeof all)) : cli_format("%s", ""),
        cli_format("  %s/s", cli_show_bytes(part->rate, rate, sizeof rate)),
        known && part->rate > 0
            ? cli_format("  %s left", cli_show_time((bytes - got) / part->rate, left, sizeof left))
            : cli_format("%s", ""),
    };
    const int width = cli_line_width();
    const int columns = !known ? 0 : width < 80 ? FETCH_NARROW_BAR : FETCH_BAR;
    char *line = columns ? cli_bar(got / bytes, columns) : cli_format("%s", "");
    for (int i = 0, used = columns + 1; i < FETCH_WORDS; i++) {
        used += (int)strlen(word[i]);
        if (used > width) break;
        char *longer = cli_format("%s%s%s", line, i == 0 && columns ? " " : "", word[i]);
        free(line);
        line = longer;
    }
    cli_line("%s", line);
    free(line);
    for (int i = 0; i < FETCH_WORDS; i++) free(word[i]);
}

void cli_fetch_hide(const cli_fetch_part *part)
{
    if (part->shown > 0) cli_line_clear();
}
