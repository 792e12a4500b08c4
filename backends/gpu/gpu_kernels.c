/* Expansion of kernels.def: the table, the grids, the choice. */
#include "gpu/gpu_kernels.h"
#include "catalogue/expressions.h"

#define PART part

static uint64_t tiles(uint64_t count, uint64_t tile)
{
    return count / tile + (count % tile != 0);
}

#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs)                \
    static void grid_##id(const uint32_t *scalars, uint64_t part, uint64_t *out_x, uint64_t *out_y)          \
    {                                                                                                        \
        LOCALS(op)                                                                                           \
        (void)part;                                                                                          \
        *out_x = tiles((x), (x_tile));                                                                       \
        *out_y = tiles((y), (tile_rows));                                                                    \
    }
#include "kernels/kernels.def"
#undef KERNEL

enum {
    STEM_none = -1,
#define FORMAT(id, name, values, bytes, act, stem) STEM_##stem = id,
#include "formats/formats.def"
#undef FORMAT
#undef FORMAT_STORED
};

enum {
    NEEDS_ANY = 0,
    NEEDS_INT_DOT = STERNA_GPU_INT_DOT,
    NEEDS_SUBGROUPS = STERNA_GPU_SUBGROUPS,
    NEEDS_BOTH = STERNA_GPU_INT_DOT | STERNA_GPU_SUBGROUPS,
};

static const sterna_gpu_kernel_row table[STERNA_GPU_KERNELS] = {
#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs)                \
    {#id,      STERNA_OP_##op,      (uint32_t)STEM_##format, group,    tile_rows,                            \
     min_rows, STERNA_GPU_##scales, NEEDS_##needs,           grid_##id},
#include "kernels/kernels.def"
#undef KERNEL
};

const sterna_gpu_kernel_row *sterna_gpu_kernel_row_at(uint32_t index)
{
    return &table[index];
}

static bool takes(const sterna_gpu_kernel_row *row, const sterna_weight_view *view)
{
    if (!view) return row->format == UINT32_MAX;
    if (row->format != view->format->id) return false;
    return row->scales == STERNA_GPU_ANY || (row->scales == STERNA_GPU_UNIFORM) == (view->uniform != 0);
}

uint32_t sterna_gpu_kernels_for(sterna_op op, const sterna_weight_view *view, const sterna_gpu_limits *limits,
                                uint32_t rows[STERNA_GPU_KERNELS])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        if (table[i].op != op || table[i].group > limits->max_group_items || !takes(&table[i], view) ||
            (table[i].needs & ~limits->features))
            continue;
        uint32_t at = 0;
        while (at < count && table[rows[at]].min_rows > table[i].min_rows) at++;
        if (at < count && table[rows[at]].min_rows == table[i].min_rows) {
            if (table[i].needs > table[rows[at]].needs) rows[at] = i;
            continue;
        }
        for (uint32_t j = count++; j > at; j--) rows[j] = rows[j - 1];
        rows[at] = i;
    }
    return count;
}
