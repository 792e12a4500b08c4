/* A plan of five nodes on a device, for tests of everything around kernels: embed, rmsnorm, quant_token,
 * matmul_ternary, add. Owns: its making, running and clean end wherever it stopped. */
#ifndef STERNA_GPU_TINY_PLAN_H
#define STERNA_GPU_TINY_PLAN_H

#include "gpu/tests/op_case.h"

enum { TINY_NODES = 5, TINY_ROWS = 8, TINY_WIDTH = 256, TINY_VOCAB = 11, TINY_LABEL = 100 };

typedef struct tiny_plan {
    const sterna_backend_api *api;
    const sterna_host *host;
    sterna_device *device;
    sterna_buffer *ids, *x, *norm, *w, *q, *s, *y;
    sterna_weight *table, *matrix;
    sterna_plan *plan;
    sterna_fault fault;
    uint32_t ids_data[TINY_ROWS];
} tiny_plan;

/* Opens the device and makes everything, with inputs written. Slot 0 is the number of rows. On failure what
 * was made stays for tiny_close. */
sterna_status tiny_make(tiny_plan *p, const sterna_backend_api *api, const sterna_host *host,
                        const char *variant);
/* The same with all of the ABI's parameters. */
sterna_status tiny_make_with(tiny_plan *p, const sterna_backend_api *api, const sterna_host *host,
                             const sterna_open_params *params);
/* Submits all nodes for `rows` rows. */
sterna_status tiny_submit(tiny_plan *p, uint32_t rows, sterna_fence *fence);
/* Submits, waits, reads y to `out` (TINY_ROWS * TINY_WIDTH); *result may be NULL. */
sterna_status tiny_run(tiny_plan *p, uint32_t rows, float *out, sterna_result *result);
/* Destroys what there is; any state is allowed. */
void tiny_close(tiny_plan *p);
/* The same bits by the reference: y for `rows` rows; false when memory is refused. */
bool tiny_reference(uint32_t rows, float *out);

#endif
