/* The rows of kernels.def as data: which kernels can run a node, and on how many groups.
 * Owns: selection by operation, weight and device limits. Leaves to others: the kernels themselves
 * (kernels/). */
#ifndef STERNA_GPU_KERNELS_H
#define STERNA_GPU_KERNELS_H

#include "catalogue/catalogue.h"
#include "gpu/gpu_driver.h"

typedef enum sterna_gpu_scales { STERNA_GPU_ANY, STERNA_GPU_UNIFORM, STERNA_GPU_VARYING } sterna_gpu_scales;

typedef struct sterna_gpu_kernel_row {
    const char *id;
    sterna_op op;
    uint32_t format; /* GGUF type id; UINT32_MAX: takes no weight */
    uint32_t group, tile_rows, min_rows;
    sterna_gpu_scales scales;
    uint32_t needs; /* STERNA_GPU_INT_DOT, STERNA_GPU_SUBGROUPS */
    /* Groups along X and Y before limits; `part` is the number of weight rows bound. */
    void (*grid)(const uint32_t *scalars, uint64_t part, uint64_t *x, uint64_t *y);
} sterna_gpu_kernel_row;

enum {
    STERNA_GPU_KERNELS = 0
#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs) +1
#include "kernels/kernels.def"
#undef KERNEL
};

const sterna_gpu_kernel_row *sterna_gpu_kernel_row_at(uint32_t index);
/* Fills `rows` with the indices of the kernels that can run this operation with this weight (NULL where there
 * is none) on a device with these limits, the largest min_rows first, of each min_rows the one that makes most of the
 * device's features; returns how many there are (0: none). */
uint32_t sterna_gpu_kernels_for(sterna_op op, const sterna_weight_view *view, const sterna_gpu_limits *limits,
                                uint32_t rows[STERNA_GPU_KERNELS]);

#endif
