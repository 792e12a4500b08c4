/* Which function computes an operation at a level. Owns: the table and its search.
 * Leaves to others: the functions (level_*.c, reference/). */
#ifndef STERNA_CPU_KERNELS_H
#define STERNA_CPU_KERNELS_H

#include "catalogue/catalogue.h"
#include "cpu/cpu_features.h"
#include "cpu/cpu_pack.h"

enum { STERNA_CPU_ANY = -1 };

typedef struct sterna_cpu_kernel {
    sterna_cpu_level level;
    sterna_op op;
    int32_t format, act; /* STERNA_CPU_ANY or the weight's */
    sterna_cpu_pack pack;
    sterna_kernel *run;
} sterna_cpu_kernel;

uint32_t sterna_cpu_kernel_count(void);
const sterna_cpu_kernel *sterna_cpu_kernel_get(uint32_t index);
/* "matmul_block.Q4_K/avx2"; the format stands there only where the row asks for one. */
void sterna_cpu_kernel_name(uint32_t index, char name[64]);
/* Index of the row a device of this level uses; every operation has one. Format and act are ignored where the
 * operation has no weight. */
uint32_t sterna_cpu_kernel_find(sterna_cpu_level level, sterna_op op, uint32_t format, sterna_act act);
/* The layout in which a device of this level keeps such a weight. */
sterna_cpu_pack sterna_cpu_pack_for(sterna_cpu_level level, uint32_t format, sterna_act act);

/* How a node is cut for threads: `grain` items belong together (a panel of 16 rows), one item takes about
 * `work` elementary steps. */
typedef struct sterna_cpu_split {
    uint32_t grain;
    uint64_t work;
} sterna_cpu_split;
sterna_cpu_split sterna_cpu_split_of(sterna_op op, const sterna_args *args);

#endif
