/* The words of the device dialect (kernels/DIALECT.md) for HIP. Goes through the preprocessor in front of a .kc file; the
 * text that comes out stands behind device_hip.h, which has the hip_* functions. Macros only. */
#include "gpu/stream/prelude_stream.h"

#define AS_FLOAT(bits) hip_as_float(bits)
#define AS_UINT(value) hip_as_uint(value)
#define RINT(a)        hip_rint(a)

#define LOCAL_ID hip_local_id()
#define GROUP_X  hip_group_x()
#define GROUP_Y  hip_group_y()
#define GROUPS_X (hip_grid_items(0) / GROUP_SIZE)
#define GROUPS_Y hip_grid_items(1)

#define BARRIER() hip_barrier()
#ifdef WITH_INT_DOT
#define DOT4(sum, a, b) hip_dot4((sum), (a), (b))
#endif
/* A wave is 32 or 64 items, as the architecture has it; a group may be less than one. */
#ifdef WITH_SUBGROUPS
#define SUBGROUP_ADD(value) hip_wave_add((value), GROUP_SIZE)
#define SUBGROUP_FIRST()    (hip_local_id() % HIP_WAVE == 0u)
#define SUBGROUP_ID         (hip_local_id() / HIP_WAVE)
#define SUBGROUPS           ((GROUP_SIZE + HIP_WAVE - 1u) / HIP_WAVE)
#endif

#define STREAM_LAUNCH_BOUNDS __launch_bounds__(GROUP_SIZE)

#define STREAM_ATOMIC_OR(pointer, bits) hip_atomic_or((pointer), (bits))

/* The kernel itself. */
#include KERNEL_FILE
