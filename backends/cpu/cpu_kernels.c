/* The kernel table: the reference for every operation, then the rows of cpu_kernels.def. */
#include "cpu/cpu_kernels.h"
#include "base/size.h"
#include "reference/reference.h"
#include <stdio.h>

/* A symbol may stand in several rows. */
#define KERNEL(LEVEL, op, FORMAT, ACT, PACK, symbol) sterna_kernel symbol;
#include "cpu/cpu_kernels.def"
#undef KERNEL

static const sterna_cpu_kernel kernels[] = {
#define OP(name, items, oracle, laws, sentence)                                                              \
    {STERNA_LEVEL_SCALAR, STERNA_OP_##name,     STERNA_CPU_ANY,                                              \
     STERNA_CPU_ANY,      STERNA_CPU_PACK_NONE, sterna_ref_##name},
#include "catalogue/ops.def"
#undef OP
#define STERNA_FORMAT_ANY STERNA_CPU_ANY
#define STERNA_ACT_ANY    STERNA_CPU_ANY
#define KERNEL(LEVEL, op, FORMAT, ACT, PACK, symbol)                                                         \
    {STERNA_LEVEL_##LEVEL,      STERNA_OP_##op,         (int32_t)STERNA_FORMAT_##FORMAT,                     \
     (int32_t)STERNA_ACT_##ACT, STERNA_CPU_PACK_##PACK, symbol},
#include "cpu/cpu_kernels.def"
#undef KERNEL
};

uint32_t sterna_cpu_kernel_count(void)
{
    return (uint32_t)STERNA_COUNT(kernels);
}

const sterna_cpu_kernel *sterna_cpu_kernel_get(uint32_t index)
{
    return &kernels[index];
}

void sterna_cpu_kernel_name(uint32_t index, char name[64])
{
    const sterna_cpu_kernel *k = &kernels[index];
    const sterna_format *format =
        k->format == STERNA_CPU_ANY ? NULL : sterna_format_find((uint32_t)k->format);
    snprintf(name, 64, "%s%s%s/%s", sterna_op_get(k->op)->name, format ? "." : "", format ? format->name : "",
             sterna_cpu_level_name(k->level));
}

uint32_t sterna_cpu_kernel_find(sterna_cpu_level level, sterna_op op, uint32_t format, sterna_act act)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < STERNA_COUNT(kernels); i++) {
        const sterna_cpu_kernel *k = &kernels[i];
        if (k->op != op || k->level > level) continue;
        if (k->format != STERNA_CPU_ANY && k->format != (int32_t)format) continue;
        if (k->act != STERNA_CPU_ANY && k->act != (int32_t)act) continue;
        if (kernels[best].op != op || k->level >= kernels[best].level) best = i;
    }
    return best;
}

sterna_cpu_pack sterna_cpu_pack_for(sterna_cpu_level level, uint32_t format, sterna_act act)
{
    sterna_op op = act == STERNA_ACT_F32     ? STERNA_OP_matmul_float
                   : act == STERNA_ACT_TOKEN ? STERNA_OP_matmul_ternary
                                             : STERNA_OP_matmul_block;
    return kernels[sterna_cpu_kernel_find(level, op, format, act)].pack;
}

sterna_cpu_split sterna_cpu_split_of(sterna_op op, const sterna_args *args)
{
    const uint32_t panel = STERNA_CPU_PANEL_ROWS;
    switch (op) {
    case STERNA_OP_embed:
        return (sterna_cpu_split){1, args->embed.n};
    case STERNA_OP_rmsnorm:
        return (sterna_cpu_split){1, args->rmsnorm.n};
    case STERNA_OP_quant_token:
        return (sterna_cpu_split){1, args->quant_token.n};
    case STERNA_OP_quant_block:
        return (sterna_cpu_split){1, args->quant_block.block};
    case STERNA_OP_matmul_float:
        return (sterna_cpu_split){panel, (uint64_t)args->matmul_float.rows * args->matmul_float.k};
    case STERNA_OP_matmul_ternary:
        return (sterna_cpu_split){panel, (uint64_t)args->matmul_ternary.rows * args->matmul_ternary.k / 4};
    case STERNA_OP_matmul_block:
        return (sterna_cpu_split){panel, (uint64_t)args->matmul_block.rows * args->matmul_block.k / 2};
    case STERNA_OP_rope:
        return (sterna_cpu_split){1, (uint64_t)args->rope.heads * args->rope.n_rot};
    case STERNA_OP_kv_append:
        return (sterna_cpu_split){1, args->kv_append.n};
    case STERNA_OP_attention: {
        const sterna_args_attention *a = &args->attention;
        /* Heads that share keys and values stay together. How far a row looks back is known only when it
         * runs: count on one chunk. */
        return (sterna_cpu_split){a->heads / a->kv_heads, (uint64_t)a->dim * 256};
    }
    case STERNA_OP_add:
        return (sterna_cpu_split){32, 1};
    case STERNA_OP_glu:
        return (sterna_cpu_split){32, 4};
    case STERNA_OP_gather:
        return (sterna_cpu_split){1, args->gather.n};
    case STERNA_OP_COUNT:
        break;
    }
    return (sterna_cpu_split){1, 1};
}
