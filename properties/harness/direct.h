/* A backend that calls kernels of the common signature (sterna_kernel) directly on guarded host memory: each
 * buffer lies against a page that may not be touched, and work items come in ranges cut at random. Owns: that
 * machinery. Leaves to others: the kernels, which the caller hands over as a table. */
#ifndef STERNA_DIRECT_H
#define STERNA_DIRECT_H

#include "catalogue/catalogue.h"

typedef sterna_kernel *sterna_kernel_table(sterna_op op);

/* The backend named "direct" over the reference kernels. */
const sterna_backend_api *sterna_direct_backend(void);
/* Replaces the table that devices opened from now on use; NULL: the reference again. A kernel of NULL is
 * unsupported. */
void sterna_direct_use(sterna_kernel_table *table);

#endif
