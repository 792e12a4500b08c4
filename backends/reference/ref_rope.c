/* Rotary position embedding from a table of cosines and sines. */
#include "reference/reference.h"

/* A position outside the table sets RANGE and leaves its row as it is. */
void sterna_ref_rope(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_rope *a = &args->rope;
    uint32_t pairs = a->n_rot / 2;
    for (uint64_t row = begin; row < end; row++) {
        if (a->pos[row] >= a->positions) {
            *flags |= STERNA_FLAG_RANGE;
            continue;
        }
        const float *angle = a->table + (uint64_t)a->pos[row] * a->n_rot;
        for (uint32_t h = 0; h < a->heads; h++) {
            float *x = a->x + (row * a->heads + h) * a->dim;
            for (uint32_t i = 0; i < pairs; i++) {
                uint32_t i0 = a->kind == 0 ? 2 * i : i, i1 = a->kind == 0 ? 2 * i + 1 : i + pairs;
                float c = angle[2 * i], s = angle[2 * i + 1], x0 = x[i0], x1 = x[i1];
                x[i0] = x0 * c - x1 * s;
                x[i1] = x0 * s + x1 * c;
            }
        }
    }
}
