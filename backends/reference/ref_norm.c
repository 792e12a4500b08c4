/* RMSNorm, and the R32 reduction as a loop. */
#include "reference/ref_math.h"
#include "reference/reference.h"
#include <math.h>

/* A row whose sum of squares is NaN or infinite becomes +0 and sets the flag. */
void sterna_ref_rmsnorm(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_rmsnorm *a = &args->rmsnorm;
    for (uint64_t row = begin; row < end; row++) {
        const float *x = a->x + row * a->n;
        float *y = a->y + row * a->n;
        float lane[32] = {0};
        for (uint32_t i = 0; i < a->n; i++) lane[i % 32] = lane[i % 32] + x[i] * x[i];
        float sum = sterna_fold32(lane);
        uint32_t bad = sterna_bad_value(sum);
        *flags |= bad;
        float r = 1.0f / sqrtf(sum / (float)a->n + a->eps);
        for (uint32_t i = 0; i < a->n; i++) y[i] = bad ? 0.0f : (x[i] * r) * a->w[i];
    }
}
