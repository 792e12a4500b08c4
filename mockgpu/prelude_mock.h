/* The words of the device dialect (kernels/DIALECT.md) for the mock GPU. Goes through the preprocessor in front of a .kc
 * file; the text that comes out is hashed and compiled behind mock_item.h. Macros only, nothing else is included here. */
#include "catalogue/args.def"

#define FN __attribute__((unused, always_inline)) static inline

#define AS_FLOAT(bits) mock_as_float(bits)
#define AS_UINT(value) mock_as_uint(value)
#define TO_FLOAT(i)    ((float)(i))
#define TO_INT(x)      ((int)(x))
#define TO_UINT(x)     ((uint)(x))
#define RINT(a)        rintf(a)

/* Every turn of a loop counts, so that one without an end is found. In a helper function the counter is the thread's, in a
 * kernel a variable of the same name. */
/* clang-format off */
#define for(...)   for (__VA_ARGS__) if (!mock_turn(&sterna_mock_turns_left, MOCK_HERE)) {} else
#define while(...) while (mock_turn(&sterna_mock_turns_left, MOCK_HERE) && (__VA_ARGS__))
/* clang-format on */

#define LOCAL_ID ((uint)I->local)
#define GROUP_X  (I->group->x)
#define GROUP_Y  (I->group->y)
#define GROUPS_X (I->group->groups_x)
#define GROUPS_Y (I->group->groups_y)

#define BARRIER() \
    ((void)(sterna_mock_barrier(I, MOCK_HERE), mock_see(&mock_own, I), sterna_mock_turns_left = I->group->steps))
#ifdef WITH_INT_DOT
#define DOT4(sum, a, b) mock_dot4((sum), (a), (b))
#endif
#ifdef WITH_SUBGROUPS
#define SUBGROUP_ADD(value) \
    __extension__({ \
        const int sum_ = sterna_mock_subgroup_add(I, (value), MOCK_HERE); \
        sterna_mock_turns_left = I->group->steps; \
        sum_; \
    })
#define SUBGROUP_FIRST()    (I->lane == 0u)
#define SUBGROUP_ID         ((uint)I->subgroup)
#define SUBGROUPS           (I->group->subgroups)
#endif

#define MOCK_HERE          ((mock_site){__FILE__, __LINE__})
#define MOCK_SHARED        ((struct kernel_shared *)I->group->shared)
#define MOCK_OFFSET(array) ((uint)(__builtin_offsetof(struct kernel_shared, array) / 4))
#define MOCK_COUNT(array)  ((uint)(sizeof MOCK_SHARED->array / 4))
#define ARG(name)          (mock_args->name)
#define LD(buffer, i) \
    (mock_args->buffer.data[mock_load(I, &mock_args->buffer.bound, (i), &mock_own, MOCK_HERE)])
/* The value is computed first: it may read the word that is about to count as written. */
#define ST(buffer, i, value) \
    __extension__({ \
        const __typeof__(mock_args->buffer.data[0]) stored_ = (value); \
        mock_args->buffer.data[mock_store(I, &mock_args->buffer.bound, (i), &stored_, &mock_own, MOCK_HERE)] = stored_; \
    })
#define COPY4(to, i, from, j) \
    mock_copy4(I, &mock_args->to.bound, (i), &mock_args->from.bound, (j), &mock_own, MOCK_HERE)
#define ATOMIC_OR(buffer, i, value)                                                                          \
    (mock_args->buffer.data[mock_atomic(I, &mock_args->buffer.bound, (i), &mock_own, MOCK_HERE)] |= (value))
#define LDS(array, i)                                                                                        \
    (MOCK_SHARED->array[mock_shared_load(I, MOCK_OFFSET(array), MOCK_COUNT(array), (i), &mock_own, #array, MOCK_HERE)])
#define STS(array, i, value) \
    __extension__({ \
        const __typeof__(MOCK_SHARED->array[0]) stored_ = (value); \
        MOCK_SHARED->array[mock_shared_store(I, MOCK_OFFSET(array), MOCK_COUNT(array), (i), I->group->shared, \
                                             &stored_, &mock_own, #array, MOCK_HERE)] = stored_; \
    })
#define STATUS(flags) \
    __extension__({ \
        if ((flags) != 0u) ATOMIC_OR(status, ARG(status_at), flags); \
    })

#define MOCK_TYPE_f32  float
#define MOCK_TYPE_u32  uint
#define MOCK_TYPE_i8   uint
#define MOCK_TYPE_byte uint

/* struct kernel_params: what an item reads its arguments from. */
#define MOCK_IN(type, name, extent)                                                                          \
    struct {                                                                                                 \
        const MOCK_TYPE_##type *data;                                                                        \
        mock_bound bound;                                                                                    \
    } name;
#define MOCK_OUT(type, name, extent)                                                                         \
    struct {                                                                                                 \
        MOCK_TYPE_##type *data;                                                                              \
        mock_bound bound;                                                                                    \
    } name;
#define MOCK_WEIGHT(name, rows, cols, klass)                                                                 \
    MOCK_IN(u32, name, rows)                                                                                 \
    uint name##_first, name##_count, name##_stride;                                                          \
    float name##_scale;
#define MOCK_U32(name, low, high)     uint name;
#define MOCK_F32(name)                float name;
#define MOCK_ARRAY(type, name, count) type name[count];

/* Filling it: buffers in order, then words in order. */
#define MOCK_BIND_BUFFER(type, name, extent)                                                                 \
    p->name.bound = *bound;                                                                                  \
    p->name.data = (MOCK_TYPE_##type *)bound++->words;
#define MOCK_BIND_WEIGHT(name, rows, cols, klass)                                                            \
    MOCK_BIND_BUFFER(u32, name, rows)                                                                        \
    p->name##_first = *word++;                                                                               \
    p->name##_count = *word++;                                                                               \
    p->name##_stride = *word++;                                                                              \
    p->name##_scale = mock_as_float(*word++);
#define MOCK_BIND_U32(name, low, high) p->name = *word++;
#define MOCK_BIND_F32(name)            p->name = mock_as_float(*word++);

#define MOCK_NAME_BUFFER(type, name, extent)      #name,
#define MOCK_NAME_WEIGHT(name, rows, cols, klass) #name,
#define MOCK_NAME_NONE_U32(name, low, high)
#define MOCK_NAME_NONE_F32(name)

#define MOCK_READ_BUFFER(type, name, extent)      false,
#define MOCK_WRITTEN_BUFFER(type, name, extent)   true,
#define MOCK_READ_WEIGHT(name, rows, cols, klass) false,

#define MOCK_ZERO_BUFFER(type, name, extent)      +0
#define MOCK_FOUR_WEIGHT(name, rows, cols, klass) +4
#define MOCK_ONE_U32(name, low, high)             +1
#define MOCK_ONE_F32(name)                        +1

#define MOCK_JOIN_(a, b) a##b
#define MOCK_JOIN(a, b)  MOCK_JOIN_(a, b)
#define MOCK_TEXT_(a)    #a
#define MOCK_TEXT(a)     MOCK_TEXT_(a)

#define KERNEL(op)                                                                                           \
    struct kernel_params {                                                                                   \
        STERNA_ARGS_##op(MOCK_IN, MOCK_OUT, MOCK_OUT, MOCK_WEIGHT, MOCK_U32, MOCK_F32)                       \
            MOCK_OUT(u32, status, 1) uint status_at;                                                         \
    };                                                                                                       \
    struct kernel_shared {                                                                                   \
        KERNEL_SHARED(MOCK_ARRAY)                                                                            \
        uint unused;                                                                                         \
    };                                                                                                       \
    static void kernel_bind(const mock_bound *bound, const uint *word, void *params)                         \
    {                                                                                                        \
        struct kernel_params *p = params;                                                                    \
        STERNA_ARGS_##op(MOCK_BIND_BUFFER, MOCK_BIND_BUFFER, MOCK_BIND_BUFFER, MOCK_BIND_WEIGHT,             \
                         MOCK_BIND_U32, MOCK_BIND_F32) MOCK_BIND_BUFFER(u32, status, 1)                      \
            MOCK_BIND_U32(status_at, 0, 0)                                                                   \
    }                                                                                                        \
    static const char *const kernel_names[] = {                                                              \
        STERNA_ARGS_##op(MOCK_NAME_BUFFER, MOCK_NAME_BUFFER, MOCK_NAME_BUFFER, MOCK_NAME_WEIGHT,             \
                         MOCK_NAME_NONE_U32, MOCK_NAME_NONE_F32) "status"};                                  \
    static const bool kernel_written[] = {STERNA_ARGS_##op(MOCK_READ_BUFFER, MOCK_WRITTEN_BUFFER,            \
                                                           MOCK_WRITTEN_BUFFER, MOCK_READ_WEIGHT,            \
                                                           MOCK_NAME_NONE_U32, MOCK_NAME_NONE_F32) true};    \
    static void kernel_body(const mock_item *restrict I, const void *restrict params);                       \
    const mock_kernel MOCK_JOIN(sterna_mock_kernel_, KERNEL_ID) = {                                          \
        .name = MOCK_TEXT(KERNEL_ID),                                                                        \
        .body = kernel_body,                                                                                 \
        .bind = kernel_bind,                                                                                 \
        .group_size = GROUP_SIZE,                                                                            \
        .params_bytes = sizeof(struct kernel_params),                                                        \
        .shared_bytes = sizeof(struct kernel_shared),                                                        \
        .n_bounds = sizeof kernel_names / sizeof kernel_names[0],                                            \
        .n_words = 1 STERNA_ARGS_##op(MOCK_ZERO_BUFFER, MOCK_ZERO_BUFFER, MOCK_ZERO_BUFFER,                  \
                                      MOCK_FOUR_WEIGHT, MOCK_ONE_U32, MOCK_ONE_F32),                         \
        .bound_names = kernel_names,                                                                         \
        .bound_written = kernel_written,                                                                     \
        .hash = kernel_hash,                                                                                 \
    };                                                                                                       \
    static void kernel_body(const mock_item *restrict I, const void *restrict params)                        \
    {                                                                                                        \
        const struct kernel_params *const mock_args = params;                                                \
        mock_view mock_own = {0};                                                                            \
        int64_t sterna_mock_turns_left = I->group->steps;                                                    \
        mock_see(&mock_own, I);
#define KERNEL_END                                                                                           \
        (void)sterna_mock_turns_left;                                                                        \
        mock_end(&mock_own, I);                                                                   \
    }

/* The kernel itself. */
#include KERNEL_FILE
