/* What each gate asks. A gate returns true, or fills in the finding and returns false. */
#include "judge/gates.h"
#include "base/size.h"
#include "catalogue/catalogue.h"
#include "cpu/cpu_features.h"
#include "judge/chain.h"
#include "judge/gates_text.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef bool gate_function(const sterna_receipt *r, const sterna_gate_policy *policy, sterna_finding *f);

bool sterna_finding_set(sterna_finding *f, const char *field, const char *expected, const char *format, ...)
{
    va_list arguments;
    snprintf(f->defect.field, sizeof f->defect.field, "%s", field);
    snprintf(f->defect.expected, sizeof f->defect.expected, "%s", expected);
    va_start(arguments, format);
    vsnprintf(f->defect.found, sizeof f->defect.found, format, arguments);
    va_end(arguments);
    return false;
}

static bool is_digit_at(const char *text, const char *form)
{
    for (; *form; form++, text++)
        if (*form == '0' ? *text < '0' || *text > '9' : *text != *form) return false;
    return *text == '\0';
}

/* The ranges of the options that set them. */
static bool check_sampling(const sterna_receipt_sampling *s, sterna_finding *f)
{
    if (!(s->temperature >= 0 && s->temperature <= 100))
        return sterna_finding_set(f, "sampling.temperature", "0 to 100", "%.9g", s->temperature);
    if (s->top_k > 1u << 24)
        return sterna_finding_set(f, "sampling.top_k", "0 to 2^24", "%" PRIu64, s->top_k);
    if (!(s->top_p >= 0 && s->top_p <= 1))
        return sterna_finding_set(f, "sampling.top_p", "0 to 1", "%.9g", s->top_p);
    if (!(s->min_p >= 0 && s->min_p <= 1))
        return sterna_finding_set(f, "sampling.min_p", "0 to 1", "%.9g", s->min_p);
    return true;
}

static bool gate_schema(const sterna_receipt *r, const sterna_gate_policy *policy, sterna_finding *f)
{
    (void)policy;
    if (!is_digit_at(r->head.created, "0000-00-00T00:00:00Z"))
        return sterna_finding_set(f, "created", "2026-01-31T12:00:00Z", "\"%s\"", r->head.created);
    if (strcmp(r->device.profile, "exact") != 0 && strcmp(r->device.profile, "fast") != 0)
        return sterna_finding_set(f, "device.profile", "exact or fast", "\"%s\"", r->device.profile);
    if (r->generated && strcmp(r->session.kv_type, "f16") != 0 && strcmp(r->session.kv_type, "f32") != 0)
        return sterna_finding_set(f, "session.kv_type", "f16 or f32", "\"%s\"", r->session.kv_type);
    return !r->generated || check_sampling(&r->sampling, f);
}

static bool gate_path(const sterna_receipt *r, const sterna_gate_policy *policy, sterna_finding *f)
{
    (void)policy;
    if (strcmp(r->head.compute_path, "real") != 0)
        return sterna_finding_set(f, "compute_path", "real", "%s", r->head.compute_path);
    if (r->device.is_mock) return sterna_finding_set(f, "device.is_mock", "false", "true");
    if (sterna_text_has(r->device.selected, "mock"))
        return sterna_finding_set(f, "device.selected", "no mock", "%s", r->device.selected);
    for (uint32_t i = 0; i < r->n_kernels; i++)
        if (sterna_text_has(r->kernels[i].name, "mock"))
            return sterna_finding_set(f, "kernels", "no mock", "%s", r->kernels[i].name);
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i]) return false;
    return true;
}

/* The operation of a kernel of a GPU, "api:id", whose id begins with it: "vulkan:matmul_ternary_tq2_0_tile". Names of
 * operations may begin alike: the longest counts. */
static bool gpu_operation(const char *id, sterna_op *op)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < STERNA_OP_COUNT; i++) {
        const char *known = sterna_op_get((sterna_op)i)->name;
        size_t n = strlen(known);
        if (n <= longest || strncmp(id, known, n) != 0 || (id[n] && id[n] != '_')) continue;
        longest = n;
        *op = (sterna_op)i;
    }
    return longest > 0;
}

/* What a kernel's name says it computes: "operation[.FORMAT]/level" of the CPU and of plug-ins, "api:id" of the GPUs;
 * printable characters, the operation from the catalogue. */
static bool operation_of(const char *name, sterna_op *op)
{
    char op_name[64];
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c > '~') return false;
    size_t n = strcspn(name, "./");
    const char *slash = strchr(name, '/'), *colon = strchr(name, ':');
    if (colon && colon > name && !slash) return gpu_operation(colon + 1, op);
    if (!slash || !slash[1] || strchr(slash + 1, '/') || n >= sizeof op_name) return false;
    memcpy(op_name, name, n);
    op_name[n] = '\0';
    return sterna_op_find(op_name, op);
}

static bool gate_kernels(const sterna_receipt *r, const sterna_gate_policy *policy, sterna_finding *f)
{
    char field[64];
    sterna_op op;
    (void)policy;
    if (r->n_kernels == 0) return sterna_finding_set(f, "kernels", "at least one", "none");
    for (uint32_t i = 0; i < r->n_kernels; i++) {
        const sterna_receipt_kernel *k = &r->kernels[i];
        snprintf(field, sizeof field, "kernels[%u].name", i);
        if (!operation_of(k->name, &op))
            return sterna_finding_set(f, field,
                                      "operation[.FORMAT]/level or api:id, the operation from the catalogue",
                                      "\"%s\"", k->name);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(k->name, r->kernels[j].name) == 0)
                return sterna_finding_set(f, field, "each kernel once", "%s twice", k->name);
        snprintf(field, sizeof field, "kernels[%u].launches", i);
        if (k->launches == 0) return sterna_finding_set(f, field, "at least 1", "0");
        snprintf(field, sizeof field, "kernels[%u].code_sha256", i);
        if (k->has_code && is_zero(k->code_sha256, sizeof k->code_sha256))
            return sterna_finding_set(f, field, "the hash of the code that ran", "zeros");
        if (!k->has_code && !is_zero(k->code_sha256, sizeof k->code_sha256))
            return sterna_finding_set(f, field, "zeros, as has_code is false", "a hash");
    }
    return true;
}

/* Launches of all kernels of one operation. */
static uint64_t launches_of(const sterna_receipt *r, const char *op)
{
    uint64_t sum = 0;
    sterna_op of;
    for (uint32_t i = 0; i < r->n_kernels; i++)
        if (operation_of(r->kernels[i].name, &of) && strcmp(sterna_op_get(of)->name, op) == 0)
            sum = sterna_sat_add(sum, r->kernels[i].launches);
    return sum;
}

/* Which level of the CPU backend a kernel's name ends in; STERNA_LEVEL_COUNT: none. */
static uint32_t cpu_level_of(const char *name)
{
    uint32_t level = 0;
    while (level < STERNA_LEVEL_COUNT && strcmp(name, sterna_cpu_level_name((sterna_cpu_level)level)) != 0)
        level++;
    return level;
}

static bool is_cpu(const char *spec)
{
    return strncmp(spec, "cpu", 3) == 0 && (spec[3] == ':' || spec[3] == '\0');
}

static bool belongs(const sterna_receipt *r, sterna_finding *f)
{
    bool cpu = is_cpu(r->device.selected);
    uint32_t selected = cpu_level_of(cpu && r->device.selected[3] ? r->device.selected + 4 : "");
    if (cpu && selected == STERNA_LEVEL_COUNT)
        return sterna_finding_set(f, "device.selected", "a level of the CPU backend", "%s",
                                  r->device.selected);
    for (uint32_t i = 0; i < r->n_kernels; i++) {
        const char *name = r->kernels[i].name;
        const char *slash = strchr(name, '/');
        const size_t api = strcspn(name, ":"); /* of a GPU's kernel: its backend */
        if (!slash) {
            if (strcspn(r->device.selected, ":") == api && !strncmp(name, r->device.selected, api)) continue;
            return sterna_finding_set(f, "kernels", "kernels of the selected device", "%s on %s", name,
                                      r->device.selected);
        }
        uint32_t level = cpu_level_of(slash + 1);
        if (cpu && level > selected)
            return sterna_finding_set(f, "kernels", "kernels of the selected device's levels", "%s on %s",
                                      name, r->device.selected);
        if (!cpu && level < STERNA_LEVEL_COUNT)
            return sterna_finding_set(f, "kernels", "kernels of the selected device",
                                      "%s, a CPU kernel, on %s", name, r->device.selected);
    }
    return true;
}

static bool gate_evidence(const sterna_receipt *r, const sterna_gate_policy *policy, sterna_finding *f)
{
    char expected[96];
    (void)policy;
    if (!belongs(r, f)) return false;
    if (!r->generated) return true;
    /* One submission per batch of the prompt and one per later step; each embeds once and attends once per
     * layer. */
    uint64_t batch = r->session.batch ? r->session.batch : 1;
    uint64_t submissions = r->n_prompt / batch + (r->n_prompt % batch != 0) + r->speed.decode_steps;
    uint64_t embeds = launches_of(r, "embed"), attentions = launches_of(r, "attention");
    uint64_t matmuls =
        sterna_sat_add(launches_of(r, "matmul_float"),
                       sterna_sat_add(launches_of(r, "matmul_ternary"), launches_of(r, "matmul_block")));
    if (r->model.layers == 0) return sterna_finding_set(f, "model.layers", "at least 1", "0");
    snprintf(expected, sizeof expected, "embed launched for %" PRIu64 " submissions", submissions);
    if (embeds < submissions) return sterna_finding_set(f, "kernels", expected, "%" PRIu64, embeds);
    uint64_t wanted = sterna_sat_mul(r->model.layers, is_cpu(r->device.selected) ? embeds : submissions);
    bool exact = is_cpu(r->device.selected); /* a CPU launch is a node; a GPU may need several for one */
    snprintf(expected, sizeof expected,
             "attention launched %s%" PRIu64 " times, once per layer and submission",
             exact ? "" : "at least ", wanted);
    if (exact ? attentions != wanted : attentions < wanted)
        return sterna_finding_set(f, "kernels", expected, "%" PRIu64, attentions);
    snprintf(expected, sizeof expected, "matrix products launched more than %" PRIu64 " times", wanted);
    if (matmuls <= wanted) return sterna_finding_set(f, "kernels", expected, "%" PRIu64, matmuls);
    return true;
}

static bool is_float_format(const char *format)
{
    return !strcmp(format, "F32") || !strcmp(format, "F16") || !strcmp(format, "BF16");
}

/* Two tensors or more: an embedding alone is looked up, never multiplied. */
static bool has_quantised_layers(const sterna_receipt *r)
{
    uint64_t tensors = 0;
    for (uint32_t i = 0; i < r->n_weights; i++)
        if (!is_float_format(r->weights[i].format)) tensors += r->weights[i].tensors;
    return tensors >= 2;
}

/* Is the name, up to its keys, one of a list with commas? */
static bool is_listed(const char *list, const char *name)
{
    size_t n = strcspn(name, ",");
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
        if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0')) return true;
    return false;
}

/* A library's name is whatever the user typed; a built-in device stands in the list of those detected. */
static bool was_detected(const sterna_receipt_device *d)
{
    return strchr(d->selected, '/') || sterna_text_has(d->selected, ".so") ||
           is_listed(d->detected, d->selected);
}

/* The beginning of what was opened; or a device of the same backend by its number or a part of its name, "vulkan:0" of
 * "vulkan:llvmpipe" (docs/backends.md), which names no other device that was there. */
static bool is_as_asked(const sterna_receipt_device *d)
{
    const size_t backend = strcspn(d->selected, ":");
    if (strcmp(d->requested, "auto") == 0 || strncmp(d->requested, d->selected, strlen(d->requested)) == 0)
        return true;
    if (d->selected[backend] != ':' || strncmp(d->requested, d->selected, backend + 1) != 0 ||
        strncmp(d->selected, "cpu:", 4) == 0 || is_listed(d->detected, d->requested))
        return false;
    /* The keys are the same, whether a name stood before them or not. */
    const char *device = d->requested + backend + 1, *comma = strchr(device, ','),
               *keys = strchr(d->selected, ',');
    if (strchr(device, '=') && (!comma || strchr(device, '=') < comma))
        comma = device;
    else if (comma)
        comma++;
    return strcmp(comma ? comma : "", keys ? keys + 1 : "") == 0;
}

static bool gate_fallback(const sterna_receipt *r, const sterna_gate_policy *policy, sterna_finding *f)
{
    static const char *const words[] = {"fallback", "dequant", "fp32_"};
    const sterna_receipt_device *d = &r->device;
    (void)policy;
    if (!d->requested[0] || !d->selected[0])
        return sterna_finding_set(f, d->requested[0] ? "device.selected" : "device.requested", "a device",
                                  "nothing");
    if (!was_detected(d)) return sterna_finding_set(f, "device.selected", d->detected, "%s", d->selected);
    if (!is_as_asked(d)) return sterna_finding_set(f, "device.selected", d->requested, "%s", d->selected);
    for (uint32_t i = 0; i < r->n_kernels; i++)
        for (size_t w = 0; w < STERNA_COUNT(words); w++)
            if (sterna_text_has(r->kernels[i].name, words[w]))
                return sterna_finding_set(f, "kernels", "no fallback", "%s", r->kernels[i].name);
    if (r->generated && has_quantised_layers(r) && launches_of(r, "matmul_ternary") == 0 &&
        launches_of(r, "matmul_block") == 0)
        return sterna_finding_set(f, "kernels", "matmul_ternary or matmul_block, as weights are quantised",
                                  "matmul_float alone");
    return true;
}

static bool gate_corrections(const sterna_receipt *r, const sterna_gate_policy *policy, sterna_finding *f)
{
    if (policy->allow_corrections || r->n_corrections == 0) return true;
    return sterna_finding_set(f, "corrections", "none (--allow-corrections lets them pass)",
                              "%u, the first of %s", r->n_corrections, r->corrections[0].tensor);
}

static bool check_tests(const sterna_receipt *r, sterna_finding *f)
{
    const sterna_receipt_tests *t = &r->tests;
    if (t->failed) return sterna_finding_set(f, "tests.failed", "0", "%" PRIu64, t->failed);
    if (sterna_sat_add(t->passed, t->skipped) != t->total)
        return sterna_finding_set(f, "tests.total", "passed + failed + skipped", "%" PRIu64, t->total);
    if (!r->generated && t->passed == 0)
        return sterna_finding_set(f, "tests.passed", "at least 1 in a receipt of a check", "0");
    if (r->device.different_values && strcmp(r->device.profile, "exact") == 0)
        return sterna_finding_set(f, "device.different_values", "0 in the exact profile", "%" PRIu64,
                                  r->device.different_values);
    return true;
}

static bool check_chain(const sterna_receipt *r, sterna_finding *f)
{
    uint8_t start[STERNA_HASH_BYTES];
    char expected[2 * STERNA_HASH_BYTES + 1], found[2 * STERNA_HASH_BYTES + 1];
    if (strcmp(r->chain.algorithm, "sha256") != 0)
        return sterna_finding_set(f, "chain.algorithm", "sha256", "%s", r->chain.algorithm);
    if (r->n_prompt == 0) return sterna_finding_set(f, "prompt", "at least one token", "none");
    if (r->n_tokens == 0) return sterna_finding_set(f, "tokens", "at least one", "none");
    if (r->n_steps != r->n_tokens)
        return sterna_finding_set(f, "steps", "one digest per token", "%u for %u tokens", r->n_steps,
                                  r->n_tokens);
    if (r->n_tokens > r->sampling.asked)
        return sterna_finding_set(f, "tokens", "no more than sampling.asked", "%u", r->n_tokens);
    sterna_chain_start(r->model.merkle, r->prompt, r->n_prompt, start);
    sterna_hash_hex(start, expected);
    sterna_hash_hex(r->chain.start, found);
    if (memcmp(start, r->chain.start, sizeof start) != 0)
        return sterna_finding_set(f, "chain.start", expected, "%s", found);
    sterna_hash_hex(r->steps[r->n_steps - 1], expected);
    sterna_hash_hex(r->chain.end, found);
    if (memcmp(r->steps[r->n_steps - 1], r->chain.end, STERNA_HASH_BYTES) != 0)
        return sterna_finding_set(f, "chain.end", expected, "%s", found);
    return true;
}

static bool gate_tests(const sterna_receipt *r, const sterna_gate_policy *policy, sterna_finding *f)
{
    (void)policy;
    return check_tests(r, f) && (!r->generated || check_chain(r, f));
}

static bool within_bandwidth(const char *field, double bytes, double seconds, double bandwidth,
                             sterna_finding *f)
{
    char expected[96];
    if (bytes <= bandwidth * STERNA_BANDWIDTH_SLACK * seconds) return true;
    snprintf(expected, sizeof expected, "at least %.9g s to read %.9g bytes at %.9g bytes/s",
             bytes / bandwidth, bytes, bandwidth);
    return sterna_finding_set(f, field, expected, "%.9g s", seconds);
}

static bool gate_speed(const sterna_receipt *r, const sterna_gate_policy *policy, sterna_finding *f)
{
    const sterna_receipt_speed *s = &r->speed;
    char expected[96];
    (void)policy;
    if (!r->generated) return true;
    if (!(s->prompt_seconds > 0))
        return sterna_finding_set(f, "speed.prompt_seconds", "more than 0", "%.9g", s->prompt_seconds);
    snprintf(expected, sizeof expected, "%u, a step for each token but the first", r->n_tokens - 1);
    if (s->decode_steps != r->n_tokens - 1)
        return sterna_finding_set(f, "speed.decode_steps", expected, "%" PRIu64, s->decode_steps);
    if (s->decode_steps && !(s->decode_seconds > 0))
        return sterna_finding_set(f, "speed.decode_seconds", "more than 0", "%.9g", s->decode_seconds);
    double rate = s->decode_steps ? (double)s->decode_steps / s->decode_seconds : 0;
    snprintf(expected, sizeof expected, "%.9g, decode_steps / decode_seconds", rate);
    /* The quotient of two numbers that are written with 17 digits: equal but for the last bits. */
    if (!(fabs(s->tokens_per_second - rate) <= 1e-12 * rate))
        return sterna_finding_set(f, "speed.tokens_per_second", expected, "%.9g", s->tokens_per_second);
    uint64_t moved = sterna_sat_mul(s->decode_steps, r->model.step_bytes);
    snprintf(expected, sizeof expected, "%" PRIu64 ", decode_steps * model.step_bytes", moved);
    if (r->model.step_bytes == 0) return sterna_finding_set(f, "model.step_bytes", "more than 0", "0");
    if (s->bytes_moved != moved)
        return sterna_finding_set(f, "speed.bytes_moved", expected, "%" PRIu64, s->bytes_moved);
    if (!(s->bandwidth > 0))
        return sterna_finding_set(f, "speed.bandwidth", "more than 0", "%.9g", s->bandwidth);
    return within_bandwidth("speed.prompt_seconds", (double)r->model.step_bytes, s->prompt_seconds,
                            s->bandwidth, f) &&
           (s->decode_steps == 0 ||
            within_bandwidth("speed.decode_seconds", (double)moved, s->decode_seconds, s->bandwidth, f));
}

static const struct {
    const char *name;
    gate_function *ask;
} gates[] = {
#define GATE(number, id, sentence) [(number)-1] = {#id, gate_##id},
#include "judge/gates.def"
};
_Static_assert(sizeof gates / sizeof gates[0] == STERNA_GATES, "eight gates");

const char *sterna_gate_name(uint32_t gate)
{
    return gate >= 1 && gate <= STERNA_GATES ? gates[gate - 1].name : "signature";
}

/* What a receipt may be without being wrong, and strict mode may not let pass. */
static bool strict_policy(const sterna_receipt *r, sterna_finding *f)
{
    if (r->device.verified_values == 0)
        return sterna_finding_set(f, "device.verified_values",
                                  "a device that was compared with the reference", "0");
    if (strcmp(r->device.profile, "exact") != 0)
        return sterna_finding_set(f, "device.profile", "exact", "%s", r->device.profile);
    bool scalar = strcmp(r->device.selected, "cpu:scalar") == 0;
    for (uint32_t i = 0; i < r->n_kernels; i++) {
        const char *name = r->kernels[i].name;
        if (!r->kernels[i].has_code)
            return sterna_finding_set(f, "kernels", "the hash of every kernel's code", "%s without", name);
        /* A level may lend what costs little from the reference, but not the matrix products. */
        if (!scalar && strncmp(name, "matmul_", 7) == 0 && strcmp(strchr(name, '/'), "/scalar") == 0)
            return sterna_finding_set(f, "kernels", "matrix products of the selected level", "%s on %s", name,
                                      r->device.selected);
    }
    return true;
}

sterna_status sterna_gates_ask(const sterna_receipt *r, const sterna_gate_policy *policy, sterna_finding *f,
                               uint32_t *passed)
{
    *f = (sterna_finding){0};
    for (*passed = 0; *passed < STERNA_GATES; ++*passed) {
        if (gates[*passed].ask(r, policy, f)) continue;
        f->gate = *passed + 1;
        f->name = gates[*passed].name;
        /* Mocks and fallbacks are wrong in any case; strict mode calls them by its own exit code. */
        return policy->strict && (f->gate == 2 || f->gate == 5) ? STERNA_POLICY : STERNA_INVALID;
    }
    f->name = "strict";
    return !policy->strict || strict_policy(r, f) ? STERNA_OK : STERNA_POLICY;
}
