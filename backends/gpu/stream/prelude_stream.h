/* What the preludes of CUDA and HIP share: a kernel is an extern "C" __global__ function named by its row, whose parameters
 * are pointers for the buffers, in their order, then the words (gpu/stream/api.def). Macros only. */
#include "catalogue/args.def"

#define FN static __device__ inline

#define TO_FLOAT(i) ((float)(i))
#define TO_INT(x)   ((int)(x))
#define TO_UINT(x)  ((uint)(x))

#define ARG(name)                  arg_##name
#define LD(buffer, i)              (arg_##buffer[i])
#define LD_AT(buffer, at, i)       ((arg_##buffer + (at))[i])
#define ST(buffer, i, value)       (arg_##buffer[i] = (value))
/* Ranges begin at multiples of 256 bytes (stream_list.c), so four words from a multiple of 4 on are aligned. */
#define COPY4(to, i, from, j)      (*(stream_four *)&arg_##to[i] = *(const stream_four *)&arg_##from[j])
#define ATOMIC_OR(buffer, i, bits) STREAM_ATOMIC_OR(&arg_##buffer[i], bits)
#define LDS(array, i)              (shared_##array[i])
#define STS(array, i, value)       (shared_##array[i] = (value))
#define STATUS(flags)                                                                                        \
    do {                                                                                                     \
        if ((flags) != 0u) ATOMIC_OR(status, ARG(status_at), flags);                                         \
    } while (0)

#define STREAM_TYPE_f32  float
#define STREAM_TYPE_u32  uint
#define STREAM_TYPE_i8   uint
#define STREAM_TYPE_byte uint

/* No output overlaps another argument (catalogue/args.def), which is what __restrict__ promises. */
#define STREAM_IN(type, name, extent)          const STREAM_TYPE_##type *__restrict__ arg_##name,
#define STREAM_OUT(type, name, extent)         STREAM_TYPE_##type *__restrict__ arg_##name,
#define STREAM_WEIGHT(name, rows, cols, klass) const uint *__restrict__ arg_##name,
#define STREAM_NO_BUFFER_U32(name, low, high)
#define STREAM_NO_BUFFER_F32(name)

#define STREAM_NO_WORD_BUFFER(type, name, extent)
#define STREAM_WORDS_WEIGHT(name, rows, cols, klass)                                                         \
    uint arg_##name##_first, uint arg_##name##_count, uint arg_##name##_stride, float arg_##name##_scale,
#define STREAM_U32(name, low, high) uint arg_##name,
#define STREAM_F32(name)            float arg_##name,

#define STREAM_ARRAY(type, name, count) __shared__ type shared_##name[count];

#define STREAM_KERNEL_(op, id)                                                                               \
    extern "C" __global__ void STREAM_LAUNCH_BOUNDS                                                          \
        id(STERNA_ARGS_##op(STREAM_IN, STREAM_OUT, STREAM_OUT, STREAM_WEIGHT, STREAM_NO_BUFFER_U32,          \
                            STREAM_NO_BUFFER_F32) uint *__restrict__ arg_status,                             \
           STERNA_ARGS_##op(STREAM_NO_WORD_BUFFER, STREAM_NO_WORD_BUFFER, STREAM_NO_WORD_BUFFER,             \
                            STREAM_WORDS_WEIGHT, STREAM_U32, STREAM_F32) uint arg_status_at)                 \
    {                                                                                                        \
        KERNEL_SHARED(STREAM_ARRAY)
#define STREAM_KERNEL(op, id) STREAM_KERNEL_(op, id)
#define KERNEL(op)            STREAM_KERNEL(op, KERNEL_ID)
#define KERNEL_END            }
