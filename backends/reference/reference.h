/* The canonical reference: one function per row of ops.def, scalar C that defines the bits (docs/numerics.md
 * section 8, level 2). It is also the device cpu:scalar. Owns: the declarations and the table. Slow and plain
 * on purpose. */
#ifndef STERNA_REFERENCE_H
#define STERNA_REFERENCE_H

#include "catalogue/catalogue.h"

#define OP(name, items, oracle, laws, sentence)                                                              \
    void sterna_ref_##name(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags);
#include "catalogue/ops.def"
#undef OP

/* The reference kernel of an operation. */
sterna_kernel *sterna_reference(sterna_op op);

#endif
