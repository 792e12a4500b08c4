/* Execution modes for 32-bit floats, added to a module when a device offers them: a module that asks for what a device lacks
 * would be refused, and embedding two of each kernel is not worth a few words. */
#include "vulkan_private.h"
#include <string.h>

/* SPIR-V specification and SPV_KHR_float_controls, by number. */
enum {
    HEADER_WORDS = 5,
    OP_EXTENSION = 10,
    OP_ENTRY_POINT = 15,
    OP_EXECUTION_MODE = 16,
    OP_CAPABILITY = 17,
    MODES = 3,
    ADDED_WORDS = MODES * 2 + 7 + MODES * 4 /* capabilities, the extension's name, modes */
};

static const struct {
    uint32_t flag, capability, mode;
} table[MODES] = {
    {VULKAN_KEEPS_SUBNORMALS, 4464, 4459}, /* DenormPreserve */
    {VULKAN_ROUNDS_TO_EVEN, 4467, 4462},   /* RoundingModeRTE */
    {VULKAN_KEEPS_SPECIALS, 4466, 4461},   /* SignedZeroInfNanPreserve */
};

static size_t put(uint32_t *out, size_t at, const uint32_t *words, size_t count)
{
    memcpy(out + at, words, count * sizeof *words);
    return at + count;
}

static size_t put_capabilities(uint32_t *out, size_t at, uint32_t modes)
{
    uint32_t extension[7] = {7u << 16 | OP_EXTENSION};
    memcpy(extension + 1, "SPV_KHR_float_controls", sizeof "SPV_KHR_float_controls");
    for (uint32_t i = 0; i < MODES; i++) {
        const uint32_t words[] = {2u << 16 | OP_CAPABILITY, table[i].capability};
        if (modes & table[i].flag) at = put(out, at, words, 2);
    }
    return put(out, at, extension, 7);
}

static size_t put_modes(uint32_t *out, size_t at, uint32_t entry, uint32_t modes)
{
    for (uint32_t i = 0; i < MODES; i++) {
        const uint32_t words[] = {4u << 16 | OP_EXECUTION_MODE, entry, table[i].mode, 32};
        if (modes & table[i].flag) at = put(out, at, words, 4);
    }
    return at;
}

sterna_status sterna_vulkan_float_controls(const sterna_host *host, const vulkan_code *code, uint32_t modes,
                                           uint32_t **words, size_t *bytes, sterna_fault *fault)
{
    size_t count = *code->bytes / 4, to = 0;
    uint32_t *in = host->allocate(host->context, (2 * count + ADDED_WORDS) * sizeof *in, 64);
    if (!in) return sterna_fail(fault, STERNA_MEMORY, "vulkan: out of host memory for a module");
    /* The module as it is lies behind the room for the changed one; what is written never passes what is still to be read. */
    uint32_t *out = in, *from = in + count + ADDED_WORDS;
    memcpy(from, code->spirv, count * sizeof *from);
    bool declared = modes == 0, moded = declared;
    uint32_t entry = 0;
    to = put(out, to, from, HEADER_WORDS);
    for (size_t at = HEADER_WORDS; at < count;) {
        uint32_t length = from[at] >> 16, opcode = from[at] & 0xffffu;
        if (length == 0 || length > count - at) break; /* spirv-val has passed every embedded module */
        if (opcode == OP_ENTRY_POINT && length > 2) entry = from[at + 2];
        if (!declared && opcode != OP_CAPABILITY) {
            to = put_capabilities(out, to, modes);
            declared = true;
        }
        to = put(out, to, from + at, length);
        at += length;
        if (!moded && opcode == OP_EXECUTION_MODE) {
            to = put_modes(out, to, entry, modes);
            moded = true;
        }
    }
    *words = out;
    *bytes = to * 4;
    return STERNA_OK;
}
