/* What stands in front of all kernels of CUDA: the words of prelude_cuda.h as functions, for nvcc and for clang, without
 * any header of the toolkit. Read by the device compiler only.
 *
 * Instructions that a compiler could choose otherwise are written down: the rounding of RINT and the integer operations are
 * exact whatever it does with the rest; adding and multiplying rely on --fmad=false and -ffp-contract=off (ci/gpu-static
 * checks the outcome). Instructions are those of sm_80, the oldest architecture that is built. */
#ifdef __clang__
#define __device__              __attribute__((device))
#define __global__              __attribute__((global))
#define __shared__              __attribute__((shared))
#define __launch_bounds__(size, groups) __attribute__((launch_bounds(size, groups)))
typedef unsigned int uint;
typedef uint stream_four __attribute__((ext_vector_type(4)));
#define CUDA_REGISTER(name) __nvvm_read_ptx_sreg_##name()
static __device__ inline uint cuda_local_id() { return (uint)CUDA_REGISTER(tid_x); }
static __device__ inline uint cuda_group_x() { return (uint)CUDA_REGISTER(ctaid_x); }
static __device__ inline uint cuda_group_y() { return (uint)CUDA_REGISTER(ctaid_y); }
static __device__ inline uint cuda_groups_x() { return (uint)CUDA_REGISTER(nctaid_x); }
static __device__ inline uint cuda_groups_y() { return (uint)CUDA_REGISTER(nctaid_y); }
#else
typedef uint4 stream_four;
static __device__ inline uint cuda_local_id() { return threadIdx.x; }
static __device__ inline uint cuda_group_x() { return blockIdx.x; }
static __device__ inline uint cuda_group_y() { return blockIdx.y; }
static __device__ inline uint cuda_groups_x() { return gridDim.x; }
static __device__ inline uint cuda_groups_y() { return gridDim.y; }
#endif

static __device__ inline float cuda_as_float(uint bits)
{
    float value;
    asm("mov.b32 %0, %1;" : "=f"(value) : "r"(bits));
    return value;
}

static __device__ inline uint cuda_as_uint(float value)
{
    uint bits;
    asm("mov.b32 %0, %1;" : "=r"(bits) : "f"(value));
    return bits;
}

static __device__ inline float cuda_rint(float value)
{
    float rounded;
    asm("cvt.rni.f32.f32 %0, %1;" : "=f"(rounded) : "f"(value));
    return rounded;
}

static __device__ inline void cuda_barrier()
{
    __syncthreads();
}

/* A sum and four products of int8 in one instruction, in every architecture since sm_61. */
static __device__ inline int cuda_dot4(int sum, uint a, uint b)
{
    asm("dp4a.s32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* Volatile: all items of the warp must be at this place. */
static __device__ inline int cuda_warp_add(int value)
{
    int sum;
    asm volatile("redux.sync.add.s32 %0, %1, 0xffffffff;" : "=r"(sum) : "r"(value));
    return sum;
}

static __device__ inline void cuda_atomic_or(uint *word, uint bits)
{
    asm volatile("red.global.or.b32 [%0], %1;" : : "l"(word), "r"(bits) : "memory");
}
