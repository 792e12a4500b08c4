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
    CAPABILITY_DENORM_PRESERVE = 4464,
    CAPABILITY_ROUNDING_MODE_RTE = 4467,
    MODE_DENORM_PRESERVE = 4459,
    MODE_ROUNDING_MODE_RTE = 4462,
    ADDED_WORDS = 2 * 2 + 7 + 2 * 4 /* capabilities, the extension's name, modes */
};

static size_t put(uint32_t *out, size_t at, const uint32_t *words, size_t count)
{
    memcpy(out + at, words, count * sizeof *words);
    return at + count;
}

static size_t put_capabilities(uint32_t *out, size_t at, bool denorm_preserve, bool round_to_even)
{
    uint32_t extension[7] = {7u << 16 | OP_EXTENSION};
    const uint32_t preserve[] = {2u << 16 | OP_CAPABILITY, CAPABILITY_DENORM_PRESERVE};
    const uint32_t even[] = {2u << 16 | OP_CAPABILITY, CAPABILITY_ROUNDING_MODE_RTE};
    memcpy(extension + 1, "SPV_KHR_float_controls", sizeof "SPV_KHR_float_controls");
    if (denorm_preserve) at = put(out, at, preserve, 2);
    if (round_to_even) at = put(out, at, even, 2);
    return put(out, at, extension, 7);
}

static size_t put_modes(uint32_t *out, size_t at, uint32_t entry, bool denorm_preserve, bool round_to_even)
{
    const uint32_t preserve[] = {4u << 16 | OP_EXECUTION_MODE, entry, MODE_DENORM_PRESERVE, 32};
    const uint32_t even[] = {4u << 16 | OP_EXECUTION_MODE, entry, MODE_ROUNDING_MODE_RTE, 32};
    if (denorm_preserve) at = put(out, at, preserve, 4);
    return round_to_even ? put(out, at, even, 4) : at;
}

sterna_status sterna_vulkan_float_controls(const sterna_host *host, const vulkan_code *code,
                                           bool denorm_preserve, bool round_to_even, uint32_t **words,
                                           size_t *bytes, sterna_fault *fault)
{
    size_t count = *code->bytes / 4, to = 0;
    uint32_t *in = host->allocate(host->context, (2 * count + ADDED_WORDS) * sizeof *in, 64);
    if (!in) return sterna_fail(fault, STERNA_MEMORY, "vulkan: out of host memory for a module");
    /* The module as it is lies behind the room for the changed one; what is written never passes what is still to be read. */
    uint32_t *out = in, *from = in + count + ADDED_WORDS;
    memcpy(from, code->spirv, count * sizeof *from);
    bool declared = !denorm_preserve && !round_to_even, moded = declared;
    uint32_t entry = 0;
    to = put(out, to, from, HEADER_WORDS);
    for (size_t at = HEADER_WORDS; at < count;) {
        uint32_t length = from[at] >> 16, opcode = from[at] & 0xffffu;
        if (length == 0 || length > count - at) break; /* spirv-val has passed every embedded module */
        if (opcode == OP_ENTRY_POINT && length > 2) entry = from[at + 2];
        if (!declared && opcode != OP_CAPABILITY) {
            to = put_capabilities(out, to, denorm_preserve, round_to_even);
            declared = true;
        }
        to = put(out, to, from + at, length);
        at += length;
        if (!moded && opcode == OP_EXECUTION_MODE) {
            to = put_modes(out, to, entry, denorm_preserve, round_to_even);
            moded = true;
        }
    }
    *words = out;
    *bytes = to * 4;
    return STERNA_OK;
}
