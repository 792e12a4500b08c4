/* Reducing: a cut as a stream of choices, so that the bench's shrinker finds the smallest one. */
#include "compare/reduce.h"
#include "gen/shrink.h"
#include <string.h>

enum { ATTEMPTS = 300 };
static const double SECONDS = 10.0;

typedef struct search {
    sterna_subject subject;
    const sterna_capture *capture;
    sterna_source source;
    uint32_t row, output, width; /* what has to stay, relative to the source */
    sterna_verdict verdict;
    sterna_verdict_code wanted;
    sterna_choices choices;
} search;

static sterna_window reach(uint32_t at, uint32_t by, uint32_t size)
{
    uint32_t first = at > by ? at - by : 0, end = size - at > by ? at + by + 1 : size;
    if (end > size) end = size;
    return (sterna_window){first, end - first};
}

/* Draws the cut: 0 everywhere is the smallest. */
static sterna_cut draw(search *x)
{
    sterna_cut_room room = sterna_cut_room_of(&x->source);
    sterna_cut cut = sterna_cut_whole(&x->source);
    uint32_t units = (room.width + room.unit - 1) / room.unit;
    cut.compact = sterna_choose(&x->choices, 1) == 0 && room.compacts;
    cut.rows = reach(x->row, sterna_choose(&x->choices, room.rows - 1), room.rows);
    cut.outputs = reach(x->output, sterna_choose(&x->choices, room.outputs - 1), room.outputs);
    uint32_t width = sterna_choose(&x->choices, units - 1);
    if (room.elementwise) {
        cut.width = reach(x->width, width, room.width);
    } else {
        cut.width.count = (width + 1) * room.unit < room.width ? (width + 1) * room.unit : room.width;
    }
    return cut;
}

static void judge(search *x, const sterna_call *call)
{
    sterna_recorded recorded = {
        .call = *call, .label = x->capture->label, .most_rows = x->capture->most_rows};
    sterna_manner manner = sterna_recorded_manner(&recorded);
    sterna_trial trial = {.subject = &x->subject, .op = call->op};
    x->subject.salt = 0;
    sterna_trial_judge(&trial, call, &manner);
    x->verdict = trial.verdict;
}

static bool still_fails(void *context, sterna_choices *choices)
{
    search *x = context;
    sterna_call call;
    (void)choices; /* draw() uses them */
    sterna_cut cut = draw(x);
    if (!sterna_cut_apply(&x->source, &cut, &call)) return false;
    judge(x, &call);
    sterna_call_free(&call);
    return x->verdict.code == x->wanted;
}

/* Where in the call the difference stands that compare has seen. */
static void locate(search *x, uint32_t row, uint64_t element)
{
    const sterna_cut *cut = &x->capture->cut;
    sterna_cut_room room = sterna_cut_room_of(&x->source);
    x->row = row - cut->rows.first;
    x->output = room.outputs > 1 ? (uint32_t)element - cut->outputs.first : 0;
    x->width = room.elementwise && element < room.width ? (uint32_t)element : 0;
    if (x->row >= room.rows) x->row = 0;
    if (x->output >= room.outputs) x->output = 0;
}

/* Shrinks what fails as it stands; the small call takes the capture's place. */
static void shrink(search *x, sterna_capture *capture, sterna_verdict *verdict)
{
    static const uint32_t everything[] = {1, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    sterna_call small;
    x->wanted = verdict->code;
    sterna_choice_replay(&x->choices, everything, 4);
    if (!still_fails(x, &x->choices)) return;
    sterna_shrink(&x->choices, still_fails, x, ATTEMPTS, SECONDS, NULL);
    if (x->verdict.code != x->wanted) return; /* it fails only now and then */
    sterna_choice_replay(&x->choices, x->choices.value, x->choices.count);
    sterna_cut cut = draw(x);
    if (!sterna_cut_apply(&x->source, &cut, &small)) return;
    *verdict = x->verdict;
    sterna_call_free(&capture->call);
    capture->call = small;
}

void sterna_reduce(const sterna_subject_spec *device, sterna_capture *capture, uint32_t row, uint64_t element,
                   sterna_recorded *recorded, sterna_verdict *verdict)
{
    static search x;
    sterna_fault fault = {0};
    memset(&x, 0, sizeof x);
    memset(verdict, 0, sizeof *verdict);
    x.capture = capture;
    x.source = sterna_source_of(&capture->call);
    if (sterna_subject_open(&x.subject, device, &fault) != STERNA_OK) {
        sterna_judge(verdict, STERNA_VERDICT_UNSUPPORTED, "%s", fault.text);
    } else {
        locate(&x, row, element);
        judge(&x, &capture->call);
        *verdict = x.verdict;
        if (sterna_verdict_failed(verdict->code)) shrink(&x, capture, verdict);
        sterna_subject_close(&x.subject, NULL);
    }
    *recorded =
        (sterna_recorded){.call = capture->call, .label = capture->label, .most_rows = capture->most_rows};
    memset(&capture->call, 0, sizeof capture->call);
}
