/* The table of single operations, files and texts. */
#include "measure/table.h"
#include "base/mem.h"
#include "base/size.h"
#include "stats/stats.h"
#include <stdio.h>
#include <string.h>

const char *sterna_table_time(double seconds, char text[STERNA_TABLE_TIME])
{
    static const struct {
        double least;
        const char *unit;
        double factor;
    } units[] = {{1, "s", 1}, {1e-3, "ms", 1e3}, {1e-6, "us", 1e6}, {0, "ns", 1e9}};
    uint32_t i = 0;
    while (i + 1 < STERNA_COUNT(units) && seconds < units[i].least) i++;
    double value = seconds * units[i].factor;
    snprintf(text, STERNA_TABLE_TIME, "%.*f %s",
             value < 10 && value > -10     ? 2
             : value < 100 && value > -100 ? 1
                                           : 0,
             value, units[i].unit);
    return text;
}

/* "pp512": its unit is a token. */
static bool end_to_end(const sterna_benchmark *b)
{
    return strcmp(b->unit, "token") == 0;
}

static void print_row(const sterna_benchmark *b, const double *sorted, bool csv, sterna_out *out)
{
    char median[STERNA_TABLE_TIME], low[STERNA_TABLE_TIME], high[STERNA_TABLE_TIME], hash[65], rate[32] = "";
    double middle = sterna_stats_quantile(sorted, b->n, 0.5);
    sterna_hash_hex(b->digest, hash);
    if (csv) {
        sterna_out_print(out, "%s,\"%s\",%.9g,%.9g,%.9g,%u,%.9g,%s,%s\n", b->name, b->settings, middle,
                         sorted[0], sorted[b->n - 1], b->n, b->work, b->unit, hash);
        return;
    }
    if (b->work > 0) snprintf(rate, sizeof rate, "%.2f GB/s", b->work / middle / 1e9);
    sterna_out_print(out, "| %s | %s | %s | %s .. %s | %s | %s%s |\n", b->name, b->settings,
                     sterna_table_time(middle, median), sterna_table_time(sorted[0], low),
                     sterna_table_time(sorted[b->n - 1], high), rate, b->n_kernels ? b->kernels[0].name : "",
                     b->n_kernels > 1 ? ", ..." : "");
}

sterna_status sterna_table_print(const sterna_results *results, bool csv, sterna_out *out,
                                 sterna_fault *fault)
{
    sterna_out_text(out,
                    csv ? "name,settings,median_seconds,min_seconds,max_seconds,samples,work,unit,digest\n"
                        : "| benchmark | shape | median | range | rate | kernel |\n"
                          "| --------- | ----- | -----: | ----: | ---: | ------ |\n");
    for (uint32_t i = 0; i < results->n; i++) {
        const sterna_benchmark *b = &results->items[i];
        if (end_to_end(b) || b->n == 0) continue;
        double *sorted = sterna_alloc(b->n, sizeof *sorted);
        if (!sorted) return sterna_fail(fault, STERNA_MEMORY, "out of memory for the samples of %s", b->name);
        memcpy(sorted, b->seconds, b->n * sizeof *sorted);
        sterna_stats_sort(sorted, b->n);
        print_row(b, sorted, csv, out);
        sterna_free(sorted);
    }
    return STERNA_OK;
}
