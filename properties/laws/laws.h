/* Laws: what has to hold between computations of one device.
 * Owns: the table and what a trial is. Leaves to others: running calls (harness/subject.h), drawing them
 * (gen/). */
#ifndef STERNA_LAWS_H
#define STERNA_LAWS_H

#include "gen/choice.h"
#include "gen/gen.h"
#include "harness/subject.h"

/* One case of one law on one device. */
typedef struct sterna_trial {
    sterna_subject *subject;
    sterna_choices *choices; /* the law draws from it */
    sterna_op op;
    uint32_t format;
    sterna_act act;
    sterna_verdict verdict;
    char *story; /* NULL, or room for the decoded case */
    size_t story_size;
} sterna_trial;

typedef void sterna_law(sterna_trial *t);

typedef enum sterna_law_id {
#define LAW(name, sentence) STERNA_LAW_##name,
#include "laws/laws.def"
#undef LAW
    STERNA_LAW_COUNT
} sterna_law_id;

#define LAW(name, sentence) sterna_law sterna_law_##name;
#include "laws/laws.def"
#undef LAW

typedef struct sterna_law_info {
    const char *name, *sentence;
    sterna_law *run;
} sterna_law_info;

const sterna_law_info *sterna_law_get(sterna_law_id id);
bool sterna_law_find(const char *name, sterna_law_id *id);
/* True when the operation's row lists the law. */
bool sterna_law_applies(sterna_law_id id, sterna_op op);

/* For laws. Draws a call and tells the story; false (REFUSED) without memory. */
bool sterna_trial_call(sterna_trial *t, sterna_gen_mode mode, sterna_call *call);
/* Runs it on the device; false when judged. */
bool sterna_trial_run(sterna_trial *t, const sterna_call *call, sterna_outcome *outcome);
/* What the law `reference` looks at, for a given call: two runs on different poison, the reference's bits (exact
 * profile), the oracle's bounds, the flags. */
void sterna_trial_judge(sterna_trial *t, const sterna_call *call, const sterna_manner *manner);
/* LAW_BROKEN unless all outputs and flags agree bit for bit. */
bool sterna_trial_same(sterna_trial *t, const sterna_call *call, const sterna_outcome *got,
                       const sterna_outcome *want);
/* Judges f32 element arrays. */
bool sterna_trial_equal(sterna_trial *t, const char *name, const float *got, const float *want,
                        uint64_t count);

/* Bytes per row of each buffer argument whose extent grows with the argument `rows`, 0 for the others. */
void sterna_trial_strides(const sterna_call *call, uint64_t stride[STERNA_MAX_ARGS]);
/* The call on rows index[0..count): data of per-row buffers are picked, others copied. */
bool sterna_trial_pick(const sterna_call *call, const uint32_t *index, uint32_t count, sterna_call *picked);

#endif
