/* Every format is made of cells: a fixed number of bytes from a fixed number of Philox blocks, so that any
 * cell could be made alone. Owns: the cells. */
#include "convert/synth_values.h"
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include <string.h>

enum { CHUNK = 1 << 16, LEVELS = 1 << 16 };

/* What a cell is made with. */
typedef struct maker {
    const sterna_synth_tensor *tensor;
    uint16_t *level;         /* F16, BF16: the value of each 16-bit number */
    uint8_t trits[256];      /* TQ2_0: four codes from each byte */
    uint16_t scale, minimum; /* F16 bits of a block's d and dmin */
} maker;

static void random_bytes(const maker *m, uint64_t block, uint8_t out[16])
{
    const sterna_synth_tensor *t = m->tensor;
    sterna_philox r = sterna_philox4x32((uint32_t)t->seed, (uint32_t)(t->seed >> 32), (uint32_t)block,
                                        (uint32_t)(block >> 32), t->index, 0x53594E54u /* "SYNT" */);
    memcpy(out, r.word, 16);
}

static void store_half(uint8_t *out, uint16_t half)
{
    out[0] = (uint8_t)half;
    out[1] = (uint8_t)(half >> 8);
}

static void cell_f32(const maker *m, uint64_t cell, uint8_t *out)
{
    uint8_t bytes[16];
    random_bytes(m, cell, bytes);
    for (int i = 0; i < 4; i++) {
        int32_t number;
        memcpy(&number, bytes + 4 * i, 4);
        float value = m->tensor->mean + m->tensor->spread * ((float)number * 0x1p-31f);
        memcpy(out + 4 * i, &value, 4);
    }
}

static void cell_half(const maker *m, uint64_t cell, uint8_t *out)
{
    uint8_t bytes[16];
    random_bytes(m, cell, bytes);
    for (int i = 0; i < 8; i++) store_half(out + 2 * i, m->level[bytes[2 * i] | bytes[2 * i + 1] << 8]);
}

static void cell_q8_0(const maker *m, uint64_t cell, uint8_t *out)
{
    store_half(out, m->scale);
    random_bytes(m, 2 * cell, out + 2);
    random_bytes(m, 2 * cell + 1, out + 18);
    for (int i = 2; i < 34; i++)
        out[i] = out[i] == 0x80 ? 0x81 : out[i]; /* -128 is never produced by a quantiser */
}

static void cell_tq2_0(const maker *m, uint64_t cell, uint8_t *out)
{
    for (uint64_t i = 0; i < 4; i++) random_bytes(m, 4 * cell + i, out + 16 * i);
    for (int i = 0; i < 64; i++) out[i] = m->trits[out[i]];
    store_half(out + 64, m->scale);
}

/* Scales s are 32 to 63, minima 15/16 s: with dmin = 8 d the value d s (q - 7.5) is nearly centred. Twelve
 * bytes hold eight 6-bit scales and minima (ggml, get_scale_min_k4). */
static void cell_q4_k(const maker *m, uint64_t cell, uint8_t *out)
{
    uint8_t bytes[16], s[8], low[8];
    random_bytes(m, 9 * cell, bytes);
    for (int j = 0; j < 8; j++) {
        s[j] = (uint8_t)(32 + bytes[j] % 32);
        low[j] = (uint8_t)((15 * s[j] + 8) / 16);
    }
    store_half(out, m->scale);
    store_half(out + 2, m->minimum);
    for (int j = 0; j < 4; j++) {
        out[4 + j] = (uint8_t)(s[j] | s[j + 4] >> 4 << 6);
        out[8 + j] = (uint8_t)(low[j] | low[j + 4] >> 4 << 6);
        out[12 + j] = (uint8_t)((s[j + 4] & 15) | (low[j + 4] & 15) << 4);
    }
    for (uint64_t i = 0; i < 8; i++) random_bytes(m, 9 * cell + 1 + i, out + 16 + 16 * i);
}

typedef struct cell_kind {
    uint32_t format, bytes;
    void (*make)(const maker *m, uint64_t cell, uint8_t *out);
} cell_kind;

static const cell_kind kinds[] = {
    {STERNA_FORMAT_F32, 16, cell_f32},    {STERNA_FORMAT_F16, 16, cell_half},
    {STERNA_FORMAT_BF16, 16, cell_half},  {STERNA_FORMAT_Q8_0, 34, cell_q8_0},
    {STERNA_FORMAT_Q4_K, 144, cell_q4_k}, {STERNA_FORMAT_TQ2_0, 66, cell_tq2_0},
};

static const cell_kind *kind_of(const sterna_format *format)
{
    for (size_t i = 0; i < STERNA_COUNT(kinds); i++)
        if (kinds[i].format == format->id) return &kinds[i];
    return NULL;
}

bool sterna_synth_knows(const sterna_format *format)
{
    return kind_of(format) != NULL;
}

static void prepare(maker *m)
{
    const sterna_synth_tensor *t = m->tensor;
    for (uint32_t i = 0; m->level && i < LEVELS; i++) {
        float value = t->mean + t->spread * ((float)(int16_t)i * 0x1p-15f);
        m->level[i] =
            t->format->id == STERNA_FORMAT_F16 ? sterna_f32_to_f16(value) : sterna_f32_to_bf16(value);
    }
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t n = i * 81 / 256; /* four digits of base 3 */
        m->trits[i] = (uint8_t)(n % 3 | n / 3 % 3 << 2 | n / 9 % 3 << 4 | n / 27 << 6);
    }
    /* Q4_K: uniform q has variance 21.25, the scales 32 to 63 have mean square 2341.5; so d^2 21.25 2341.5 is
     * to be spread^2 / 3. */
    float step = t->format->id == STERNA_FORMAT_Q8_0   ? t->spread / 127.0f
                 : t->format->id == STERNA_FORMAT_Q4_K ? t->spread / 386.35f
                                                       : t->spread;
    m->scale = sterna_f32_to_f16(step);
    m->minimum = sterna_f32_to_f16(8.0f * step);
}

sterna_status sterna_synth_fill(void *context, sterna_gguf_sink *sink, sterna_fault *fault)
{
    const sterna_synth_tensor *t = context;
    const cell_kind *kind = kind_of(t->format);
    if (!kind) return sterna_fail(fault, STERNA_UNSUPPORTED, "%s values cannot be made", t->format->name);
    maker m = {.tensor = t};
    uint64_t per_chunk = CHUNK / kind->bytes;
    uint8_t *chunk = sterna_alloc_aligned(per_chunk * kind->bytes, 64);
    bool levels = kind->make == cell_half;
    if (levels) m.level = sterna_alloc(LEVELS, sizeof m.level[0]);
    sterna_status status = STERNA_OK;
    if (!chunk || (levels && !m.level))
        status = sterna_fail(fault, STERNA_MEMORY, "out of memory for a buffer of values");
    if (status == STERNA_OK) prepare(&m);
    /* Rows of every shape are whole cells; the sink would refuse a byte too many. */
    for (uint64_t done = 0, cell = 0; status == STERNA_OK && done < t->bytes;) {
        uint64_t bytes = 0;
        for (uint64_t i = 0; i < per_chunk && done + bytes < t->bytes; i++, bytes += kind->bytes)
            kind->make(&m, cell++, chunk + bytes);
        status = sterna_gguf_sink_write(sink, chunk, bytes, fault);
        done += bytes;
    }
    sterna_free(chunk);
    sterna_free(m.level);
    return status;
}
