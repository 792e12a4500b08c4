/* docs/kernels.md from the catalogue: operations, their arguments and domains, and the types computed with. */
#include "base/size.h"
#include "catalogue/catalogue.h"
#include "catalogue/domain.def"
#include "gendocs.h"
#include <string.h>

/* Sentences of an operation's domain, NULL at the end. */
#define REQUIRE(condition, sentence) sentence,
#define OP(name, items, oracle, laws, sentence)                                                              \
    static const char *const domain_##name[] = {STERNA_DOMAIN_##name(REQUIRE) NULL};
#include "catalogue/ops.def"
#undef OP
#undef REQUIRE

/* Extents as people write them; one per buffer argument, in order. */
#define TEXT(x)                     TEXT_(x)
#define TEXT_(x)                    #x
#define X2(a, b)                    a *b
#define X3(a, b, c)                 a *b *(c)
#define DIV(a, b)                   (a / b)
#define BUFFER(type, name, extent)  TEXT(extent),
#define WEIGHT(name, rows, cols, k) "",
#define U32(name, low, high)        "",
#define F32(name)                   "",
#define OP(name, items, oracle, laws, sentence)                                                              \
    static const char *const extents_##name[] = {                                                            \
        STERNA_ARGS_##name(BUFFER, BUFFER, BUFFER, WEIGHT, U32, F32)};
#include "catalogue/ops.def"
#undef OP

static const struct {
    const char *const *domain, *const *extents;
    const char *items, *oracle, *laws;
} columns[] = {
#define OP(name, items, oracle, laws, sentence) {domain_##name, extents_##name, TEXT(items), #oracle, #laws},
#include "catalogue/ops.def"
#undef OP
};

/* A product, with a space on both sides of each operator and no brackets around a single name. */
static void print_product(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        size_t name = *p == '(' ? strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_") : 0;
        if (name && p[1 + name] == ')') {
            fprintf(out, "%.*s", (int)name, p + 1);
            p += name + 1;
        } else if (*p == '*' && p[1] != ' ') {
            fputs(p > text && p[-1] == ' ' ? "* " : " * ", out);
        } else {
            fputc(*p, out);
        }
    }
}

static const char *kind_name(sterna_param_kind kind)
{
    static const char *const names[] = {"in", "out", "in, out", "weight", "number", "number"};
    return names[kind];
}

static const char *class_name(sterna_weight_class klass)
{
    static const char *const names[] = {"any computed type", "F32, F16 or BF16", "ternary",
                                        "block-quantised"};
    return names[klass];
}

static void argument(FILE *out, const sterna_param *p, const char *extent)
{
    fprintf(out, "| `%s` | %s | ", p->name, kind_name(p->kind));
    switch (p->kind) {
    case STERNA_PARAM_WEIGHT:
        fprintf(out, "%s | `%s` |\n", class_name(p->klass), p->extent);
        break;
    case STERNA_PARAM_U32:
        fprintf(out, "u32 | %u to %u |\n", p->low, p->high);
        break;
    case STERNA_PARAM_F32:
        fputs("f32 | |\n", out);
        break;
    default:
        fprintf(out, "%s | `", p->type);
        print_product(out, extent);
        fputs("` |\n", out);
    }
}

static void operation(FILE *out, sterna_op op)
{
    const sterna_op_info *info = sterna_op_get(op);
    fprintf(out, "\n### %s\n\n%s.\n\n", info->name, info->sentence);
    fputs("| argument | kind | type | elements, range |\n|---|---|---|---|\n", out);
    for (uint32_t i = 0; i < info->n_params; i++) argument(out, &info->params[i], columns[op].extents[i]);
    fputs("\nWork items: `", out);
    print_product(out, columns[op].items);
    fprintf(out, "`. Oracle: `%s`. Laws: `%s`.", columns[op].oracle, columns[op].laws);
    for (const char *const *sentence = columns[op].domain; *sentence; sentence++)
        fprintf(out, "%s %s", sentence == columns[op].domain ? " Requires:" : ";", *sentence);
    if (columns[op].domain[0]) fputc('.', out);
    fputc('\n', out);
}

static const char *act_name(sterna_act act)
{
    switch (act) {
    case STERNA_ACT_F32:
        return "binary32 (R32)";
    case STERNA_ACT_TOKEN:
        return "int8 per token";
    case STERNA_ACT_BLOCK32:
        return "int8 blocks of 32 (R8)";
    case STERNA_ACT_BLOCK256:
        return "int8 blocks of 256 (R8)";
    }
    return "?";
}

static void formats(FILE *out)
{
    uint32_t n;
    const sterna_format *all = sterna_format_all(&n);
    fputs("\n## Types of weights\n\n"
          "Types that kernels compute with, and the activations they meet outside BitNet architectures (in "
          "those, ternary\n"
          "types meet int8 per token). All other GGUF types open, and are refused by name when a kernel "
          "would need them.\n\n"
          "| type | GGUF id | values per block | bytes per block | activations |\n|---|---|---|---|---|\n",
          out);
    for (uint32_t i = 0; i < n; i++)
        if (all[i].unpack)
            fprintf(out, "| %s | %u | %u | %u | %s |\n", all[i].name, all[i].id, all[i].values, all[i].bytes,
                    act_name(all[i].act));
    fputs("\nStored only:", out);
    for (uint32_t i = 0, first = 1; i < n; i++)
        if (!all[i].unpack) {
            fprintf(out, "%s %s", first ? "" : ",", all[i].name);
            first = 0;
        }
    fputs(".\n", out);
}

/* The rows of both kernel tables as text, whatever machine this is built on. */
typedef struct code_row {
    const char *place, *op, *format,
        *act; /* place: a CPU level or a kernel's id; format, act: ANY or a name */
} code_row;

#define STERNA_CPU_X86 1
static const code_row cpu_rows[] = {
#define KERNEL(level, op, format, act, pack, symbol) {#level, #op, #format, #act},
#include "cpu/cpu_kernels.def"
#undef KERNEL
};

static const char *const levels[] = {
#define LEVEL(NAME, name, needs, sentence) #NAME,
#include "cpu/levels.def"
#undef LEVEL
};

static const code_row gpu_rows[] = {
#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs)                       \
    {#id, #op, #format, "ANY"},
#include "kernels/kernels.def"
#undef KERNEL
};

static const char *act_word(sterna_act act)
{
    static const char *const words[] = {"F32", "TOKEN", "BLOCK32", "BLOCK256"};
    return words[act];
}

/* Names of formats stand in upper case in one table, in lower case in the other. */
static bool same_word(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a | 32) != (*b | 32) && *a != *b) return false;
    return *a == *b;
}

static bool covers(const code_row *row, const char *op, const char *format, const char *act)
{
    return !strcmp(row->op, op) && (!strcmp(row->format, "ANY") || same_word(row->format, format)) &&
           (!strcmp(row->act, "ANY") || !strcmp(row->act, act));
}

static void code_line(FILE *out, const char *op, const char *format, const char *act, const char *activations)
{
    fprintf(out, "| %s | %s | %s |", op, format, activations);
    for (size_t l = 0; l < STERNA_COUNT(levels); l++) {
        bool own = l == 0; /* the reference has every operation */
        for (size_t i = 0; i < STERNA_COUNT(cpu_rows); i++)
            own = own || (!strcmp(cpu_rows[i].place, levels[l]) && covers(&cpu_rows[i], op, format, act));
        fputs(own ? " own |" : " |", out);
    }
    size_t found = 0;
    for (size_t i = 0; i < STERNA_COUNT(gpu_rows); i++)
        if (!strcmp(gpu_rows[i].op, op) &&
            (!strcmp(gpu_rows[i].format, "none") || same_word(gpu_rows[i].format, format)))
            fprintf(out, "%s`%s`", found++ ? ", " : " ", gpu_rows[i].place);
    fputs(" |\n", out);
}

static void kernels(FILE *out)
{
    uint32_t n;
    const sterna_format *all = sterna_format_all(&n);
    fputs("\n## What computes it\n\n"
          "Levels of the CPU that have code of their own for an operation; one without uses the nearest such "
          "level to its left,\n"
          "and all give the same bits. The last column names the device kernels of all GPUs, the mock "
          "included\n"
          "(`backends/kernels/kernels.def`); where there are several, the number of rows, the weight's scales "
          "and\nwhat the device has (group sizes, int8 dot products, subgroups) decide.\n\n"
          "| operation | weights | activations |",
          out);
    for (size_t l = 0; l < STERNA_COUNT(levels); l++) {
        fputc(' ', out);
        for (const char *c = levels[l]; *c; c++) fputc(*c >= 'A' && *c <= 'Z' ? *c | 32 : *c, out);
        fputs(" |", out);
    }
    fputs(" device kernels |\n|---|---|---|", out);
    for (size_t l = 0; l < STERNA_COUNT(levels); l++) fputs("---|", out);
    fputs("---|\n", out);
    for (int op = 0; op < STERNA_OP_COUNT; op++) {
        const sterna_op_info *info = sterna_op_get((sterna_op)op);
        bool weighted = false;
        for (uint32_t i = 0; i < info->n_params; i++)
            weighted = weighted || info->params[i].kind == STERNA_PARAM_WEIGHT;
        if (!weighted) code_line(out, info->name, "", "", "");
        for (uint32_t f = 0; weighted && f < n; f++)
            for (int act = STERNA_ACT_F32; act <= STERNA_ACT_BLOCK256; act++)
                if (all[f].unpack && sterna_op_takes((sterna_op)op, all[f].id, (sterna_act)act))
                    code_line(out, info->name, all[f].name, act_word((sterna_act)act),
                              op == STERNA_OP_embed ? "" : act_name((sterna_act)act));
    }
}

void gendocs_kernels(FILE *out)
{
    fputs("# Operations and kernels\n\n"
          "Generated from the tables of `backends/catalogue/` and `backends/formats/` by `make docs`.\n"
          "[numerics.md](numerics.md) says what the operations compute, bit for bit; this page, with what "
          "shapes.\n\n"
          "A plan is a list of these operations on buffers. Arguments stand in this order in "
          "`sterna_node.args`; extents are\n"
          "in elements, `X2` and `X3` multiply and `DIV` divides. Every plan is checked against these rows "
          "before it runs.\n\n"
          "## Operations\n",
          out);
    for (int op = 0; op < STERNA_OP_COUNT; op++) operation(out, (sterna_op)op);
    formats(out);
    kernels(out);
}
