/* The table of reference kernels. */
#include "reference/reference.h"

sterna_kernel *sterna_reference(sterna_op op)
{
    static sterna_kernel *const kernels[STERNA_OP_COUNT] = {
#define OP(name, items, oracle, laws, sentence) sterna_ref_##name,
#include "catalogue/ops.def"
#undef OP
    };
    return kernels[op];
}
