/* What stands in front of all kernels of HIP: the words of prelude_hip.h as functions on clang's builtins, without any header
 * or device library of ROCm. Read by the device compiler only, once per architecture. */
#define __device__              __attribute__((device))
#define __global__              __attribute__((global))
#define __shared__              __attribute__((shared))
#define __launch_bounds__(size) __attribute__((amdgpu_flat_work_group_size(size, size)))
typedef unsigned int uint;
typedef uint stream_four __attribute__((ext_vector_type(4)));

/* Items in lock-step: 64 on GCN and CDNA, 32 as these are compiled for RDNA. */
#if __has_builtin(__builtin_amdgcn_wavefrontsize)
#define HIP_WAVE ((uint)__builtin_amdgcn_wavefrontsize())
#else
#define HIP_WAVE ((uint)__AMDGCN_WAVEFRONT_SIZE)
#endif

static __device__ inline uint hip_local_id() { return (uint)__builtin_amdgcn_workitem_id_x(); }
static __device__ inline uint hip_group_x() { return (uint)__builtin_amdgcn_workgroup_id_x(); }
static __device__ inline uint hip_group_y() { return (uint)__builtin_amdgcn_workgroup_id_y(); }
/* The dispatch packet has the grid in items: 32-bit words 3 and 4 (HSA runtime 1.2, section 2.9.6); a group is
 * GROUP_SIZE x 1 items. */
static __device__ inline uint hip_grid_items(int dimension)
{
    return ((const __attribute__((address_space(4))) uint *)__builtin_amdgcn_dispatch_ptr())[3 + dimension];
}

static __device__ inline float hip_as_float(uint bits) { return __builtin_bit_cast(float, bits); }
static __device__ inline uint hip_as_uint(float value) { return __builtin_bit_cast(uint, value); }
/* v_rndne_f32 */
static __device__ inline float hip_rint(float value) { return __builtin_rintf(value); }

static __device__ inline void hip_barrier()
{
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}

/* A sum and four products of int8, as one instruction where the architecture has one. */
static __device__ inline int hip_dot4(int sum, uint a, uint b)
{
#if defined(__gfx906__) || defined(__gfx908__) || defined(__gfx90a__) || defined(__gfx940__) ||                              \
    defined(__gfx942__) || defined(__gfx1030__) || defined(__gfx1031__) || defined(__gfx1032__) ||                           \
    defined(__gfx1033__) || defined(__gfx1034__) || defined(__gfx1035__) || defined(__gfx1036__)
    return __builtin_amdgcn_sdot4((int)a, (int)b, sum, false);
#elif defined(__gfx1100__) || defined(__gfx1101__) || defined(__gfx1102__) || defined(__gfx1103__)
    return __builtin_amdgcn_sudot4(true, (int)a, true, (int)b, sum, false);
#else
    for (int shift = 0; shift < 32; shift += 8) sum += ((int)(a << (24 - shift)) >> 24) * ((int)(b << (24 - shift)) >> 24);
    return sum;
#endif
}

/* Adds what the item of the lane number with these bits turned over has. */
#define HIP_SWIZZLE_ADD(value, mask) ((value) + __builtin_amdgcn_ds_swizzle((value), ((mask) << 10) | 31))

/* All items of the wave are here; those of a group smaller than the wave are its first ones. */
static __device__ inline int hip_wave_add(int value, uint group)
{
    value = HIP_SWIZZLE_ADD(value, 1);
    value = HIP_SWIZZLE_ADD(value, 2);
    value = HIP_SWIZZLE_ADD(value, 4);
    value = HIP_SWIZZLE_ADD(value, 8);
    value = HIP_SWIZZLE_ADD(value, 16);
    if (HIP_WAVE == 64u && group > 32u)
        value += __builtin_amdgcn_ds_bpermute((int)((hip_local_id() ^ 32u) % 64u * 4u), value);
    return value;
}

static __device__ inline void hip_atomic_or(uint *word, uint bits)
{
    __atomic_fetch_or(word, bits, __ATOMIC_RELAXED);
}
