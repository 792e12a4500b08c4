/* The comparison as a page: one file, no script, no network, light and dark. */
#include "cli/about.h"
#include "compare/report.h"
#include <inttypes.h>
#include <stdio.h>

/* The palette is Okabe and Ito's, which people with any kind of colour vision can tell apart; signs say the same. */
static const char STYLE[] =
    "<style>\n"
    ":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b1f24;--dim:#626c78;--grid:#e3e7ec;"
    "--good:#007a5a;--bad:#b03a00;--badbg:#fdeee4}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1d2228;--ink:#e8ebef;--dim:#98a3af;"
    "--grid:#2c333b;--good:#2fc79b;--bad:#ff9a52;--badbg:#3a2a1e}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1180px;padding:28px 20px 48px;background:var(--bg);"
    "color:var(--ink);font:15px/1.45 system-ui,sans-serif}\n"
    "h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:32px 0 10px}p{margin:0;color:var(--dim)}\n"
    ".verdict{list-style:none;margin:20px 0 0;padding:0;display:grid;gap:8px}\n"
    ".verdict>li{background:var(--card);border:1px solid var(--grid);border-left:4px solid var(--good);"
    "border-radius:8px;padding:10px "
    "14px;overflow-wrap:anywhere}.verdict>li.bad{border-left-color:var(--bad)}\n"
    ".verdict ol{margin:6px 0 0;padding-left:20px;color:var(--dim);font-size:13.5px}\n"
    "code{font:13px ui-monospace,monospace}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;background:var(--card);border:1px solid "
    "var(--grid);"
    "font-size:14px;font-variant-numeric:tabular-nums}td,th{padding:6px "
    "14px;text-align:left;vertical-align:top;"
    "border-top:1px solid "
    "var(--grid)}th{border:0;color:var(--dim);font-weight:500}td.n,th.n{text-align:right}\n"
    "td.good{color:var(--good)}td.bad{color:var(--bad);background:var(--badbg);font-weight:600}"
    "td small{display:block;font-weight:400}\n"
    "footer{margin-top:34px;font-size:13px;color:var(--dim)}\n</style>\n";

static uint32_t first_judged(const sterna_compare_summary *s)
{
    return s->run->profile == STERNA_PROFILE_FAST ? 0 : 1;
}

static void repro(const sterna_compare_summary *s, uint32_t d, sterna_out *out)
{
    const sterna_compare_repro *r = &s->repro[d];
    char word[sizeof r->path + 100];
    if (!r->path[0] && !r->why[0]) return;
    sterna_out_text(out, "<div>");
    if (!r->path[0]) {
        sterna_out_text(out, "No repro file: ");
        sterna_out_html(out, r->why);
    } else {
        sterna_out_text(out, "<code>sterna replay ");
        sterna_out_html(out, sterna_out_word(r->path, word, sizeof word));
        sterna_out_print(out, "</code> (%" PRIu64 " bytes): %s here, %s on ", r->bytes,
                         sterna_verdict_name(r->device.code), sterna_verdict_name(r->reference.code));
        sterna_out_html(out, s->params->devices[0]);
    }
    sterna_out_text(out, "</div>\n");
}

static void verdicts(const sterna_compare_summary *s, sterna_out *out)
{
    char text[STERNA_HEADLINE_BYTES], place[STERNA_PLACE_BYTES];
    sterna_out_text(out, "<ul class=\"verdict\">\n");
    for (uint32_t d = first_judged(s); d < s->run->n_devices; d++) {
        const sterna_lockstep_device *device = &s->run->devices[d];
        bool bad = device->diverging || device->failure.status != STERNA_OK;
        sterna_out_print(out, "<li class=\"%s\">%s ", bad ? "bad" : "good", bad ? "&#10007;" : "&#10003;");
        sterna_out_html(out, sterna_compare_headline(s, d, text));
        if (device->n_kept) {
            sterna_out_text(out, "<ol>\n");
            for (uint32_t i = 0; i < device->n_kept; i++) {
                sterna_out_text(out, "<li>");
                sterna_out_html(out, sterna_compare_place(&device->kept[i], s->run->profile, place));
                sterna_out_text(out, "</li>\n");
            }
            sterna_out_text(out, "</ol>\n");
        }
        repro(s, d, out);
        sterna_out_text(out, "</li>\n");
    }
    sterna_out_text(out, "</ul>\n");
}

static void operations(const sterna_compare_summary *s, sterna_out *out)
{
    char cell[STERNA_CELL_BYTES];
    sterna_out_text(out, "<h2>Operations</h2>\n<div class=\"wide\"><table><thead><tr><th>operation</th>");
    for (uint32_t d = first_judged(s); d < s->run->n_devices; d++) {
        sterna_out_text(out, "<th>");
        sterna_out_html(out, s->params->devices[d]);
        sterna_out_text(out, "</th>");
    }
    sterna_out_text(out, "</tr></thead><tbody>\n");
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++) {
        if (!sterna_compare_ran(s, (sterna_op)op)) continue;
        sterna_out_print(out, "<tr><td>%s</td>", sterna_op_get((sterna_op)op)->name);
        for (uint32_t d = first_judged(s); d < s->run->n_devices; d++) {
            const sterna_tally *t = &s->run->devices[d].tally[op];
            sterna_out_print(out, "<td class=\"%s\">", t->diverging ? "bad" : t->nodes ? "good" : "");
            sterna_out_html(out, sterna_compare_cell(t, s->run->profile, cell));
            if (t->diverging)
                sterna_out_print(out, "<small>first in layer %u, step %u</small>", t->first.layer,
                                 t->first.step);
            sterna_out_text(out, "</td>");
        }
        sterna_out_text(out, "</tr>\n");
    }
    sterna_out_text(out, "</tbody></table></div>\n");
}

static void devices(const sterna_compare_summary *s, sterna_out *out)
{
    sterna_out_text(
        out, "<h2>Devices</h2>\n<div class=\"wide\"><table><thead><tr><th>device</th><th>what it is</th>"
             "<th>driver</th></tr></thead><tbody>\n");
    for (uint32_t d = 0; d < s->run->n_devices; d++) {
        sterna_out_text(out, "<tr><td>");
        sterna_out_html(out, s->run->devices[d].spec);
        sterna_out_text(out, d ? "</td><td>" : " (reference)</td><td>");
        sterna_out_html(out, s->run->devices[d].info.description);
        sterna_out_text(out, "</td><td>");
        sterna_out_html(out, s->run->devices[d].info.driver);
        sterna_out_text(out, "</td></tr>\n");
    }
    sterna_out_text(
        out, "</tbody></table></div>\n<h2>Kernels that ran</h2>\n<div class=\"wide\"><table><thead><tr>"
             "<th>kernel</th><th>device</th><th class=\"n\">launches</th><th>SHA-256 of its code</th>"
             "</tr></thead><tbody>\n");
    for (uint32_t d = 0; d < s->run->n_devices; d++)
        for (uint32_t k = 0; k < s->run->devices[d].n_kernels; k++) {
            const sterna_kernel_use *use = &s->run->devices[d].kernels[k];
            sterna_out_text(out, "<tr><td>");
            sterna_out_html(out, use->name);
            sterna_out_text(out, "</td><td>");
            sterna_out_html(out, s->run->devices[d].spec);
            sterna_out_print(out, "</td><td class=\"n\">%" PRIu64 "</td><td><code>", use->launches);
            for (uint32_t b = 0; b < sizeof use->code_hash && use->has_hash; b++)
                sterna_out_print(out, "%02x", use->code_hash[b]);
            sterna_out_text(out, "</code></td></tr>\n");
        }
    sterna_out_text(out, "</tbody></table></div>\n");
}

void sterna_compare_html(const sterna_compare_summary *s, sterna_out *out)
{
    const sterna_build *build = sterna_build_get();
    sterna_out_text(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                         "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Comparison of ");
    sterna_out_html(out, s->model);
    sterna_out_text(out, "</title>\n");
    sterna_out_write(out, STYLE, sizeof STYLE - 1);
    sterna_out_text(out, "</head><body>\n<h1>Comparison of ");
    sterna_out_html(out, s->model);
    sterna_out_print(
        out,
        "</h1>\n<p>%s profile, %u prompt tokens, %u written, %" PRIu64
        " operations, each on every device; where outputs differ the first device's values go on.</p>\n",
        s->run->profile == STERNA_PROFILE_FAST ? "fast" : "exact", s->params->n_prompt, s->run->n_tokens,
        s->run->operations);
    verdicts(s, out);
    operations(s, out);
    devices(s, out);
    sterna_out_text(out, "<footer>sterna ");
    sterna_out_html(out, build->version);
    sterna_out_text(out, ", commit ");
    sterna_out_html(out, build->commit);
    sterna_out_text(out, ", ");
    sterna_out_html(out, build->compiler);
    sterna_out_text(out, "</footer>\n</body></html>\n");
}
