/* Residual addition and the gated activations. */
#include "reference/ref_math.h"
#include "reference/reference.h"

void sterna_ref_add(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_add *a = &args->add;
    (void)flags;
    for (uint64_t i = begin; i < end; i++) a->x[i] = a->x[i] + a->y[i];
}

void sterna_ref_glu(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_glu *a = &args->glu;
    (void)flags;
    for (uint64_t i = begin; i < end; i++)
        a->y[i] = (a->act == 0 ? sterna_silu(a->g[i]) : sterna_relu2(a->g[i])) * a->u[i];
}
