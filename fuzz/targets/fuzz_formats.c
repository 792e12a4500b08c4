/* How tensors lie in memory: for each format that kernels compute with, validate, unpack, decode and pack on
 * any bytes. The first byte chooses the format and whether the rest is blocks or values to be packed. */
#include "base/mem.h"
#include "base/size.h"
#include "formats/format.h"
#include "fuzz.h"
#include <math.h>
#include <string.h>

static const sterna_format *choose(uint8_t byte)
{
    uint32_t n, usable = 0;
    const sterna_format *all = sterna_format_all(&n);
    for (uint32_t i = 0; i < n; i++) usable += all[i].unpack != NULL;
    for (uint32_t i = 0, left = byte % usable; i < n; i++)
        if (all[i].unpack && left-- == 0) return &all[i];
    return NULL;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The integer view gives the same values (docs/formats.md: products are exact, the difference rounds once). */
static void decode_agrees(const sterna_format *f, const uint8_t *block, const float *values)
{
    static sterna_block view;
    f->decode(block, &view);
    for (uint32_t i = 0; i < f->values; i++) {
        uint32_t g = i / f->group;
        float scaled = view.d * (float)((f->has_min ? view.scale[g] : 1) * view.q[i]);
        float value = f->has_min ? scaled - view.dmin * (float)view.min[g] : scaled;
        FUZZ_REQUIRE(bits_of(value) == bits_of(values[i]) || (isnan(value) && isnan(values[i])) ||
                         (value == 0.0f && values[i] == 0.0f),
                     "%s: value %u is %a unpacked, %a from integers", f->name, i, (double)values[i],
                     (double)value);
    }
}

/* Values of `cols` columns, packed, are valid and unpack to finite values; float formats give their own bits
 * back. */
static void packs(const sterna_format *f, const float *values, uint32_t cols, const uint8_t *row)
{
    uint64_t blocks = cols / f->values, bytes = blocks * f->bytes;
    uint8_t *packed = sterna_alloc((size_t)bytes, 1);
    float *again = sterna_alloc(cols, sizeof *again);
    FUZZ_REQUIRE(packed && again, "out of memory");
    bool finite = true;
    for (uint32_t i = 0; i < cols; i++) finite = finite && isfinite(values[i]);
    sterna_status status = f->pack(values, cols, packed);
    FUZZ_REQUIRE(status == STERNA_OK || status == STERNA_FAILED, "%s: pack: %s", f->name,
                 sterna_status_name(status));
    FUZZ_REQUIRE(finite || status == STERNA_FAILED, "%s: values that are not finite were packed", f->name);
    if (status == STERNA_OK) {
        FUZZ_REQUIRE(f->validate(packed, blocks) == blocks, "%s: packed blocks are not valid", f->name);
        f->unpack(packed, cols, again);
        for (uint32_t i = 0; i < cols; i++)
            FUZZ_REQUIRE(isfinite(again[i]), "%s: value %u comes back as %a", f->name, i, (double)again[i]);
        if (row && f->values == 1)
            FUZZ_REQUIRE(memcmp(packed, row, (size_t)bytes) == 0, "%s: another row comes back", f->name);
    }
    sterna_free(packed);
    sterna_free(again);
}

static void on_blocks(const sterna_format *f, const uint8_t *data, size_t size)
{
    uint64_t blocks = size / f->bytes, bad = f->validate(data, blocks);
    if (blocks == 0) return;
    uint32_t cols = (uint32_t)blocks * f->values;
    FUZZ_REQUIRE(bad <= blocks, "%s: block %llu of %llu", f->name, (unsigned long long)bad,
                 (unsigned long long)blocks);
    for (uint64_t b = 0; b < blocks && b <= bad; b++)
        FUZZ_REQUIRE((f->validate(data + b * f->bytes, 1) == 1) == (b < bad),
                     "%s: block %llu alone is judged otherwise", f->name, (unsigned long long)b);
    float *values = sterna_alloc(cols, sizeof *values);
    FUZZ_REQUIRE(values, "out of memory");
    f->unpack(data, cols, values);
    for (uint32_t i = 0; i < bad * f->values; i++)
        FUZZ_REQUIRE(isfinite(values[i]), "%s: value %u of a valid block is %a", f->name, i,
                     (double)values[i]);
    if (f->decode)
        for (uint64_t b = 0; b < blocks; b++) decode_agrees(f, data + b * f->bytes, values + b * f->values);
    packs(f, values, cols, bad == blocks ? data : NULL);
    sterna_free(values);
}

static void on_values(const sterna_format *f, const uint8_t *data, size_t size)
{
    uint32_t cols = (uint32_t)(size / sizeof(float)) / f->values * f->values;
    if (cols == 0) return;
    float *values = sterna_alloc(cols, sizeof *values);
    FUZZ_REQUIRE(values, "out of memory");
    memcpy(values, data, cols * sizeof *values);
    packs(f, values, cols, NULL);
    sterna_free(values);
}

int sterna_fuzz_formats(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    const sterna_format *f = choose(data[0] >> 1);
    /* The rest of the input as it lies: rows stand in files at any address. */
    if (data[0] & 1)
        on_values(f, data + 1, size - 1);
    else
        on_blocks(f, data + 1, size - 1);
    return 0;
}
