/* Comparing results with results, and results with the oracle's truth.
 * Owns: what "equal" and "within the bound" mean for each element type. Stateless: a verdict depends on the
 * two arrays alone, whatever was compared before. Rules:
 *   - bits have to be equal, except that any NaN equals any NaN (payload and sign of a NaN are the machine's
 * own);
 *   - zero elements compared is the caller's defect and says so (FAILED), never a pass;
 *   - against the truth: |value - truth| <= radius; NaN is never within a radius; an infinite radius allows
 * anything. */
#ifndef STERNA_COMPARE_H
#define STERNA_COMPARE_H

#include "gen/call.h"
#include "judge/verdict.h"

/* Element types of the arrays compared. BYTE compares bytes, F16 only against a truth. */
typedef enum sterna_element {
    STERNA_ELEMENT_F32,
    STERNA_ELEMENT_U32,
    STERNA_ELEMENT_I8,
    STERNA_ELEMENT_BYTE,
    STERNA_ELEMENT_F16
} sterna_element;

sterna_element sterna_element_of(const sterna_param *param);

typedef struct sterna_difference {
    uint64_t compared, different; /* elements */
    uint64_t first;               /* index of the first that differs */
    uint64_t worst_ulp; /* largest distance of F32 elements in representable numbers; UINT64_MAX for NaN */
    double worst_ratio; /* against a truth: largest |value - truth| / radius; infinity where the radius is 0 and the
                         * value is not exact, or for NaN */
} sterna_difference;

sterna_difference sterna_compare_bits(sterna_element type, const void *got, const void *want, uint64_t count);
/* Representable numbers between two floats, 0 when equal (and for -0 beside +0, 1); UINT64_MAX when either is
 * NaN. */
uint64_t sterna_ulp_distance(float a, float b);

/* Element i of `got` as binary64. */
double sterna_element_value(sterna_element type, const void *got, uint64_t i);
/* |value - truth| / radius as above for one element, 0 where anything is allowed. */
double sterna_element_ratio(double got, double value, double radius);
/* Counts elements further from value[i] than radius[i]. */
sterna_difference sterna_compare_truth(sterna_element type, const void *got, const double *value,
                                       const double *radius, uint64_t count);

/* Judges: writes a line with name, index, both values, counts and ULP. True when they agree. */
bool sterna_judge_bits(sterna_verdict *v, sterna_verdict_code code, const char *name, sterna_element type,
                       const void *got, const void *want, uint64_t count);
bool sterna_judge_truth(sterna_verdict *v, const char *name, sterna_element type, const void *got,
                        const double *value, const double *radius, uint64_t count);

#endif
