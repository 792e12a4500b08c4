/* What the expressions in the .def tables are made of: multiplication and division that never wrap, and an operation's
 * U32 arguments as local variables. Owns: these macros, for the files that expand such tables. */
#ifndef STERNA_EXPRESSIONS_H
#define STERNA_EXPRESSIONS_H

#include "base/size.h"
#include "catalogue/args.def"

#define X2(a, b)    sterna_sat_mul((a), (b))
#define X3(a, b, c) sterna_sat_mul(sterna_sat_mul((a), (b)), (c))
#define DIV(a, b)   ((b) ? (a) / (b) : UINT64_MAX)

/* Behind LOCALS(op), in a function with `scalars` (one word per argument), expressions over the arguments are plain C. */
#define STERNA_LOCAL_SKIP_3(type, name, extent)      at++;
#define STERNA_LOCAL_SKIP_4(name, rows, cols, klass) at++;
#define STERNA_LOCAL_SKIP_1(name)                    at++;
#define STERNA_LOCAL_U32(name, low, high)                                                                    \
    const uint64_t name = scalars[at++];                                                                     \
    (void)name;
#define LOCALS(op)                                                                                           \
    uint32_t at = 0;                                                                                         \
    STERNA_ARGS_##op(STERNA_LOCAL_SKIP_3, STERNA_LOCAL_SKIP_3, STERNA_LOCAL_SKIP_3, STERNA_LOCAL_SKIP_4,     \
                     STERNA_LOCAL_U32, STERNA_LOCAL_SKIP_1)(void) at;

#endif
