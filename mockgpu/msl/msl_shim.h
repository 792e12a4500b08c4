/* As much of Metal's standard library as the translated kernels use, for a C++ compiler on a processor. Owns: the names.
 * Leaves to others: scheduling (the mock GPU, by msl_call.h). Metal Shading Language Specification, version 2.3: sections
 * 4 (address spaces), 5.2 (attributes), 6.9 (synchronisation), 6.15 (atomics). */
#ifndef STERNA_MSL_SHIM_H
#define STERNA_MSL_SHIM_H

#include "msl_call.h"
#include <cmath>
#include <cstring>

typedef uint32_t uint;

struct uint3 {
    uint x, y, z;
    constexpr uint3(uint first, uint second, uint third) : x(first), y(second), z(third) {}
};

/* Address spaces. A group's items run on one thread, one group after the other; two devices at once are not meant. */
#define device
#define thread
#define constant    const
#define threadgroup static
#define kernel      static

template <typename To, typename From> static inline To as_type(From from)
{
    static_assert(sizeof(To) == sizeof(From), "as_type keeps the size");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}

namespace metal
{
enum class mem_flags { mem_none, mem_device, mem_threadgroup };
enum memory_order { memory_order_relaxed };
typedef uint atomic_uint;

static inline void threadgroup_barrier(mem_flags)
{
    sterna_msl_barrier();
}
static inline int simd_sum(int value)
{
    return sterna_msl_simd_sum(value);
}
static inline bool simd_is_first()
{
    return sterna_msl_simd_is_first() != 0;
}
static inline uint atomic_fetch_or_explicit(atomic_uint *word, uint bits, memory_order)
{
    uint before = *word;
    *word = before | bits;
    return before;
}
/* Ties to even: the rounding mode of the thread. */
static inline float rint(float value)
{
    return std::nearbyintf(value);
}
static inline float fma(float a, float b, float c)
{
    return std::fmaf(a, b, c);
}

/* The translator writes templates for them that no kernel instantiates. */
template <typename T, int N> struct vec {
    vec(T);
    T &operator[](uint);
};
template <typename T, int Columns, int Rows> struct matrix {
    vec<T, Rows> &operator[](uint);
};
} // namespace metal

using namespace metal;

template <typename T, size_t Count> struct spvUnsafeArray {
    T elements[Count];
    T &operator[](size_t i) { return elements[i]; }
    const T &operator[](size_t i) const { return elements[i]; }
};

#endif
