/* Walking a SPIR-V module: which instructions there are, which carry NoContraction, and adding it. */
#include "spirv_exact.h"
#include "base/mem.h"
#include "base/size.h"
#include <string.h>

/* Opcodes with a meaning here, decorations and the one instruction of GLSL.std.450 that rounds exactly. */
enum {
    MAGIC = 0x07230203,
    HEADER_WORDS = 5,
    OP_EXT_INST_IMPORT = 11,
    OP_EXT_INST = 12,
    OP_TYPE_VOID = 19,
    OP_TYPE_INT = 21,
    OP_TYPE_FLOAT = 22,
    OP_DECORATE = 71,
    OP_MEMBER_DECORATE = 72,
    NO_CONTRACTION = 42,
    GLSL_ROUND_EVEN = 2,
    MAX_IDS = 1 << 20
};

typedef struct op_row {
    uint32_t number;
    const char *name;
    bool is_float;
} op_row;

static const op_row rows[] = {
#define OP(name, number)       {number, "Op" #name, false},
#define FLOAT_OP(name, number) {number, "Op" #name, true},
#include "spirv_ops.def"
#undef OP
#undef FLOAT_OP
};

static const op_row *find_row(uint32_t opcode)
{
    for (size_t i = 0; i < STERNA_COUNT(rows); i++)
        if (rows[i].number == opcode) return &rows[i];
    return NULL;
}

/* One instruction of a module. */
typedef struct instruction {
    size_t at; /* of its first word */
    uint32_t opcode, length;
    const uint32_t *word; /* word[0] holds opcode and length */
} instruction;

typedef struct module {
    const uint32_t *words;
    size_t count;
    uint8_t *decorated; /* per id: 1 when it carries NoContraction */
    uint32_t bound;
    size_t annotations; /* where decorations may be inserted */
} module;

/* The instruction at `at`; false at the end. The lengths were checked by open_module. */
static bool next(const module *m, size_t *at, instruction *out)
{
    if (*at >= m->count) return false;
    const uint32_t *word = m->words + *at;
    *out = (instruction){*at, word[0] & 0xffffu, word[0] >> 16, word};
    *at += out->length;
    return true;
}

static sterna_status open_module(const uint32_t *words, size_t count, module *m, sterna_fault *fault)
{
    *m = (module){.words = words, .count = count};
    if (count < HEADER_WORDS || words[0] != MAGIC)
        return sterna_fail(fault, STERNA_FILE, "not a SPIR-V module of this byte order");
    m->bound = words[3];
    if (m->bound == 0 || m->bound > MAX_IDS)
        return sterna_fail(fault, STERNA_FILE, "a bound of %u ids; from 1 to %u is sensible", m->bound,
                           MAX_IDS);
    for (size_t at = HEADER_WORDS; at < count;) {
        uint32_t length = words[at] >> 16, opcode = words[at] & 0xffffu;
        if (length == 0 || length > count - at)
            return sterna_fail(fault, STERNA_FILE, "word %zu: an instruction of %u words with %zu left", at,
                               length, count - at);
        if (m->annotations == 0 &&
            (opcode == OP_DECORATE || opcode == OP_MEMBER_DECORATE || opcode == OP_TYPE_VOID))
            m->annotations = at;
        at += length;
    }
    if (m->annotations == 0)
        return sterna_fail(fault, STERNA_FILE, "no type declarations: this is not a shader");
    m->decorated = sterna_alloc(m->bound, 1);
    if (!m->decorated) return sterna_fail(fault, STERNA_MEMORY, "out of memory for %u ids", m->bound);
    instruction i;
    for (size_t at = HEADER_WORDS; next(m, &at, &i);)
        if (i.opcode == OP_DECORATE && i.length == 3 && i.word[2] == NO_CONTRACTION && i.word[1] < m->bound)
            m->decorated[i.word[1]] = 1;
    return STERNA_OK;
}

/* Everything about one instruction but NoContraction. */
static sterna_status check_instruction(const module *m, const instruction *i, const op_row **row,
                                       sterna_fault *fault)
{
    *row = find_row(i->opcode);
    if (!*row)
        return sterna_fail(fault, STERNA_FILE,
                           "word %zu: opcode %u is not among those of exact kernels (spirv_ops.def)", i->at,
                           i->opcode);
    if ((i->opcode == OP_TYPE_INT || i->opcode == OP_TYPE_FLOAT) && (i->length < 3 || i->word[2] != 32))
        return sterna_fail(fault, STERNA_FILE, "word %zu: %s of other than 32 bits", i->at, (*row)->name);
    if (i->opcode == OP_EXT_INST_IMPORT &&
        (i->length < 6 || strncmp((const char *)(i->word + 2), "GLSL.std.450", 4 * (i->length - 2u)) != 0))
        return sterna_fail(fault, STERNA_FILE, "word %zu: an instruction set other than GLSL.std.450", i->at);
    if (i->opcode == OP_EXT_INST && (i->length < 5 || i->word[4] != GLSL_ROUND_EVEN))
        return sterna_fail(fault, STERNA_FILE,
                           "word %zu: instruction %u of GLSL.std.450; only RoundEven is exact everywhere",
                           i->at, i->length < 5 ? 0 : i->word[4]);
    if ((*row)->is_float && (i->length != 5 || i->word[2] >= m->bound))
        return sterna_fail(fault, STERNA_FILE, "word %zu: %s is malformed", i->at, (*row)->name);
    return STERNA_OK;
}

sterna_status sterna_spirv_check(const uint32_t *words, size_t count, sterna_spirv_count *found,
                                 sterna_fault *fault)
{
    module m;
    instruction i;
    const op_row *row;
    sterna_spirv_count counted = {0, 0};
    sterna_status status = open_module(words, count, &m, fault);
    for (size_t at = HEADER_WORDS; status == STERNA_OK && next(&m, &at, &i);) {
        status = check_instruction(&m, &i, &row, fault);
        if (status != STERNA_OK || !row->is_float) continue;
        counted.float_ops++;
        counted.decorated += m.decorated[i.word[2]];
        if (!m.decorated[i.word[2]])
            status =
                sterna_fail(fault, STERNA_FILE,
                            "word %zu: %s without NoContraction: a driver may fuse it into a multiply-add",
                            i.at, row->name);
    }
    sterna_free(m.decorated);
    if (status == STERNA_OK && found) *found = counted;
    return status;
}

sterna_status sterna_spirv_decorate(const uint32_t *words, size_t count, uint32_t **out, size_t *out_count,
                                    sterna_fault *fault)
{
    module m;
    instruction i;
    const op_row *row;
    size_t missing = 0, to;
    sterna_status status = open_module(words, count, &m, fault);
    for (size_t at = HEADER_WORDS; status == STERNA_OK && next(&m, &at, &i);) {
        status = check_instruction(&m, &i, &row, fault);
        if (status == STERNA_OK && row->is_float && !m.decorated[i.word[2]]) missing++;
    }
    uint32_t *made = status == STERNA_OK ? sterna_alloc(count + 3 * missing, sizeof *made) : NULL;
    if (status == STERNA_OK && !made)
        status = sterna_fail(fault, STERNA_MEMORY, "out of memory for a module");
    if (status == STERNA_OK) {
        memcpy(made, words, m.annotations * sizeof *made);
        to = m.annotations;
        for (size_t at = HEADER_WORDS; next(&m, &at, &i);) {
            row = find_row(i.opcode);
            if (!row->is_float || m.decorated[i.word[2]]) continue;
            made[to++] = 3u << 16 | OP_DECORATE;
            made[to++] = i.word[2];
            made[to++] = NO_CONTRACTION;
        }
        memcpy(made + to, words + m.annotations, (count - m.annotations) * sizeof *made);
        *out = made;
        *out_count = count + 3 * missing;
    }
    sterna_free(m.decorated);
    return status;
}
