/* Rows moved and unpacked: embedding and gather. */
#include "reference/reference.h"
#include <string.h>

/* A token id outside the vocabulary sets RANGE and gives a row of +0. */
void sterna_ref_embed(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_embed *a = &args->embed;
    for (uint64_t row = begin; row < end; row++) {
        float *y = a->y + row * a->n;
        if (a->ids[row] < a->vocab) {
            a->w->format->unpack(a->w->data + a->ids[row] * a->w->row_bytes, a->n, y);
        } else {
            *flags |= STERNA_FLAG_RANGE;
            memset(y, 0, (size_t)a->n * sizeof *y);
        }
    }
}

/* An index outside the source sets RANGE and gives a row of +0. */
void sterna_ref_gather(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_gather *a = &args->gather;
    for (uint64_t row = begin; row < end; row++) {
        float *y = a->y + row * a->n;
        if (a->index[row] < a->source_rows) {
            memcpy(y, a->x + (uint64_t)a->index[row] * a->n, (size_t)a->n * sizeof *y);
        } else {
            *flags |= STERNA_FLAG_RANGE;
            memset(y, 0, (size_t)a->n * sizeof *y);
        }
    }
}
