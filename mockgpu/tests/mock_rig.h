/* A mock driver with three blocks, and planted kernels to launch on it. Owns: making and closing them. */
#ifndef STERNA_MOCK_RIG_H
#define STERNA_MOCK_RIG_H

#include "gpu/tests/op_case.h"
#include "mock_driver.h"

#define KERNEL(id, file, op, format, group, rows) extern const mock_kernel sterna_mock_kernel_##id;
#include "planted/planted.def"
#undef KERNEL

enum { WORDS = 256, BLOCK_WORDS = 1024 };

/* x holds word i = 3 i + 1, y is unwritten, the status word is 0. */
typedef struct rig {
    void *gpu;
    sterna_gpu_limits limits;
    sterna_gpu_memory x, y, status;
    sterna_fault fault;
} rig;

bool rig_open(sterna_test *t, rig *r, const char *variant, const sterna_host *host);
void rig_close(rig *r);
/* Queues a planted kernel on four groups, which reads the first WORDS of `x` and writes to `y`. */
sterna_status rig_launch(rig *r, const mock_kernel *kernel, sterna_gpu_memory x, sterna_gpu_memory y,
                         uint32_t tag);
/* From x to y, tag 77, and what wait() says. */
sterna_status rig_run(rig *r, const mock_kernel *kernel, uint32_t *tag);

#endif
