/* Storing keys and values. */
#include "reference/ref_math.h"
#include "reference/reference.h"

/* A value that is not finite, or rounds beyond F16's largest, is stored as +0 and sets its flag (NaN, INF,
 * RANGE); a slot outside the cache sets RANGE and stores nothing. */
void sterna_ref_kv_append(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_kv_append *a = &args->kv_append;
    for (uint64_t row = begin; row < end; row++) {
        if (a->slot[row] >= a->slots) {
            *flags |= STERNA_FLAG_RANGE;
            continue;
        }
        const float *x = a->x + row * a->n;
        uint64_t at = (uint64_t)a->slot[row] * a->n;
        for (uint32_t i = 0; i < a->n; i++) {
            uint32_t bad = sterna_bad_value(x[i]);
            float value = bad ? 0.0f : x[i];
            if (a->kv_type == 0) {
                memcpy(a->cache + (at + i) * 4, &value, sizeof value);
            } else {
                uint16_t half = sterna_f32_to_f16(value);
                if ((half & 0x7c00u) == 0x7c00u) {
                    bad = STERNA_FLAG_RANGE;
                    half = 0;
                }
                memcpy(a->cache + (at + i) * 2, &half, sizeof half);
            }
            *flags |= bad;
        }
    }
}
