/* The words of the device dialect (kernels/DIALECT.md) in GLSL 4.50 for Vulkan. Goes through the C preprocessor in front
 * of a .kc file; the text that comes out is compiled behind `#version 450` and the row's #extension lines. */
#include "catalogue/args.def"

#define FN

#define AS_FLOAT(bits) uintBitsToFloat(bits)
#define AS_UINT(value) floatBitsToUint(value)
#define TO_FLOAT(i)    float(i)
#define TO_INT(x)      int(x)
#define TO_UINT(x)     uint(x)
#define RINT(a)        roundEven(a)

#define LOCAL_ID gl_LocalInvocationID.x
#define GROUP_X  gl_WorkGroupID.x
#define GROUP_Y  gl_WorkGroupID.y
#define GROUPS_X gl_NumWorkGroups.x
#define GROUPS_Y gl_NumWorkGroups.y

#define BARRIER() barrier()
#ifdef WITH_INT_DOT
/* OpSDotKHR with operands packed into words; GLSL has no word for it. */
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6019, 6018], id = 4450)
int packed_dot(int a, int b, spirv_literal int packed_4x8);
#define DOT4(sum, a, b) ((sum) + packed_dot(int(a), int(b), 0))
#endif
#ifdef WITH_SUBGROUPS
#define SUBGROUP_ADD(value) subgroupAdd(value)
#define SUBGROUP_FIRST()    subgroupElect()
#define SUBGROUP_ID         gl_SubgroupID
#define SUBGROUPS           gl_NumSubgroups
#endif

#define ARG(name)                  (arg.name)
#define LD(buffer, i)              (buffer##_words[i])
#define ST(buffer, i, value)       buffer##_words[i] = (value)
/* A word at a time: a second block of vectors at the same binding would break `restrict`. Compilers of drivers join them. */
#define COPY4(to, i, from, j)                                                                                \
    do {                                                                                                     \
        uint at_to = (i), at_from = (j);                                                                     \
        to##_words[at_to] = from##_words[at_from];                                                           \
        to##_words[at_to + 1u] = from##_words[at_from + 1u];                                                 \
        to##_words[at_to + 2u] = from##_words[at_from + 2u];                                                 \
        to##_words[at_to + 3u] = from##_words[at_from + 3u];                                                 \
    } while (false)
#define ATOMIC_OR(buffer, i, bits) atomicOr(buffer##_words[i], (bits))
#define LDS(array, i)              (array[i])
#define STS(array, i, value)       array[i] = (value)
#define STATUS(flags)                                                                                        \
    do {                                                                                                     \
        if ((flags) != 0u) ATOMIC_OR(status, ARG(status_at), flags);                                         \
    } while (false)

#define VULKAN_TYPE_f32  float
#define VULKAN_TYPE_u32  uint
#define VULKAN_TYPE_i8   uint
#define VULKAN_TYPE_byte uint

/* Buffers are bindings 1, 2, ... in the order of the arguments (__COUNTER__: gcc and clang); words are push constants, which
 * take the place 0 when a module is translated to MSL. No argument that is written overlaps another (args.def): restrict. */
#define VULKAN_IN(type, name, extent)                                                                        \
    layout(std430, set = 0, binding = __COUNTER__ + 1) restrict readonly buffer name##_buffer                    \
    {                                                                                                        \
        VULKAN_TYPE_##type name##_words[];                                                                   \
    };
#define VULKAN_OUT(type, name, extent)                                                                       \
    layout(std430, set = 0, binding = __COUNTER__ + 1) restrict buffer name##_buffer                             \
    {                                                                                                        \
        VULKAN_TYPE_##type name##_words[];                                                                   \
    };
#define VULKAN_WEIGHT(name, rows, cols, class) VULKAN_IN(u32, name, rows)
#define VULKAN_ARRAY(type, name, count)        shared type name[count];

#define VULKAN_NO_WORD(type, name, extent)
#define VULKAN_NO_BUFFER_U32(name, low, high)
#define VULKAN_NO_BUFFER_F32(name)
#define VULKAN_WORD_WEIGHT(name, rows, cols, class)                                                          \
    uint name##_first;                                                                                       \
    uint name##_count;                                                                                       \
    uint name##_stride;                                                                                      \
    float name##_scale;
#define VULKAN_WORD_U32(name, low, high) uint name;
#define VULKAN_WORD_F32(name)            float name;

#define KERNEL(op)                                                                                           \
    layout(local_size_x = GROUP_SIZE) in;                                                                    \
    STERNA_ARGS_##op(VULKAN_IN, VULKAN_OUT, VULKAN_OUT, VULKAN_WEIGHT, VULKAN_NO_BUFFER_U32,                 \
                     VULKAN_NO_BUFFER_F32) VULKAN_OUT(u32, status, 1) KERNEL_SHARED(VULKAN_ARRAY)            \
        layout(push_constant) uniform words                                                                  \
    {                                                                                                        \
        STERNA_ARGS_##op(VULKAN_NO_WORD, VULKAN_NO_WORD, VULKAN_NO_WORD, VULKAN_WORD_WEIGHT,                 \
                         VULKAN_WORD_U32, VULKAN_WORD_F32) uint status_at;                                   \
    }                                                                                                        \
    arg;                                                                                                     \
    void main()
#define KERNEL_END

/* The kernel itself. */
#include KERNEL_FILE
