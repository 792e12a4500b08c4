/* Between the mock GPU and kernels in Metal's language: what one call of a kernel is given, what it may ask for. C and C++.
 * Owns: these declarations. Leaves to others: both sides (msl_backend.c, msl_shim.h). */
#ifndef STERNA_MSL_CALL_H
#define STERNA_MSL_CALL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One work item of one launch. Buffer n of the kernel is buffers[n - 1]: number 0 has the words. */
typedef struct msl_call {
    void *const *buffers;
    const void *words;
    uint32_t local, x, y, groups_x, groups_y;
    uint32_t subgroup, subgroups;
} msl_call;

/* Called by kernels; they return when the scheduler lets the item go on. */
void sterna_msl_barrier(void);
int32_t sterna_msl_simd_sum(int32_t value);
int32_t sterna_msl_simd_is_first(void);

#ifdef __cplusplus
}
#endif

#endif
