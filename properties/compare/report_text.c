/* The comparison in words, and as Markdown. */
#include "compare/report.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void size_of_difference(sterna_profile profile, uint64_t ulp, double ratio, char text[48])
{
    text[0] = 0;
    if (profile == STERNA_PROFILE_FAST && isinf(ratio))
        snprintf(text, 48, "worst beyond any bound");
    else if (profile == STERNA_PROFILE_FAST)
        snprintf(text, 48, "worst at %.3g of the bound", ratio);
    else if (ulp == UINT64_MAX)
        snprintf(text, 48, "NaN");
    else if (ulp)
        snprintf(text, 48, "worst by %" PRIu64 " ULP", ulp);
}

const char *sterna_compare_place(const sterna_divergence *x, sterna_profile profile,
                                 char text[STERNA_PLACE_BYTES])
{
    char layer[32], size[48];
    size_of_difference(profile, x->worst_ulp, x->ratio, size);
    if (x->layer == x->n_layers)
        snprintf(layer, sizeof layer, "behind the last layer");
    else
        snprintf(layer, sizeof layer, "layer %u", x->layer);
    int n = snprintf(text, STERNA_PLACE_BYTES,
                     "%s, %s, node %u, step %u, position %u: ", sterna_op_get(x->op)->name, layer, x->node,
                     x->step, x->position + x->row);
    if (n < 0 || n >= STERNA_PLACE_BYTES) return text;
    if (!strcmp(x->output, "flags"))
        snprintf(text + n, STERNA_PLACE_BYTES - (size_t)n, "bad values are %s, and %s by the first device",
                 x->got != 0 ? "reported" : "not reported", x->want != 0 ? "are" : "are not");
    else
        snprintf(text + n, STERNA_PLACE_BYTES - (size_t)n,
                 "%s[row %u][%" PRIu64 "] is %.9g, not %.9g; %" PRIu64 " of %" PRIu64 " values%s%s",
                 x->output, x->row, x->index, x->got, x->want, x->different, x->compared, size[0] ? ", " : "",
                 size);
    return text;
}

const char *sterna_compare_cell(const sterna_tally *t, sterna_profile profile, char text[STERNA_CELL_BYTES])
{
    bool fast = profile == STERNA_PROFILE_FAST;
    char size[48];
    size_of_difference(profile, t->worst_ulp, t->worst_ratio, size);
    if (t->nodes == 0)
        snprintf(text, STERNA_CELL_BYTES, "-");
    else if (t->diverging)
        snprintf(text, STERNA_CELL_BYTES, "%" PRIu64 " of %" PRIu64 " differ%s%s", t->diverging, t->nodes,
                 size[0] ? ", " : "", size);
    else if (fast)
        snprintf(text, STERNA_CELL_BYTES, "%" PRIu64 " values, %.3g of the bound", t->values, t->worst_ratio);
    else
        snprintf(text, STERNA_CELL_BYTES, "%" PRIu64 " values equal", t->values);
    return text;
}

bool sterna_compare_ran(const sterna_compare_summary *s, sterna_op op)
{
    for (uint32_t d = 0; d < s->run->n_devices; d++)
        if (s->run->devices[d].tally[op].nodes) return true;
    return false;
}

const char *sterna_compare_headline(const sterna_compare_summary *s, uint32_t d,
                                    char text[STERNA_HEADLINE_BYTES])
{
    const sterna_lockstep_device *device = &s->run->devices[d];
    const char *name = s->params->devices[d], *first = s->params->devices[0];
    bool fast = s->run->profile == STERNA_PROFILE_FAST;
    char failure[560] = "";
    if (device->failure.status != STERNA_OK)
        snprintf(failure, sizeof failure, "; then it failed: %s", device->failure.text);
    if (device->diverging && fast)
        snprintf(text, STERNA_HEADLINE_BYTES,
                 "%.110s leaves its bounds in %" PRIu64 " of %" PRIu64 " operations%s", name,
                 device->diverging, device->operations, failure);
    else if (device->diverging)
        snprintf(text, STERNA_HEADLINE_BYTES,
                 "%.110s differs from %.110s in %" PRIu64 " of %" PRIu64 " operations%s", name, first,
                 device->diverging, device->operations, failure);
    else if (fast)
        snprintf(text, STERNA_HEADLINE_BYTES,
                 "%.110s: %" PRIu64 " operations, %" PRIu64 " values, all within their bounds%s", name,
                 device->operations, device->values, failure);
    else
        snprintf(text, STERNA_HEADLINE_BYTES,
                 "%.110s = %.110s: %" PRIu64 " operations, %" PRIu64 " values, all bits equal%s", name, first,
                 device->operations, device->values, failure);
    return text;
}

/* What became of the inputs of the first divergence. */
static void print_repro(const sterna_compare_summary *s, uint32_t d, const char *indent,
                        void (*put)(sterna_out *out, const char *text), sterna_out *out)
{
    const sterna_compare_repro *r = &s->repro[d];
    char word[sizeof r->path + 100];
    if (!r->path[0] && !r->why[0]) return;
    sterna_out_text(out, indent);
    if (!r->path[0]) {
        sterna_out_text(out, "no repro file: ");
        put(out, r->why);
        sterna_out_text(out, "\n");
        return;
    }
    sterna_out_text(out, "sterna replay ");
    put(out, sterna_out_word(r->path, word, sizeof word));
    sterna_out_print(out, "    %" PRIu64 " bytes: ", r->bytes);
    put(out, sterna_verdict_name(r->device.code));
    sterna_out_text(out, " on ");
    put(out, s->params->devices[d]);
    sterna_out_print(out, ", %s on ", sterna_verdict_name(r->reference.code));
    put(out, s->params->devices[0]);
    sterna_out_text(out, "\n");
    if (sterna_verdict_failed(r->device.code)) return;
    sterna_out_print(out,
                     "%sthe operation alone does not fail there: what came before it on the device matters\n",
                     indent);
}

/* The first device stands in the list only where it is judged itself. */
static uint32_t first_judged(const sterna_compare_summary *s)
{
    return s->run->profile == STERNA_PROFILE_FAST ? 0 : 1;
}

void sterna_compare_text(const sterna_compare_summary *s, sterna_out *out)
{
    char text[STERNA_HEADLINE_BYTES], place[STERNA_PLACE_BYTES];
    for (uint32_t d = first_judged(s); d < s->run->n_devices; d++) {
        const sterna_lockstep_device *device = &s->run->devices[d];
        sterna_out_text(out, sterna_compare_headline(s, d, text));
        sterna_out_text(out, "\n");
        for (uint32_t i = 0; i < device->n_kept; i++) {
            sterna_out_print(out, "  %s: ", i ? "then " : "first");
            sterna_out_text(out, sterna_compare_place(&device->kept[i], s->run->profile, place));
            sterna_out_text(out, "\n");
        }
        if (device->diverging > device->n_kept)
            sterna_out_print(out, "  and %" PRIu64 " more; each starts from %s's values\n",
                             device->diverging - device->n_kept, s->params->devices[0]);
        print_repro(s, d, "  ", sterna_out_text, out);
    }
    if (s->run->profile != STERNA_PROFILE_FAST) return;
    sterna_out_print(out, "worst distance from the oracle, in bounds:\n%-15s", "operation");
    for (uint32_t d = 0; d < s->run->n_devices; d++) sterna_out_print(out, " %16.16s", s->params->devices[d]);
    sterna_out_text(out, "\n");
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++) {
        if (!sterna_compare_ran(s, (sterna_op)op)) continue;
        sterna_out_print(out, "%-15s", sterna_op_get((sterna_op)op)->name);
        for (uint32_t d = 0; d < s->run->n_devices; d++)
            sterna_out_print(out, " %16.3g", s->run->devices[d].tally[op].worst_ratio);
        sterna_out_text(out, "\n");
    }
}

/* Text inside a Markdown table: bars and line ends would end the cell. */
static void md_text(sterna_out *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '\\' || *text == '`' || *text == '<') sterna_out_text(out, "\\");
        if ((unsigned char)*text < 0x20)
            sterna_out_text(out, " ");
        else
            sterna_out_write(out, text, 1);
    }
}

static void md_operations(const sterna_compare_summary *s, sterna_out *out)
{
    char cell[STERNA_CELL_BYTES];
    sterna_out_text(out, "| operation |");
    for (uint32_t d = first_judged(s); d < s->run->n_devices; d++) {
        sterna_out_text(out, " ");
        md_text(out, s->params->devices[d]);
        sterna_out_text(out, " |");
    }
    sterna_out_text(out, "\n| --- |");
    for (uint32_t d = first_judged(s); d < s->run->n_devices; d++) sterna_out_text(out, " --- |");
    sterna_out_text(out, "\n");
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++) {
        if (!sterna_compare_ran(s, (sterna_op)op)) continue;
        sterna_out_print(out, "| %s |", sterna_op_get((sterna_op)op)->name);
        for (uint32_t d = first_judged(s); d < s->run->n_devices; d++) {
            const sterna_tally *t = &s->run->devices[d].tally[op];
            sterna_out_print(out, t->diverging ? " **%s** |" : " %s |",
                             sterna_compare_cell(t, s->run->profile, cell));
        }
        sterna_out_text(out, "\n");
    }
}

static void md_devices(const sterna_compare_summary *s, sterna_out *out)
{
    sterna_out_text(out, "\n| device | what it is | driver |\n| --- | --- | --- |\n");
    for (uint32_t d = 0; d < s->run->n_devices; d++) {
        const sterna_lockstep_device *device = &s->run->devices[d];
        sterna_out_text(out, "| ");
        md_text(out, device->spec);
        sterna_out_text(out, " | ");
        md_text(out, device->info.description);
        sterna_out_text(out, " | ");
        md_text(out, device->info.driver);
        sterna_out_text(out, " |\n");
    }
    sterna_out_text(out, "\n| kernel | device | launches | SHA-256 |\n| --- | --- | ---: | --- |\n");
    for (uint32_t d = 0; d < s->run->n_devices; d++)
        for (uint32_t k = 0; k < s->run->devices[d].n_kernels; k++) {
            const sterna_kernel_use *use = &s->run->devices[d].kernels[k];
            sterna_out_text(out, "| ");
            md_text(out, use->name);
            sterna_out_text(out, " | ");
            md_text(out, s->run->devices[d].spec);
            sterna_out_print(out, " | %" PRIu64 " | ", use->launches);
            for (uint32_t b = 0; b < 8 && use->has_hash; b++)
                sterna_out_print(out, "%02x", use->code_hash[b]);
            sterna_out_text(out, " |\n");
        }
}

void sterna_compare_markdown(const sterna_compare_summary *s, sterna_out *out)
{
    char text[STERNA_HEADLINE_BYTES], place[STERNA_PLACE_BYTES];
    sterna_out_text(out, "# Comparison of ");
    md_text(out, s->model);
    sterna_out_print(out,
                     "\n\nsterna " STERNA_VERSION ", %s profile, %u prompt tokens, %u written, %" PRIu64
                     " operations.\n\n",
                     s->run->profile == STERNA_PROFILE_FAST ? "fast" : "exact", s->params->n_prompt,
                     s->run->n_tokens, s->run->operations);
    for (uint32_t d = first_judged(s); d < s->run->n_devices; d++) {
        const sterna_lockstep_device *device = &s->run->devices[d];
        sterna_out_text(out, "- ");
        md_text(out, sterna_compare_headline(s, d, text));
        sterna_out_text(out, "\n");
        for (uint32_t i = 0; i < device->n_kept; i++) {
            sterna_out_print(out, "  - %s ", i ? "then" : "first");
            md_text(out, sterna_compare_place(&device->kept[i], s->run->profile, place));
            sterna_out_text(out, "\n");
        }
        print_repro(s, d, "  - ", md_text, out);
    }
    sterna_out_text(out, "\n");
    md_operations(s, out);
    md_devices(s, out);
}
