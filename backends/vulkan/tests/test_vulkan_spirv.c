/* The embedded modules are exact: every floating add, subtract and multiply carries NoContraction, nothing else rounds. And
 * the check that says so notices what it is there for. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "vulkan/spirv/spirv_exact.h"
#include "vulkan/vulkan_private.h"
#include "vulkan_test.h"
#include <string.h>

enum {
    OP_EXT_INST = 12,
    OP_TYPE_FLOAT = 22,
    OP_DECORATE = 71,
    OP_FADD = 129,
    OP_FMUL = 133,
    NO_CONTRACTION = 42
};

typedef struct words {
    uint32_t *word;
    size_t count;
} words;

static words copy_of(uint32_t index)
{
    const vulkan_code *code = sterna_vulkan_code(index);
    words copy = {sterna_alloc(*code->bytes, 1), *code->bytes / 4};
    if (copy.word) memcpy(copy.word, code->spirv, *code->bytes);
    return copy;
}

static uint32_t row_of(const char *id)
{
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++)
        if (strcmp(sterna_gpu_kernel_row_at(i)->id, id) == 0) return i;
    return 0;
}

/* The first instruction with this opcode; 0: none. */
static size_t find(const words *w, uint32_t opcode)
{
    for (size_t at = 5; at < w->count; at += w->word[at] >> 16)
        if ((w->word[at] & 0xffffu) == opcode) return at;
    return 0;
}

static void remove_words(words *w, size_t at, size_t count)
{
    memmove(w->word + at, w->word + at + count, (w->count - at - count) * 4);
    w->count -= count;
}

static void every_module_is_exact(sterna_test *t)
{
    uint32_t with_float = 0;
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        sterna_fault fault = {0};
        sterna_spirv_count found = {0, 0};
        words w = copy_of(i);
        sterna_status status = sterna_spirv_check(w.word, w.count, &found, &fault);
        sterna_free(w.word);
        CHECK_MSG(t, status == STERNA_OK && found.float_ops == found.decorated, "%s: %s",
                  sterna_gpu_kernel_row_at(i)->id, fault.text);
        with_float += found.float_ops > 0;
    }
    CHECK(t, with_float > STERNA_GPU_KERNELS / 2);
}

/* Each decoration is taken out in turn: the check names the instruction that lost it. */
static void a_missing_decoration_is_found(sterna_test *t)
{
    uint32_t index = row_of("rmsnorm"), removed = 0;
    for (size_t nth = 0;; nth++) {
        words w = copy_of(index);
        size_t at = 5, seen = 0;
        for (; at < w.count; at += w.word[at] >> 16)
            if ((w.word[at] & 0xffffu) == OP_DECORATE && w.word[at + 2] == NO_CONTRACTION && seen++ == nth)
                break;
        bool there = at < w.count;
        sterna_fault fault = {0};
        if (there) remove_words(&w, at, 3);
        sterna_status status = sterna_spirv_check(w.word, w.count, NULL, &fault);
        uint32_t *mended = NULL;
        size_t mended_count = 0;
        bool same = sterna_spirv_decorate(w.word, w.count, &mended, &mended_count, NULL) == STERNA_OK &&
                    mended_count == w.count + (there ? 3 : 0) &&
                    sterna_spirv_check(mended, mended_count, NULL, NULL) == STERNA_OK;
        sterna_free(mended);
        sterna_free(w.word);
        CHECK(t, same);
        if (!there) {
            CHECK(t, status == STERNA_OK && removed > 10);
            return;
        }
        CHECK_MSG(t, status == STERNA_FILE && strstr(fault.text, "without NoContraction"), "%s", fault.text);
        removed++;
    }
}

/* One instruction of a module becomes another of the same length. */
static void foreign_instructions_are_found(sterna_test *t)
{
    static const struct {
        uint32_t opcode;
        const char *says;
    } rows[] = {
        {136, "opcode 136"}, /* OpFDiv */
        {140, "opcode 140"}, /* OpFRem */
        {148, "opcode 148"}, /* OpDot */
        {142, "opcode 142"}, /* OpVectorTimesScalar */
    };
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        sterna_fault fault = {0};
        words w = copy_of(row_of("rmsnorm"));
        size_t at = find(&w, OP_FMUL);
        w.word[at] = 5u << 16 | rows[i].opcode;
        sterna_status status = sterna_spirv_check(w.word, w.count, NULL, &fault);
        sterna_free(w.word);
        CHECK_MSG(t, at && status == STERNA_FILE && strstr(fault.text, rows[i].says), "%s", fault.text);
    }
    /* RoundEven becomes Exp (27), Sqrt (31), Fma (50) of GLSL.std.450. */
    static const uint32_t functions[] = {27, 31, 50};
    for (uint32_t i = 0; i < STERNA_COUNT(functions); i++) {
        sterna_fault fault = {0};
        words w = copy_of(row_of("quant_token"));
        size_t at = find(&w, OP_EXT_INST);
        w.word[at + 4] = functions[i];
        sterna_status status = sterna_spirv_check(w.word, w.count, NULL, &fault);
        sterna_free(w.word);
        CHECK_MSG(t, at && status == STERNA_FILE && strstr(fault.text, "only RoundEven"), "%s", fault.text);
    }
    sterna_fault fault = {0};
    words w = copy_of(row_of("rmsnorm"));
    size_t at = find(&w, OP_TYPE_FLOAT);
    w.word[at + 2] = 64;
    sterna_status status = sterna_spirv_check(w.word, w.count, NULL, &fault);
    sterna_free(w.word);
    CHECK_MSG(t, at && status == STERNA_FILE && strstr(fault.text, "32 bits"), "%s", fault.text);
}

/* Damaged modules are refused or accepted, never read past their end (sanitizer builds watch). */
static void damage_is_survived(sterna_test *t)
{
    uint32_t refused = 0;
    for (uint32_t seed = 0; seed < 2000; seed++) {
        words w = copy_of(row_of("add"));
        uint32_t *whole = w.word;
        sterna_philox r = sterna_philox4x32(seed, 7, 0, 0, 0, 0);
        w.count = seed % 3 ? w.count : r.word[0] % w.count;
        w.word = sterna_alloc(w.count + 1, 4); /* its own block, so that reading past it shows */
        if (w.count) memcpy(w.word, whole, w.count * 4);
        for (uint32_t i = 0; i < 1 + seed % 4 && w.count; i++) {
            sterna_philox d = sterna_philox4x32(seed, 8, i, 0, 0, 0);
            w.word[d.word[0] % w.count] = d.word[1] % 2 ? d.word[2] : w.word[d.word[3] % w.count];
        }
        uint32_t *out = NULL;
        size_t out_count = 0;
        refused += sterna_spirv_decorate(w.word, w.count, &out, &out_count, NULL) != STERNA_OK;
        sterna_free(out);
        sterna_free(w.word);
        sterna_free(whole);
    }
    CHECK_MSG(t, refused > 100 && refused < 2000, "%u refused", refused);
}

/* Float controls: the modes are declared once, in place, and everything else stays. */
static void float_controls_are_added(sterna_test *t)
{
    for (uint32_t modes = 0; modes < 8; modes++)
        for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
            const vulkan_code *code = sterna_vulkan_code(i);
            uint32_t *made = NULL, n_modes = 0, n_capabilities = 0;
            uint32_t wanted = (modes & 1) + (modes >> 1 & 1) + (modes >> 2 & 1), found = 0;
            size_t bytes = 0, added = modes == 0 ? 0 : 7 + 6 * wanted;
            sterna_status status =
                sterna_vulkan_float_controls(op_case_host(), code, modes, &made, &bytes, NULL);
            CHECK(t, status == STERNA_OK && bytes == *code->bytes + 4 * added);
            for (size_t at = 5; at < bytes / 4; at += made[at] >> 16) {
                uint32_t opcode = made[at] & 0xffffu, operand = made[at + 1];
                for (uint32_t k = 0; k < 3; k++) {
                    static const uint32_t mode[] = {4459, 4462, 4461}, capability[] = {4464, 4467, 4466};
                    bool is_mode = opcode == 16 && made[at + 2] == mode[k] && made[at + 3] == 32;
                    n_modes += is_mode;
                    n_capabilities += opcode == 17 && operand == capability[k];
                    if (is_mode) found |= 1u << k;
                }
                CHECK(t, made[at] >> 16 != 0);
            }
            if (modes == 0) CHECK(t, memcmp(made, code->spirv, bytes) == 0);
            op_case_host()->release(op_case_host()->context, made);
            CHECK(t, found == modes && n_modes == wanted && n_capabilities == wanted);
        }
}

/* Bytes that the groups of a module share; UINT32_MAX when they cannot be told. All its types have 32 bits. */
static uint32_t shared_bytes(const words *w)
{
    enum { TYPE_ARRAY = 28, TYPE_POINTER = 32, CONSTANT = 43, VARIABLE = 59, WORKGROUP = 4 };
    const uint32_t bound = w->word[3];
    uint32_t sum = 0,
             *value =
                 sterna_alloc(bound, 4); /* a constant's value, the bytes of what a type is or points to */
    for (size_t at = 5; value && at < w->count; at += w->word[at] >> 16) {
        const uint32_t *word = w->word + at, opcode = word[0] & 0xffffu;
        if (opcode == OP_TYPE_FLOAT || opcode == OP_TYPE_FLOAT - 1) value[word[1]] = 4;
        if (opcode == CONSTANT) value[word[2]] = word[3];
        if (opcode == TYPE_ARRAY) value[word[1]] = value[word[2]] * value[word[3]];
        if (opcode == TYPE_POINTER) value[word[1]] = value[word[3]];
        if (opcode == VARIABLE && word[3] == WORKGROUP)
            sum = value[word[1]] ? sum + value[word[1]] : UINT32_MAX;
    }
    if (!value) sum = UINT32_MAX;
    sterna_free(value);
    return sum;
}

/* Limits that every device of Vulkan 1.1 has (specification, "Required Limits"), and no capability beyond what the row says
 * that it needs, since a device is made with no other feature. */
static void modules_fit_every_device(sterna_test *t)
{
    static const struct {
        uint32_t capability, needs;
    } allowed[] = {{1, 0}, /* Shader; GroupNonUniform, its Arithmetic; DotProduct, of packed int8 */
                   {61, STERNA_GPU_SUBGROUPS},
                   {63, STERNA_GPU_SUBGROUPS},
                   {6019, STERNA_GPU_INT_DOT},
                   {6018, STERNA_GPU_INT_DOT}};
    enum { LOCAL_SIZE = 17, SHARED = 16384, INVOCATIONS = 128 };
    uint32_t most = 0;
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        const sterna_gpu_kernel_row *row = sterna_gpu_kernel_row_at(i);
        words w = copy_of(i);
        uint32_t sized = 0;
        CHECK(t, w.word != NULL);
        for (size_t at = 5; at < w.count; at += w.word[at] >> 16) {
            const uint32_t *word = w.word + at, opcode = word[0] & 0xffffu;
            bool known = opcode != 17;
            for (uint32_t k = 0; k < STERNA_COUNT(allowed) && !known; k++)
                known = allowed[k].capability == word[1] && !(allowed[k].needs & ~row->needs);
            CHECK_MSG(t, known, "%s: capability %u", row->id, word[1]);
            if (opcode != 16 || word[2] != LOCAL_SIZE) continue;
            CHECK(t, word[3] == row->group && word[3] <= INVOCATIONS && word[4] == 1 && word[5] == 1);
            sized++;
        }
        uint32_t shared = shared_bytes(&w);
        sterna_free(w.word);
        CHECK_MSG(t, sized == 1 && shared <= SHARED, "%s: groups share %u bytes", row->id, shared);
        if (shared > most) most = shared;
    }
    CHECK_MSG(t, most == 15232, "attention_wide.kc says 15,232 bytes, not %u", most);
}

const sterna_test_case sterna_test_cases[] = {
    {"every_module_is_exact", every_module_is_exact, 0},
    {"a_missing_decoration_is_found", a_missing_decoration_is_found, 0},
    {"foreign_instructions_are_found", foreign_instructions_are_found, 0},
    {"damage_is_survived", damage_is_survived, 0},
    {"float_controls_are_added", float_controls_are_added, 0},
    {"modules_fit_every_device", modules_fit_every_device, 0},
    {0},
};
