/* Stands in front of the joined kernels of CUDA or HIP in place of device_cuda.h or device_hip.h, so that a C++ compiler for the
 * processor makes of them what the device compilers are given: same preludes, same text, same parameter lists. The work
 * items of a group are fibers (shim_driver.c). SHIM_WAVE: items in a wave. */
#include <utility>

typedef unsigned int uint;
typedef uint stream_four __attribute__((vector_size(16)));
#define __device__
#define __global__
/* Groups run one after another; what they share lies together, so that it can be spoilt before each. */
#define __shared__ static __attribute__((section("shim_shared")))
#define __launch_bounds__(...)

extern "C" {
struct shim_place {
    uint local, group_x, group_y, groups_x, groups_y, group_size;
};
extern shim_place shim_here;
void shim_barrier();
int shim_wave_add(int value, uint wave);
}

#define SHIM_WORDS(api)                                                                                      \
    static inline float api##_as_float(uint bits)                                                            \
    {                                                                                                        \
        return __builtin_bit_cast(float, bits);                                                              \
    }                                                                                                        \
    static inline uint api##_as_uint(float value)                                                            \
    {                                                                                                        \
        return __builtin_bit_cast(uint, value);                                                              \
    }                                                                                                        \
    static inline float api##_rint(float value)                                                              \
    {                                                                                                        \
        return __builtin_rintf(value);                                                                       \
    }                                                                                                        \
    static inline uint api##_local_id()                                                                      \
    {                                                                                                        \
        return shim_here.local;                                                                              \
    }                                                                                                        \
    static inline uint api##_group_x()                                                                       \
    {                                                                                                        \
        return shim_here.group_x;                                                                            \
    }                                                                                                        \
    static inline uint api##_group_y()                                                                       \
    {                                                                                                        \
        return shim_here.group_y;                                                                            \
    }                                                                                                        \
    static inline void api##_barrier()                                                                       \
    {                                                                                                        \
        shim_barrier();                                                                                      \
    }                                                                                                        \
    static inline void api##_atomic_or(uint *word, uint bits)                                                \
    {                                                                                                        \
        *word |= bits;                                                                                       \
    }                                                                                                        \
    static inline int api##_dot4(int sum, uint a, uint b)                                                    \
    {                                                                                                        \
        for (int i = 0; i < 32; i += 8) sum += (signed char)(a >> i) * (signed char)(b >> i);                \
        return sum;                                                                                          \
    }
SHIM_WORDS(cuda)
SHIM_WORDS(hip)

static inline uint cuda_groups_x()
{
    return shim_here.groups_x;
}
static inline uint cuda_groups_y()
{
    return shim_here.groups_y;
}
static inline int cuda_warp_add(int value)
{
    return shim_wave_add(value, 32u);
}

#define HIP_WAVE ((uint)SHIM_WAVE)
static inline uint hip_grid_items(int dimension)
{
    return dimension == 0 ? shim_here.groups_x * shim_here.group_size : shim_here.groups_y;
}
static inline int hip_wave_add(int value, uint)
{
    return shim_wave_add(value, HIP_WAVE);
}

/* Calls a kernel with parameters as the driver API takes them: a pointer to each. */
template <class... A, std::size_t... I>
static void shim_unpack(void (*kernel)(A...), void **parameters, std::index_sequence<I...>)
{
    kernel(*(A *)parameters[I]...);
}
template <class... A> static void shim_call(void (*kernel)(A...), void **parameters)
{
    shim_unpack(kernel, parameters, std::index_sequence_for<A...>{});
}
template <class... A> static constexpr uint shim_count(void (*)(A...))
{
    return sizeof...(A);
}

struct shim_kernel {
    const char *name;
    void (*run)(void **parameters);
    uint parameters;
};
extern "C" const shim_kernel shim_kernels[];
