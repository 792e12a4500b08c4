/* What a comparison came to, as text, Markdown, JSON and one HTML file.
 * Owns: the repro files of first divergences and the four forms. Leaves to others: comparing (lockstep.h). */
#ifndef STERNA_COMPARE_REPORT_H
#define STERNA_COMPARE_REPORT_H

#include "cli/out.h"
#include "compare/lockstep.h"
#include "judge/verdict.h"

/* The file that holds the inputs of a device's first divergence. */
typedef struct sterna_compare_repro {
    char path[1200]; /* "": there is none, and `why` says so when one was wanted */
    char why[500];
    sterna_verdict device, reference; /* of the case alone, on the device and on the first one */
    uint64_t bytes;                   /* of its data */
} sterna_compare_repro;

typedef struct sterna_compare_summary {
    const sterna_lockstep_params *params;
    sterna_lockstep_report *run;
    const char *model; /* the file's name */
    sterna_compare_repro repro[STERNA_LOCKSTEP_DEVICES];
} sterna_compare_summary;

/* Shrinks the captured calls and writes them: into the folder `where`, or, when that ends in ".repro", the first one to
 * that file. Sessions are closed by now: each device is opened anew. */
sterna_status sterna_compare_save(sterna_compare_summary *summary, const char *where, sterna_fault *fault);

void sterna_compare_text(const sterna_compare_summary *summary, sterna_out *out);
void sterna_compare_markdown(const sterna_compare_summary *summary, sterna_out *out);
void sterna_compare_html(const sterna_compare_summary *summary, sterna_out *out);
sterna_status sterna_compare_json(const sterna_compare_summary *summary, sterna_out *out,
                                  sterna_fault *fault);

/* For the forms. A place as words: "rmsnorm, layer 1, node 12, step 0, position 3: y[row 0][5] is 1, not 2 (12 of 64
 * values, worst 3 ULP)". Texts are cut to their size. */
enum { STERNA_PLACE_BYTES = 320, STERNA_CELL_BYTES = 128, STERNA_HEADLINE_BYTES = 960 };
const char *sterna_compare_place(const sterna_divergence *x, sterna_profile profile,
                                 char text[STERNA_PLACE_BYTES]);
/* One operation on one device: "1,234 equal", "3 of 40 differ (12 ULP)", "-": not run. */
const char *sterna_compare_cell(const sterna_tally *tally, sterna_profile profile,
                                char text[STERNA_CELL_BYTES]);
/* "vulkan: all bits equal", "opencl differs in 3 of 360 operations", "mock: failed: ...". Always terminated. */
const char *sterna_compare_headline(const sterna_compare_summary *summary, uint32_t device,
                                    char text[STERNA_HEADLINE_BYTES]);
/* Operations that ran on the first device. */
bool sterna_compare_ran(const sterna_compare_summary *summary, sterna_op op);

#endif
