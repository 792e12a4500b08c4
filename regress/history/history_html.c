/* The page: a card with a chart per series, drawn as SVG. */
#include "history/history.h"
#include <stdio.h>
#include <string.h>

/* The palette is Okabe and Ito's, which people with any kind of colour vision can tell apart. */
static const char STYLE[] =
    "<style>\n"
    ":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b1f24;--dim:#626c78;--line:#0072b2;"
    "--band:#0072b226;--grid:#e3e7ec;--good:#007a5a;--bad:#c04a00}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1d2228;--ink:#e8ebef;--dim:#98a3af;--line:#"
    "56b4e9;"
    "--band:#56b4e92e;--grid:#2c333b;--good:#2fc79b;--bad:#ff9a52}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1180px;padding:28px 20px 48px;background:var(--bg);"
    "color:var(--ink);font:15px/1.45 system-ui,sans-serif}\n"
    "h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:32px 0 10px}p{margin:0;color:var(--dim)}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:14px}\n"
    ".card{display:flex;flex-direction:column;background:var(--card);border:1px solid "
    "var(--grid);border-radius:10px;padding:14px 16px 10px}\n"
    ".top{display:flex;justify-content:space-between;gap:12px;align-items:baseline}\n"
    ".name{font-weight:600;font-size:14px;overflow-wrap:anywhere}.now{font-weight:600;white-space:nowrap;"
    "font-variant-numeric:tabular-nums}\n"
    ".sub{display:flex;justify-content:space-between;gap:12px;font-size:12.5px;color:var(--dim);margin-"
    "bottom:auto}"
    ".sub "
    "span:first-child{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}"
    ".sub span+span{white-space:nowrap}\n"
    ".better{color:var(--good)}.worse{color:var(--bad)}svg{display:block;width:100%;height:auto;margin-top:"
    "8px}\n"
    "svg text{font:11px system-ui,sans-serif;fill:var(--dim);font-variant-numeric:tabular-nums}\n"
    ".grid{stroke:var(--grid)}.band{fill:var(--band)}.line{fill:none;stroke:var(--line);stroke-width:2;"
    "stroke-linejoin:round}.dot{fill:var(--line)}.code{fill:var(--card);stroke:var(--line);stroke-width:2}"
    ".bits{fill:var(--card);stroke:var(--bad);stroke-width:2.5}\n"
    "table{border-collapse:collapse;background:var(--card);border:1px solid var(--grid);border-radius:10px;"
    "font-variant-numeric:tabular-nums}td,th{padding:6px 14px;text-align:left;border-top:1px solid "
    "var(--grid)}"
    "th{border:0;color:var(--dim);font-weight:500}td.n,th.n{text-align:right}\n"
    "footer{margin-top:34px;font-size:13px;color:var(--dim)}\n</style>\n";

enum { WIDTH = 360, HEIGHT = 132, LEFT = 58, RIGHT = 12, TOP = 10, BOTTOM = 24 };

typedef struct scale {
    double low, high;
    uint32_t n;
} scale;

static double x_of(const scale *s, uint32_t i)
{
    return s->n == 1 ? (LEFT + WIDTH - RIGHT) / 2.0 : LEFT + (double)i * (WIDTH - LEFT - RIGHT) / (s->n - 1);
}

static double y_of(const scale *s, double value)
{
    return TOP + (s->high - value) / (s->high - s->low) * (HEIGHT - TOP - BOTTOM);
}

/* The medians decide the scale; a sample far outside leaves the picture instead of flattening it. */
static scale make_scale(const sterna_history_series *s)
{
    double low = s->points[0].median, high = low;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->points[i].median < low) low = s->points[i].median;
        if (s->points[i].median > high) high = s->points[i].median;
    }
    double room = (high - low) * 0.25;
    if (room < 0.05 * high) room = 0.05 * high; /* noise is not to look like mountains */
    return (scale){low > room ? low - room : 0, high + room, s->n};
}

static double clamped(const scale *c, double value)
{
    return y_of(c, value < c->low ? c->low : value > c->high ? c->high : value);
}

static void draw_axis(const sterna_history_series *s, const scale *c, sterna_out *out)
{
    for (uint32_t i = 0; i <= 2; i++) {
        char text[STERNA_HISTORY_VALUE];
        double value = c->low + (c->high - c->low) * i / 2, y = y_of(c, value);
        sterna_out_print(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
                         WIDTH - RIGHT, y, y);
        sterna_out_print(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT - 6, y + 4,
                         sterna_history_value(value, s->rate, text));
    }
    sterna_out_print(out, "<text x=\"%d\" y=\"%d\">%.10s</text>", LEFT, HEIGHT - 6, s->points[0].date);
    if (s->n > 1)
        sterna_out_print(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.10s</text>\n", WIDTH - RIGHT,
                         HEIGHT - 6, s->points[s->n - 1].date);
}

static void draw_points(const sterna_history_series *s, const scale *c, sterna_out *out)
{
    for (uint32_t i = 0; i < s->n; i++) {
        const sterna_history_point *p = &s->points[i];
        char median[STERNA_HISTORY_VALUE], low[STERNA_HISTORY_VALUE], high[STERNA_HISTORY_VALUE];
        sterna_out_print(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>",
                         p->new_bits   ? "bits"
                         : p->new_code ? "code"
                                       : "dot",
                         x_of(c, i), clamped(c, p->median), p->new_bits || p->new_code ? "4" : "2.5");
        sterna_out_html(out, p->date);
        sterna_out_text(out, ", ");
        sterna_out_html(out, p->commit);
        sterna_out_print(out, ": %s (%s to %s, %u samples)%s%s</title></circle>\n",
                         sterna_history_value(p->median, s->rate, median),
                         sterna_history_value(p->low, s->rate, low),
                         sterna_history_value(p->high, s->rate, high), p->samples,
                         p->new_code ? ", other code" : "", p->new_bits ? ", OTHER BITS" : "");
    }
}

static void draw(const sterna_history_series *s, sterna_out *out)
{
    scale c = make_scale(s);
    sterna_out_print(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    sterna_out_html(out, s->name);
    sterna_out_text(out, " over time\">\n");
    draw_axis(s, &c, out);
    if (s->n > 1) {
        sterna_out_text(out, "<path class=\"band\" d=\"");
        for (uint32_t i = 0; i < s->n; i++)
            sterna_out_print(out, "%s%.1f %.1f", i ? "L" : "M", x_of(&c, i), clamped(&c, s->points[i].high));
        for (uint32_t i = s->n; i-- > 0;)
            sterna_out_print(out, "L%.1f %.1f", x_of(&c, i), clamped(&c, s->points[i].low));
        sterna_out_text(out, "Z\"/>\n<path class=\"line\" d=\"");
        for (uint32_t i = 0; i < s->n; i++)
            sterna_out_print(out, "%s%.1f %.1f", i ? "L" : "M", x_of(&c, i),
                             clamped(&c, s->points[i].median));
        sterna_out_text(out, "\"/>\n");
    }
    draw_points(s, &c, out);
    sterna_out_text(out, "</svg>");
}

static void card(const sterna_history_series *s, sterna_out *out)
{
    char now[STERNA_HISTORY_VALUE];
    const sterna_history_point *last = &s->points[s->n - 1];
    sterna_out_text(out, "<div class=\"card\"><div class=\"top\"><span class=\"name\">");
    sterna_out_html(out, s->name);
    sterna_out_print(out, "</span><span class=\"now\">%s</span></div>\n<div class=\"sub\"><span>",
                     sterna_history_value(last->median, s->rate, now));
    sterna_out_html(out, s->settings);
    sterna_out_text(out, "</span>");
    if (s->n > 1) {
        double change = 100 * (last->median / s->points[s->n - 2].median - 1);
        bool better = s->rate ? change > 0 : change < 0;
        sterna_out_print(out, "<span class=\"%s\">%+.1f %%</span>",
                         change < 1 && change > -1 ? ""
                         : better                  ? "better"
                                                   : "worse",
                         change);
    }
    sterna_out_text(out, "</div>\n");
    draw(s, out);
    sterna_out_text(out, "</div>\n");
}

static bool same_group(const sterna_history_series *a, const sterna_history_series *b)
{
    return !strcmp(a->model, b->model) && !strcmp(a->device, b->device) &&
           !strcmp(a->processor, b->processor) && a->threads == b->threads;
}

static void groups(const sterna_history *h, sterna_out *out)
{
    for (uint32_t i = 0; i < h->n; i++) {
        bool first = true;
        for (uint32_t j = 0; j < i && first; j++)
            first = h->series[j].n == 0 || !same_group(&h->series[i], &h->series[j]);
        if (!first || h->series[i].n == 0) continue;
        sterna_out_text(out, "<h2>");
        sterna_out_html(out, h->series[i].model[0] ? h->series[i].model : "operations");
        sterna_out_text(out, " on ");
        sterna_out_html(out, h->series[i].device);
        sterna_out_print(out, ", %u thread%s</h2>\n<p>", h->series[i].threads,
                         h->series[i].threads == 1 ? "" : "s");
        sterna_out_html(out, h->series[i].processor);
        sterna_out_text(out, "</p>\n<div class=\"cards\" style=\"margin-top:10px\">\n");
        for (uint32_t j = i; j < h->n; j++)
            if (h->series[j].n && same_group(&h->series[i], &h->series[j])) card(&h->series[j], out);
        sterna_out_text(out, "</div>\n");
    }
}

static void checks(const sterna_history *h, sterna_out *out)
{
    if (h->n_checks == 0) return;
    sterna_out_text(out, "<h2>Checks</h2>\n<table><tr><th>date</th><th>commit</th><th>device</th><th "
                         "class=\"n\">properties</th>"
                         "<th class=\"n\">cases passed</th><th class=\"n\">failed</th></tr>\n");
    for (uint32_t i = h->n_checks; i-- > 0;) {
        const sterna_store_check *c = &h->checks[i];
        sterna_out_print(out, "<tr><td>%.10s</td><td>", c->began);
        sterna_out_html(out, c->commit);
        sterna_out_text(out, "</td><td>");
        sterna_out_html(out, c->device);
        sterna_out_print(
            out, "</td><td class=\"n\">%llu</td><td class=\"n\">%llu</td><td class=\"n %s\">%llu</td></tr>\n",
            (unsigned long long)c->properties, (unsigned long long)c->passed, c->failed ? "worse" : "better",
            (unsigned long long)c->failed);
    }
    sterna_out_text(out, "</table>\n");
}

void sterna_history_html(const sterna_history *history, const char *title, sterna_out *out)
{
    sterna_out_text(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                         "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    sterna_out_html(out, title);
    sterna_out_text(out, "</title>\n");
    sterna_out_write(out, STYLE, sizeof STYLE - 1);
    sterna_out_text(out, "</head><body>\n<h1>");
    sterna_out_html(out, title);
    sterna_out_print(out,
                     "</h1>\n<p>%u benchmarks. The line joins medians, the band spans all samples; a ring "
                     "marks other code "
                     "than before.</p>\n",
                     history->n);
    groups(history, out);
    checks(history, out);
    sterna_out_text(out,
                    "<footer>Every sample was taken after its output had been compared bit by bit.</footer>\n"
                    "</body></html>\n");
}
