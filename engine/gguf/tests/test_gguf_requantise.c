/* A trained model, quantised by llama.cpp's own tool, is quantised again here: every tensor to the byte.
 * Owns: the check of the formats' quantisers on real weights. The files: golden/models (stories260K, and its
 * variant "ff256" whose feed-forward layers are padded with zeros to 256 columns). */
#include "base/mem.h"
#include "base/size.h"
#include "gguf/gguf.h"
#include "runner.h"
#include <stdio.h>
#include <string.h>

static sterna_gguf *open_model(sterna_test *t, const char *name)
{
    char path[120];
    sterna_gguf *file = NULL;
    sterna_fault fault = {0};
    snprintf(path, sizeof path, "golden/models/%s", name);
    if (sterna_gguf_open(sterna_test_repo(t, path), STERNA_GGUF_MAP, &file, &fault) != STERNA_OK)
        sterna_test_note(t, "%s", fault.text);
    return file;
}

/* Row `row` of the F32 tensor, with zeros where the other model is wider or longer. */
static void source_row(const sterna_gguf_tensor *source, uint64_t row, float *out, uint64_t cols)
{
    memset(out, 0, cols * sizeof *out);
    if (row < source->ne[1])
        memcpy(out, source->data + row * source->ne[0] * sizeof *out, source->ne[0] * sizeof *out);
}

/* Returns the number of blocks compared. */
static uint64_t requantise(sterna_test *t, const sterna_gguf_tensor *source, const sterna_gguf_tensor *wanted)
{
    static float values[1024];
    static uint8_t row_data[4096];
    const sterna_format *format = wanted->format;
    char name[STERNA_GGUF_QUOTE];
    uint64_t bytes, blocks = wanted->ne[0] / format->values;
    sterna_gguf_quote(wanted->name, name);
    if (!EXPECT(t, wanted->ne[0] <= STERNA_COUNT(values) && source->ne[0] <= wanted->ne[0] &&
                       sterna_format_row_bytes(format, wanted->ne[0], &bytes) && bytes <= sizeof row_data))
        return 0;
    for (uint64_t row = 0; row < wanted->ne[1]; row++) {
        const uint8_t *stored = wanted->data + row * bytes;
        source_row(source, row, values, wanted->ne[0]);
        if (!EXPECT(t, format->pack(values, (uint32_t)wanted->ne[0], row_data) == STERNA_OK)) return 0;
        if (memcmp(row_data, stored, bytes) == 0) continue;
        uint64_t at = 0;
        while (row_data[at] == stored[at]) at++;
        sterna_test_note(t, "%s (%s) row %llu, byte %llu of the row: %02x, llama.cpp has %02x", name,
                         format->name, (unsigned long long)row, (unsigned long long)at, row_data[at],
                         stored[at]);
        EXPECT(t, memcmp(row_data, stored, bytes) == 0);
        return 0;
    }
    return blocks * wanted->ne[1];
}

static void llamacpp_files_are_made_again(sterna_test *t)
{
    static const struct {
        const char *file;
        uint32_t format;
        uint64_t least; /* blocks of that format: it must not become an empty check */
    } models[] = {
        {"stories260K-F16.gguf", STERNA_FORMAT_F16, 200000},
        {"stories260K-BF16.gguf", STERNA_FORMAT_BF16, 200000},
        {"stories260K-q8_0.gguf", STERNA_FORMAT_Q8_0, 4000},
        {"stories260K-ff256-q4_K.gguf", STERNA_FORMAT_Q4_K, 300},
        {"stories260K-ff256-tq2_0.gguf", STERNA_FORMAT_TQ2_0, 300},
    };
    sterna_gguf *origin = open_model(t, "stories260K-f32.gguf");
    CHECK(t, origin);
    for (size_t i = 0; i < STERNA_COUNT(models); i++) {
        sterna_gguf *model = open_model(t, models[i].file);
        uint64_t count, blocks = 0;
        CHECK(t, model);
        const sterna_gguf_tensor *tensors = sterna_gguf_tensors(model, &count);
        for (uint64_t j = 0; j < count; j++) {
            char name[STERNA_GGUF_MAX_NAME + 1] = "";
            memcpy(name, tensors[j].name.data, tensors[j].name.length);
            const sterna_gguf_tensor *source = sterna_gguf_tensor_named(origin, name);
            CHECK_MSG(t, source && source->format->id == STERNA_FORMAT_F32, "%s", name);
            uint64_t compared = tensors[j].format->pack ? requantise(t, source, &tensors[j]) : 0;
            if (tensors[j].format->id == models[i].format) blocks += compared;
        }
        CHECK_MSG(t, blocks >= models[i].least, "%s: %llu blocks compared", models[i].file,
                  (unsigned long long)blocks);
        printf("%s: %llu blocks\n", models[i].file, (unsigned long long)blocks);
        sterna_gguf_close(model);
    }
    sterna_gguf_close(origin);
}

const sterna_test_case sterna_test_cases[] = {
    {"llamacpp_files_are_made_again", llamacpp_files_are_made_again, 0},
    {0},
};
