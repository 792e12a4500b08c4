/* The words of the device dialect (kernels/DIALECT.md) for CUDA. Goes through the preprocessor in front of a .kc file; the
 * text that comes out stands behind device_cuda.h, which has the cuda_* functions. Macros only. */
#include "gpu/stream/prelude_stream.h"

#define AS_FLOAT(bits) cuda_as_float(bits)
#define AS_UINT(value) cuda_as_uint(value)
#define RINT(a)        cuda_rint(a)

#define LOCAL_ID cuda_local_id()
#define GROUP_X  cuda_group_x()
#define GROUP_Y  cuda_group_y()
#define GROUPS_X cuda_groups_x()
#define GROUPS_Y cuda_groups_y()

#define BARRIER() cuda_barrier()
#ifdef WITH_INT_DOT
#define DOT4(sum, a, b) cuda_dot4((sum), (a), (b))
#endif
/* A warp is 32 items on every NVIDIA GPU so far, and groups are whole warps. */
#ifdef WITH_SUBGROUPS
#define SUBGROUP_ADD(value) cuda_warp_add(value)
#define SUBGROUP_FIRST()    (cuda_local_id() % 32u == 0u)
#define SUBGROUP_ID         (cuda_local_id() / 32u)
#define SUBGROUPS           (GROUP_SIZE / 32u)
#endif

/* At least 768 items on a multiprocessor, so 80 registers for each. Without the second figure ptxas keeps registers in
 * memory to make room for more groups. */
#define STREAM_LAUNCH_BOUNDS __launch_bounds__(GROUP_SIZE, 768 / GROUP_SIZE)

#define STREAM_ATOMIC_OR(pointer, bits) cuda_atomic_or((pointer), (bits))

/* The kernel itself. */
#include KERNEL_FILE
