/* The words of the device dialect (kernels/DIALECT.md) in OpenCL C 1.2. Goes through the preprocessor in front of a .kc
 * file; the text that comes out is what the device's compiler gets and what is hashed. Macros only.
 *
 * A buffer parameter comes as the whole memory object and the word where the bound range begins (README.md: why no
 * sub-buffers); the kernel's own pointer is their sum. Parameters stand in this order: both of each buffer, then words. */
#include "catalogue/args.def"

/* Never contracted; there is no build option for this. */
#pragma OPENCL FP_CONTRACT OFF

#define FN static

#define AS_FLOAT(bits) as_float(bits)
#define AS_UINT(value) as_uint(value)
#define TO_FLOAT(i)    convert_float_rte((int)(i))
#define TO_INT(x)      ((int)(x))
#define TO_UINT(x)     ((uint)(x))
#define RINT(a)        rint(a)

#define LOCAL_ID ((uint)get_local_id(0))
#define GROUP_X  ((uint)get_group_id(0))
#define GROUP_Y  ((uint)get_group_id(1))
#define GROUPS_X ((uint)get_num_groups(0))
#define GROUPS_Y ((uint)get_num_groups(1))

#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#ifdef WITH_INT_DOT
#define DOT4(sum, a, b) ((sum) + dot_4x8packed_ss_int((a), (b)))
#endif
#ifdef WITH_SUBGROUPS
#pragma OPENCL EXTENSION cl_khr_subgroups : enable
#define SUBGROUP_ADD(value) sub_group_reduce_add((int)(value))
#define SUBGROUP_FIRST()    (get_sub_group_local_id() == 0u)
#define SUBGROUP_ID         ((uint)get_sub_group_id())
#define SUBGROUPS           ((uint)get_num_sub_groups())
#endif

#define ARG(name)           arg_##name
#define LD(buffer, i)       (buffer[(i)])
#define ST(buffer, i, value) (buffer[(i)] = (value))
#define COPY4(to, i, from, j) vstore4(vload4(0, (from) + (j)), 0, (to) + (i))
#define ATOMIC_OR(buffer, i, bits) atomic_or((volatile __global uint *)&buffer[(i)], (uint)(bits))
#define LDS(array, i)       (array[(i)])
#define STS(array, i, value) (array[(i)] = (value))
#define STATUS(flags)                                                                                        \
    do {                                                                                                     \
        if ((flags) != 0u) ATOMIC_OR(status, ARG(status_at), flags);                                         \
    } while (0)

#define CL_TYPE_f32  float
#define CL_TYPE_u32  uint
#define CL_TYPE_i8   uint
#define CL_TYPE_byte uint

/* Parameters: first pass, buffers. */
#define CL_PARAM_IN(type, name, extent)         __global const CL_TYPE_##type *memory_##name, uint from_##name,
#define CL_PARAM_OUT(type, name, extent)        __global CL_TYPE_##type *memory_##name, uint from_##name,
#define CL_PARAM_WEIGHT(name, rows, cols, klass) CL_PARAM_IN(u32, name, rows)
#define CL_NONE_U32(name, low, high)
#define CL_NONE_F32(name)
/* Second pass, words. */
#define CL_NONE_BUFFER(type, name, extent)
#define CL_WORD_WEIGHT(name, rows, cols, klass)                                                              \
    uint arg_##name##_first, uint arg_##name##_count, uint arg_##name##_stride, float arg_##name##_scale,
#define CL_WORD_U32(name, low, high) uint arg_##name,
#define CL_WORD_F32(name)            float arg_##name,
/* In the kernel: where the ranges begin, and shared memory. */
#define CL_LOCAL_IN(type, name, extent)          __global const CL_TYPE_##type *name = memory_##name + from_##name;
#define CL_LOCAL_OUT(type, name, extent)         __global CL_TYPE_##type *name = memory_##name + from_##name;
#define CL_LOCAL_WEIGHT(name, rows, cols, klass) CL_LOCAL_IN(u32, name, rows)
#define CL_SHARED(type, name, count)             __local type name[count];

#define CL_JOIN_(a, b) a##b
#define CL_JOIN(a, b)  CL_JOIN_(a, b)

#define KERNEL(op)                                                                                           \
    __kernel __attribute__((reqd_work_group_size(GROUP_SIZE, 1, 1))) void CL_JOIN(sterna_, KERNEL_ID)(       \
        STERNA_ARGS_##op(CL_PARAM_IN, CL_PARAM_OUT, CL_PARAM_OUT, CL_PARAM_WEIGHT, CL_NONE_U32, CL_NONE_F32) \
            CL_PARAM_OUT(u32, status, 1)                                                                     \
                STERNA_ARGS_##op(CL_NONE_BUFFER, CL_NONE_BUFFER, CL_NONE_BUFFER, CL_WORD_WEIGHT,             \
                                 CL_WORD_U32, CL_WORD_F32) uint arg_status_at)                               \
    {                                                                                                        \
        STERNA_ARGS_##op(CL_LOCAL_IN, CL_LOCAL_OUT, CL_LOCAL_OUT, CL_LOCAL_WEIGHT, CL_NONE_U32, CL_NONE_F32) \
            CL_LOCAL_OUT(u32, status, 1) KERNEL_SHARED(CL_SHARED)
#define KERNEL_END }

/* The kernel itself. */
#include KERNEL_FILE
