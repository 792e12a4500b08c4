/* Verdicts: how one case ended, and where it first went wrong.
 * Owns: the list and the first-failure record. Leaves to others: deciding (compare.c, harness/, laws/). */
#ifndef STERNA_VERDICT_H
#define STERNA_VERDICT_H

#include "base/status.h"
#include <stdbool.h>

typedef enum sterna_verdict_code {
#define VERDICT(name, is_failure, sentence) STERNA_VERDICT_##name,
#include "judge/verdict.def"
#undef VERDICT
    STERNA_VERDICTS
} sterna_verdict_code;

typedef struct sterna_verdict {
    sterna_verdict_code code;
    char text[400]; /* one line: argument, index, values, counts */
} sterna_verdict;

const char *sterna_verdict_name(sterna_verdict_code code);
bool sterna_verdict_failed(sterna_verdict_code code);
/* STERNA_VERDICTS when there is no such name. */
sterna_verdict_code sterna_verdict_find(const char *name);
/* Records a verdict; of two failures the one earlier in verdict.def stays, of two equal ones the first.
 * Returns false, so that a law can `return sterna_judge(...)`. */
bool sterna_judge(sterna_verdict *v, sterna_verdict_code code, const char *format, ...) STERNA_PRINTF(3, 4);

#endif
