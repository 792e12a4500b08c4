/* Thousands of damaged files: none crashes, reads beyond its bytes, leaks, or takes memory out of proportion.
 * Owns: a deterministic smoke test of the reader. Leaves to others: guided fuzzing (fuzz/). */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "gguf/gguf.h"
#include "guarded.h"
#include "runner.h"
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 40000, CAPACITY = 65536 };

static const char *const seeds[] = {
    "engine/tests/corpus_ggml/KV_RANDOM_KV.accept.gguf",
    "engine/tests/corpus_ggml/TENSORS_CUSTOM_ALIGN.accept.gguf",
    "engine/tests/corpus/k16_arr_empty.gguf",
    "engine/tests/corpus/t32_ndims4_trailing1.gguf",
    "engine/tests/corpus/t24_overlap.gguf",
    "engine/tests/corpus/h14_v2_valid.gguf",
};

typedef struct dice {
    uint32_t round, roll;
} dice;

static uint32_t roll(dice *d, uint32_t sides)
{
    return (uint32_t)((uint64_t)sterna_philox4x32(0x6775, 0x6667, d->round, d->roll++, 0, 0).word[0] *
                          sides >>
                      32);
}

/* Values that are on the edge of something. */
/* clang-format off */
static const uint64_t edges[] = {
    0, 1, 3, 4, 5, 8, 9, 12, 31, 32, 33, 63, 64, 65535, 65536, 1u << 30, (1u << 30) + 1, INT32_MAX, UINT32_MAX,
    1ull << 32, INT64_MAX, 1ull << 63, UINT64_MAX - 31, UINT64_MAX - 7, UINT64_MAX,
};
/* clang-format on */

/* One to four changes; returns the new size. */
static uint64_t damage(dice *d, uint8_t *data, uint64_t size)
{
    for (uint32_t changes = 1 + roll(d, 4); changes > 0 && size > 16; changes--) {
        uint32_t at = roll(d, (uint32_t)size);
        uint64_t value = edges[roll(d, STERNA_COUNT(edges))], left = size - at, width;
        switch (roll(d, 7)) {
        case 0:
            data[at] ^= (uint8_t)(1u << roll(d, 8));
            break;
        case 1:
            data[at] = (uint8_t)roll(d, 256);
            break;
        case 2:
        case 3:
            width = roll(d, 2) ? 8 : 4;
            memcpy(data + at, &value, width < left ? width : left);
            break;
        case 4: /* the counts of the header */
            memcpy(data + 8 + 8 * roll(d, 2), &value, 8);
            break;
        case 5:
            size -= 1 + roll(d, (uint32_t)(left < 64 ? left : 64));
            break;
        default: /* repeat a piece */
            width = 1 + roll(d, 64);
            if (size + width > CAPACITY || width > left) break;
            memmove(data + at + width, data + at, left);
            size += width;
            break;
        }
    }
    return size;
}

/* Reads all that an open file offers. */
static uint64_t touch(sterna_gguf *file, sterna_fault *fault)
{
    uint64_t count, sum = 0;
    const sterna_gguf_value *values = sterna_gguf_values(file, &count);
    for (uint64_t i = 0; i < count; i++) {
        char key[STERNA_GGUF_MAX_KEY + 1];
        sterna_gguf_strings strings;
        memcpy(key, values[i].key.data, values[i].key.length);
        key[values[i].key.length] = 0;
        sum += sterna_gguf_find(file, key) == &values[i];
        for (uint64_t j = 0; j < values[i].bytes; j++) sum += values[i].data[j];
        if (values[i].type == STERNA_GGUF_ARRAY && values[i].element == STERNA_GGUF_STRING &&
            sterna_gguf_string_array(file, key, &strings, fault) == STERNA_OK)
            for (uint64_t j = 0; j < strings.count; j++) {
                sterna_gguf_text text = sterna_gguf_string_at(&strings, j);
                sum += text.length ? (uint8_t)text.data[text.length - 1] : 0;
            }
    }
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(file, &count);
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t j = 0; tensors[i].data && j < tensors[i].bytes; j++) sum += tensors[i].data[j];
    return sum;
}

static void damaged_files_do_no_harm(sterna_test *t)
{
    static uint8_t work[CAPACITY];
    guarded buffer = {0};
    uint32_t accepted = 0, refused = 0;
    CHECK(t, guarded_create(&buffer, CAPACITY));
    sterna_mapping files[STERNA_COUNT(seeds)] = {{0}};
    for (size_t i = 0; i < STERNA_COUNT(seeds); i++)
        CHECK(t, sterna_sys_map(sterna_test_repo(t, seeds[i]), &files[i], NULL) == STERNA_OK &&
                     files[i].size < CAPACITY / 2);
    int64_t live = sterna_mem_live();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        dice d = {round, 0};
        const sterna_mapping *seed = &files[round % STERNA_COUNT(seeds)];
        memcpy(work, seed->data, seed->size);
        uint64_t size = damage(&d, work, seed->size);
        uint8_t *data = guarded_place(&buffer, size);
        memcpy(data, work, size);
        uint32_t flags = round % 2 ? STERNA_GGUF_DIRECTORY : STERNA_GGUF_MAP;
        sterna_gguf *file = NULL, *again = NULL;
        sterna_fault fault = {0}, other = {0};
        int64_t before = sterna_mem_bytes();
        sterna_status status = sterna_gguf_open_memory(data, size, "damaged", flags, &file, &fault);
        /* The directory in memory is a small multiple of the one in the file. */
        int64_t held = sterna_mem_bytes() - before;
        CHECK_MSG(t, held <= (int64_t)(32 * size + 4096), "round %u: %lld bytes for a file of %llu", round,
                  (long long)held, (unsigned long long)size);
        if (status == STERNA_OK) {
            touch(file, &fault);
            accepted++;
        } else {
            CHECK_MSG(t, status == STERNA_FILE && strncmp(fault.text, "damaged: ", 9) == 0, "round %u: %s",
                      round, fault.text);
            refused++;
        }
        sterna_gguf_close(file);
        CHECK(t, sterna_gguf_open_memory(data, size, "damaged", flags, &again, &other) == status);
        CHECK_MSG(t, status == STERNA_OK || strcmp(fault.text, other.text) == 0, "%s / %s", fault.text,
                  other.text);
        sterna_gguf_close(again);
        CHECK_MSG(t, sterna_mem_live() == live, "round %u leaks", round);
    }
    printf("%u accepted, %u refused\n", accepted, refused);
    /* Both sides of the fence have been visited, or the damage is too heavy or too light to test anything. */
    CHECK_MSG(t, accepted > ROUNDS / 50 && refused > ROUNDS / 4, "%u accepted, %u refused", accepted,
              refused);
    /* A case that claims the most is refused before memory is asked for: all those above together stayed
     * small. */
    CHECK_MSG(t, sterna_mem_peak() < (8 << 20), "%lld bytes", (long long)sterna_mem_peak());
    for (size_t i = 0; i < STERNA_COUNT(seeds); i++) sterna_sys_unmap(&files[i]);
    guarded_destroy(&buffer);
}

/* Every prefix of a file is refused, or is a whole file itself. */
static void cut_files_are_refused(sterna_test *t)
{
    guarded buffer = {0};
    sterna_mapping whole = {0};
    CHECK(t, guarded_create(&buffer, CAPACITY));
    CHECK(t, sterna_sys_map(sterna_test_repo(t, seeds[0]), &whole, NULL) == STERNA_OK);
    uint64_t shortest = whole.size;
    for (uint64_t size = 0; size < whole.size; size++) {
        sterna_gguf *file = NULL;
        sterna_fault fault = {0};
        uint8_t *data = guarded_place(&buffer, size);
        memcpy(data, whole.data, size);
        sterna_status status = sterna_gguf_open_memory(data, size, "cut", 0, &file, &fault);
        CHECK(t, status == STERNA_OK || status == STERNA_FILE);
        if (status == STERNA_OK && size < shortest) shortest = size;
        sterna_gguf_close(file);
    }
    /* Only the padding behind the last key may go. */
    CHECK_MSG(t, shortest > whole.size - 32, "a prefix of %llu of %llu bytes opens",
              (unsigned long long)shortest, (unsigned long long)whole.size);
    sterna_sys_unmap(&whole);
    guarded_destroy(&buffer);
}

/* A header may announce as many tensors as would fit; memory is taken for those that are there. */
static void announced_counts_are_not_believed(sterna_test *t)
{
    enum { SIZE = 8 << 20 };
    uint8_t *data = sterna_alloc(SIZE, 1);
    uint64_t tensors = (SIZE - 24) / 25, keys = (SIZE - 24) / 14;
    CHECK(t, data);
    memcpy(data, "GGUF\3\0\0\0", 8);
    for (int which = 0; which < 2; which++) {
        sterna_gguf *file = NULL;
        sterna_fault fault = {0};
        int64_t before = sterna_mem_peak();
        memset(data + 8, 0, 16);
        memcpy(data + 8 + 8 * which, which ? &keys : &tensors, 8);
        CHECK(t, sterna_gguf_open_memory(data, SIZE, "boast", 0, &file, &fault) == STERNA_FILE);
        CHECK_MSG(t, strstr(fault.text, "number 0: the name is empty"), "%s", fault.text);
        CHECK_MSG(t, sterna_mem_peak() - before < 2 << 20, "%lld bytes",
                  (long long)(sterna_mem_peak() - before));
    }
    sterna_free(data);
}

const sterna_test_case sterna_test_cases[] = {
    {"damaged_files_do_no_harm", damaged_files_do_no_harm, 0},
    {"cut_files_are_refused", cut_files_are_refused, 0},
    {"announced_counts_are_not_believed", announced_counts_are_not_believed, 0},
    {0},
};
