/* The reader's calls on files written byte by byte here: typed access, arrays, look-up, limits, many tensors.
 * Owns: what a caller of the reader sees. Leaves to others: hostile files (test_gguf_corpus.c,
 * test_gguf_mutate.c). */
#include "base/mem.h"
#include "base/size.h"
#include "gguf/gguf.h"
#include "runner.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A file under construction, independent of the project's writer. */
typedef struct image {
    uint8_t *data;
    uint64_t size, capacity;
} image;

static void add(image *file, const void *data, uint64_t bytes)
{
    if (file->size + bytes > file->capacity) {
        file->capacity = (file->size + bytes) * 2;
        file->data = sterna_realloc(file->data, file->capacity, 1);
    }
    memcpy(file->data + file->size, data, bytes);
    file->size += bytes;
}

static void add_number(image *file, uint64_t value, uint32_t bytes)
{
    add(file, &value, bytes);
}

static void add_text(image *file, const char *text)
{
    add_number(file, strlen(text), 8);
    add(file, text, strlen(text));
}

static void begin(image *file, uint64_t tensors, uint64_t keys)
{
    file->size = 0;
    add(file, "GGUF\3\0\0\0", 8);
    add_number(file, tensors, 8);
    add_number(file, keys, 8);
}

static void add_key(image *file, const char *key, uint32_t type, const void *value, uint64_t bytes)
{
    add_text(file, key);
    add_number(file, type, 4);
    add(file, value, bytes);
}

static void add_integer(image *file, const char *key, uint32_t type, uint64_t value, uint32_t bytes)
{
    add_key(file, key, type, &value, bytes);
}

static void add_tensor(image *file, const char *name, uint32_t n_dims, const uint64_t *ne, uint32_t type,
                       uint64_t offset)
{
    add_text(file, name);
    add_number(file, n_dims, 4);
    for (uint32_t d = 0; d < n_dims; d++) add_number(file, ne[d], 8);
    add_number(file, type, 4);
    add_number(file, offset, 8);
}

static void pad(image *file, uint64_t alignment)
{
    while (file->size % alignment) add_number(file, 0, 1);
}

/* Opens the image; on refusal notes the sentence. */
static sterna_gguf *open_image(sterna_test *t, const image *file, sterna_fault *fault)
{
    sterna_gguf *gguf = NULL;
    *fault = (sterna_fault){0};
    sterna_status status = sterna_gguf_open_memory(file->data, file->size, "image", 0, &gguf, fault);
    if (status != STERNA_OK) sterna_test_note(t, "%s", fault->text);
    return gguf;
}

static void integers_of_every_type_are_taken_when_they_fit(sterna_test *t)
{
    static const struct {
        uint32_t type, bytes;
        bool is_signed;
    } types[] = {{0, 1, false}, {1, 1, true}, {2, 2, false},  {3, 2, true},
                 {4, 4, false}, {5, 4, true}, {10, 8, false}, {11, 8, true}};
    image file = {0};
    sterna_fault fault;
    begin(&file, 0, 2 * STERNA_COUNT(types));
    for (size_t i = 0; i < STERNA_COUNT(types); i++) {
        char key[16];
        snprintf(key, sizeof key, "small%zu", i);
        add_integer(&file, key, types[i].type, 100 + i, types[i].bytes);
        snprintf(key, sizeof key, "ones%zu", i);
        add_integer(&file, key, types[i].type, UINT64_MAX, types[i].bytes);
    }
    sterna_gguf *gguf = open_image(t, &file, &fault);
    CHECK(t, gguf);
    for (size_t i = 0; i < STERNA_COUNT(types); i++) {
        char key[16];
        uint32_t small = 0;
        uint64_t ones = 0, all = types[i].bytes == 8 ? UINT64_MAX : (1ull << (8 * types[i].bytes)) - 1;
        int64_t minus = 0;
        snprintf(key, sizeof key, "small%zu", i);
        CHECK(t, sterna_gguf_u32(gguf, key, &small, &fault) == STERNA_OK && small == 100 + i);
        snprintf(key, sizeof key, "ones%zu", i);
        const sterna_gguf_value *value = sterna_gguf_find(gguf, key);
        if (types[i].is_signed) {
            CHECK(t, sterna_gguf_as_i64(value, 0, &minus) && minus == -1 &&
                         !sterna_gguf_as_u64(value, 0, &ones));
            fault = (sterna_fault){0};
            CHECK(t, sterna_gguf_u32(gguf, key, &small, &fault) == STERNA_FILE);
            CHECK_MSG(t, strstr(fault.text, "holds -1; it must be from 0 to 4294967295"), "%s", fault.text);
        } else {
            CHECK(t, sterna_gguf_u64(gguf, key, &ones, &fault) == STERNA_OK && ones == all);
            fault = (sterna_fault){0};
            CHECK(t, sterna_gguf_u32(gguf, key, &small, &fault) ==
                         (types[i].bytes == 8 ? STERNA_FILE : STERNA_OK));
            CHECK(t, sterna_gguf_as_i64(value, 0, &minus) == (types[i].bytes < 8));
        }
        float real;
        CHECK(t, sterna_gguf_f32(gguf, key, &real, NULL) == STERNA_FILE);
    }
    sterna_gguf_close(gguf);
    sterna_free(file.data);
}

static void other_types_and_missing_keys_are_refused_by_name(sterna_test *t)
{
    image file = {0};
    sterna_fault fault;
    float third = 1.0f / 3;
    double tenth = 0.1;
    int32_t pair[2] = {-7, 9};
    uint32_t u32 = 0;
    float f32 = 0;
    bool flag = false;
    sterna_gguf_text text = {0};
    const sterna_gguf_value *value = NULL;
    begin(&file, 0, 6);
    add_key(&file, "third", STERNA_GGUF_F32, &third, 4);
    add_key(&file, "tenth", STERNA_GGUF_F64, &tenth, 8);
    add_integer(&file, "yes", STERNA_GGUF_BOOL, 178, 1);
    add_integer(&file, "no", STERNA_GGUF_BOOL, 0, 1);
    add_text(&file, "name");
    add_number(&file, STERNA_GGUF_STRING, 4);
    add_number(&file, 3, 8);
    add(&file, "a\0b", 3);
    add_text(&file, "pair");
    add_number(&file, STERNA_GGUF_ARRAY, 4);
    add_number(&file, STERNA_GGUF_I32, 4);
    add_number(&file, 2, 8);
    uint64_t pair_at = file.size;
    add(&file, pair, 8);
    sterna_gguf *gguf = open_image(t, &file, &fault);
    CHECK(t, gguf);
    CHECK(t, sterna_gguf_f32(gguf, "third", &f32, NULL) == STERNA_OK && f32 == third);
    CHECK(t, sterna_gguf_f32(gguf, "tenth", &f32, NULL) == STERNA_OK && f32 == 0.1f);
    CHECK(t, sterna_gguf_bool(gguf, "yes", &flag, NULL) == STERNA_OK && flag);
    CHECK(t, sterna_gguf_bool(gguf, "no", &flag, NULL) == STERNA_OK && !flag);
    CHECK(t, sterna_gguf_string(gguf, "name", &text, NULL) == STERNA_OK && text.length == 3);
    CHECK(t, memcmp(text.data, "a\0b", 3) == 0 && !sterna_gguf_same(text, "a"));
    CHECK(t, sterna_gguf_array(gguf, "pair", STERNA_GGUF_I32, &value, NULL) == STERNA_OK);
    int64_t second = 0;
    CHECK(t, value->count == 2 && value->offset == pair_at && sterna_gguf_as_i64(value, 1, &second) &&
                 second == 9);
    CHECK(t, sterna_gguf_u32(gguf, "third", &u32, NULL) == STERNA_FILE &&
                 sterna_gguf_bool(gguf, "third", &flag, NULL) == STERNA_FILE);
    CHECK(t, sterna_gguf_u32(gguf, "yes", &u32, NULL) == STERNA_FILE);
    CHECK(t, sterna_gguf_string(gguf, "third", &text, NULL) == STERNA_FILE);
    CHECK(t, sterna_gguf_u32(gguf, "pair", &u32, &fault) == STERNA_FILE);
    CHECK_MSG(t, strstr(fault.text, "key \"pair\" holds an array of I32; an integer is needed"), "%s",
              fault.text);
    fault = (sterna_fault){0};
    CHECK(t, sterna_gguf_array(gguf, "pair", STERNA_GGUF_U32, &value, &fault) == STERNA_FILE);
    CHECK_MSG(t, strstr(fault.text, "an array of U32 is needed"), "%s", fault.text);
    fault = (sterna_fault){0};
    CHECK(t, sterna_gguf_f32(gguf, "thir", &f32, &fault) == STERNA_FILE &&
                 strstr(fault.text, "\"thir\" is missing"));
    CHECK(t, !sterna_gguf_find(gguf, "") && !sterna_gguf_find(gguf, "third "));
    sterna_gguf_close(gguf);
    sterna_free(file.data);
}

static void strings_are_indexed(sterna_test *t)
{
    enum { COUNT = 5000 };
    image file = {0};
    sterna_fault fault;
    char text[32];
    begin(&file, 0, 2);
    for (int key = 0; key < 2; key++) {
        add_text(&file, key ? "empty" : "tokens");
        add_number(&file, STERNA_GGUF_ARRAY, 4);
        add_number(&file, STERNA_GGUF_STRING, 4);
        add_number(&file, key ? 0 : COUNT, 8);
        for (int i = 0; !key && i < COUNT; i++) {
            snprintf(text, sizeof text, "%.*s%d", i % 7, "prefix", i);
            add_text(&file, text);
        }
    }
    sterna_gguf *gguf = open_image(t, &file, &fault);
    CHECK(t, gguf);
    sterna_gguf_strings strings, again;
    CHECK(t,
          sterna_gguf_string_array(gguf, "tokens", &strings, &fault) == STERNA_OK && strings.count == COUNT);
    int64_t live = sterna_mem_live();
    CHECK(t,
          sterna_gguf_string_array(gguf, "tokens", &again, &fault) == STERNA_OK && sterna_mem_live() == live);
    for (int i = COUNT - 1; i >= 0; i--) {
        snprintf(text, sizeof text, "%.*s%d", i % 7, "prefix", i);
        CHECK_MSG(t, sterna_gguf_same(sterna_gguf_string_at(&again, (uint64_t)i), text), "string %d", i);
    }
    CHECK(t, sterna_gguf_string_array(gguf, "empty", &strings, &fault) == STERNA_OK && strings.count == 0);
    sterna_gguf_close(gguf);
    sterna_free(file.data);
}

static void tensors_have_their_place(sterna_test *t)
{
    image file = {0};
    sterna_fault fault;
    uint64_t count;
    begin(&file, 4, 1);
    add_integer(&file, "general.alignment", STERNA_GGUF_U32, 64, 4);
    add_tensor(&file, "scalar", 0, NULL, STERNA_FORMAT_F32, 0);
    add_tensor(&file, "matrix", 2, (uint64_t[]){64, 3}, STERNA_FORMAT_Q8_0, 64);
    add_tensor(&file, "none", 3, (uint64_t[]){32, 0, 5}, STERNA_FORMAT_F16, 320);
    add_tensor(&file, "deep", 4, (uint64_t[]){2, 3, 1, 2}, STERNA_FORMAT_BF16, 320);
    pad(&file, 64);
    uint64_t data = file.size;
    for (int i = 0; i < 384; i++) add_number(&file, (uint64_t)i * 7, 1);
    sterna_gguf *gguf = open_image(t, &file, &fault);
    CHECK(t, gguf);
    const sterna_gguf_tensor *all = sterna_gguf_tensors(gguf, &count);
    CHECK(t, count == 4 && sterna_gguf_alignment(gguf) == 64 && sterna_gguf_data_offset(gguf) == data);
    CHECK(t, all[0].bytes == 4 && all[0].n_dims == 0 && all[0].ne[0] == 1 && all[0].offset == data);
    CHECK(t,
          all[1].bytes == 2 * 34 * 3 && all[1].offset == data + 64 && all[1].data == file.data + data + 64);
    CHECK(t, all[1].ne[0] == 64 && all[1].ne[1] == 3 && all[1].ne[2] == 1 && all[1].ne[3] == 1);
    CHECK(t, all[2].bytes == 0 && all[2].ne[1] == 0);
    CHECK(t, all[3].bytes == 24 && all[3].offset == data + 320);
    CHECK(t, sterna_gguf_tensor_named(gguf, "deep") == &all[3] && !sterna_gguf_tensor_named(gguf, "dee"));
    sterna_gguf_close(gguf);
    /* The padding behind the last tensor belongs to the file. */
    file.size--;
    CHECK(t, !open_image(t, &file, &fault) &&
                 strstr(fault.text, "tensor \"deep\": the file ends within its data or"));
    sterna_free(file.data);
}

static void the_directory_opens_without_data(sterna_test *t)
{
    image file = {0};
    sterna_fault fault = {0};
    sterna_gguf *gguf = NULL;
    uint64_t count;
    begin(&file, 2, 0);
    add_tensor(&file, "here", 1, (uint64_t[]){8}, STERNA_FORMAT_F32, 0);
    add_tensor(&file, "cut", 1, (uint64_t[]){8}, STERNA_FORMAT_F32, 32);
    pad(&file, 32);
    for (int i = 0; i < 63; i++) add_number(&file, 1, 1);
    CHECK(t, sterna_gguf_open_memory(file.data, file.size, "cut.gguf", 0, &gguf, &fault) == STERNA_FILE &&
                 !gguf);
    CHECK_MSG(t, strstr(fault.text, "cut.gguf: tensor \"cut\": the file ends"), "%s", fault.text);
    CHECK(t, sterna_gguf_open_memory(file.data, file.size, "cut.gguf", STERNA_GGUF_DIRECTORY, &gguf,
                                     &fault) == STERNA_OK);
    const sterna_gguf_tensor *all = sterna_gguf_tensors(gguf, &count);
    CHECK(t, count == 2 && all[0].data && !all[1].data && all[1].bytes == 32);
    sterna_gguf_close(gguf);
    sterna_free(file.data);
}

static void big_endian_is_named(sterna_test *t)
{
    sterna_fault fault = {0};
    sterna_gguf *gguf = NULL;
    static const uint8_t file[24] = {'G', 'G', 'U', 'F', 0, 0, 0, 3};
    CHECK(t, sterna_gguf_open_memory(file, sizeof file, "be", 0, &gguf, &fault) == STERNA_FILE);
    CHECK_MSG(t, strstr(fault.text, "big-endian"), "%s", fault.text);
}

/* The first value beyond each limit is refused, the last within it is taken. */
static void limits_are_where_the_manual_says(sterna_test *t)
{
    static char name[STERNA_GGUF_MAX_KEY + 2];
    image file = {0};
    sterna_fault fault;
    for (uint32_t over = 0; over < 2; over++) {
        memset(name, 'k', sizeof name);
        name[STERNA_GGUF_MAX_KEY + over] = 0;
        begin(&file, 0, 1);
        add_integer(&file, name, STERNA_GGUF_U8, 1, 1);
        sterna_gguf *gguf = open_image(t, &file, &fault);
        CHECK_MSG(t, !gguf == (over == 1), "a key of 65535 bytes and %u", over);
        if (over) CHECK_MSG(t, strstr(fault.text, "at most 65535"), "%s", fault.text);
        sterna_gguf_close(gguf);

        name[STERNA_GGUF_MAX_NAME + over] = 0;
        begin(&file, 1, 0);
        add_tensor(&file, name, 1, (uint64_t[]){8}, STERNA_FORMAT_F32, 0);
        pad(&file, 32);
        for (int i = 0; i < 8; i++) add_number(&file, 0, 4);
        gguf = open_image(t, &file, &fault);
        CHECK_MSG(t, !gguf == (over == 1), "a name of 63 bytes and %u", over);
        sterna_gguf_close(gguf);

        begin(&file, 0, 1);
        add_integer(&file, "general.alignment", STERNA_GGUF_U32, (uint64_t)STERNA_GGUF_MAX_ALIGNMENT << over,
                    4);
        gguf = open_image(t, &file, &fault);
        CHECK_MSG(t, !gguf == (over == 1), "an alignment of 1 MiB times %u", over + 1);
        sterna_gguf_close(gguf);
    }
    sterna_free(file.data);
}

static void shapes_are_measured_without_overflow(sterna_test *t)
{
    const sterna_format *f32 = sterna_format_find(STERNA_FORMAT_F32),
                        *q4 = sterna_format_find(STERNA_FORMAT_Q4_K);
    uint64_t bytes = 1;
    CHECK(t, sterna_gguf_tensor_bytes(q4, (uint64_t[]){512, 3, 2, 1}, &bytes) && bytes == 2 * 144 * 6);
    CHECK(t, sterna_gguf_tensor_bytes(q4, (uint64_t[]){0, 3, 2, 1}, &bytes) && bytes == 0);
    CHECK(t, !sterna_gguf_tensor_bytes(q4, (uint64_t[]){128, 2, 1, 1}, &bytes));
    CHECK(t, sterna_gguf_tensor_bytes(f32, (uint64_t[]){1ull << 60, 1, 1, 1}, &bytes) && bytes == 1ull << 62);
    CHECK(t, !sterna_gguf_tensor_bytes(f32, (uint64_t[]){1ull << 61, 1, 1, 1}, &bytes));
    CHECK(t, !sterna_gguf_tensor_bytes(f32, (uint64_t[]){1ull << 32, 1ull << 32, 1, 1}, &bytes));
    /* A zero anywhere does not hide an overflow of the rest. */
    CHECK(t, !sterna_gguf_tensor_bytes(f32, (uint64_t[]){0, 1ull << 40, 1ull << 40, 1}, &bytes));
    CHECK(t, !sterna_gguf_tensor_bytes(f32, (uint64_t[]){1ull << 40, 1ull << 40, 1, 0}, &bytes));
}

/* Numbers that other programs use for other things (gguf_dialect.c): refused with advice; 39 is MXFP4. */
static void colliding_types_are_refused_with_advice(sterna_test *t)
{
    static const struct {
        uint32_t id;
        const char *phrase;
    } rows[] = {
        {4, "removed from ggml"},
        {33, "convert the model to Q4_0"},
        {36, "I2_S in BitNet forks"},
        {37, "I8_S"},
        {38, "TL1"},
        {43, "no type of ggml's"},
        {135, "ik_llama.cpp"},
        {39, NULL},
        {41, NULL},
    };
    static const uint8_t values[64];
    image file = {0};
    sterna_fault fault;
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        begin(&file, 1, 0);
        add_tensor(&file, "t", 1, (uint64_t[]){128}, rows[i].id, 0);
        pad(&file, 32);
        for (int j = 0; j < 3; j++) add(&file, values, sizeof values);
        sterna_gguf *gguf = open_image(t, &file, &fault);
        CHECK_MSG(t, !gguf == (rows[i].phrase != NULL), "type %u", rows[i].id);
        if (rows[i].phrase)
            CHECK_MSG(t, strstr(fault.text, rows[i].phrase) && strstr(fault.text, "tensor \"t\""), "%s",
                      fault.text);
        sterna_gguf_close(gguf);
    }
    sterna_free(file.data);
}

enum { MANY = 100000 };

static void many_tensors_open_quickly(sterna_test *t)
{
    image file = {0};
    sterna_fault fault;
    char name[64];
    double fastest = 1e9;
    begin(&file, MANY, 0);
    for (uint64_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "blk.%llu.ffn_down.weight", (unsigned long long)i);
        add_tensor(&file, name, 2, (uint64_t[]){8, 1}, STERNA_FORMAT_F32, i * 32);
    }
    pad(&file, 32);
    static const uint8_t values[32];
    for (uint64_t i = 0; i < MANY; i++) add(&file, values, sizeof values);
    for (int round = 0; round < 5; round++) {
        double start = sterna_sys_now();
        sterna_gguf *gguf = open_image(t, &file, &fault);
        double took = sterna_sys_now() - start;
        CHECK(t, gguf);
        if (took < fastest) fastest = took;
        uint64_t count;
        const sterna_gguf_tensor *all = sterna_gguf_tensors(gguf, &count);
        CHECK(t, count == MANY);
        for (uint64_t i = 0; i < MANY; i += 997) {
            snprintf(name, sizeof name, "blk.%llu.ffn_down.weight", (unsigned long long)i);
            CHECK(t, sterna_gguf_tensor_named(gguf, name) == &all[i]);
        }
        sterna_gguf_close(gguf);
    }
    sterna_free(file.data);
    printf("100,000 tensors: %.2f ms\n", fastest * 1e3);
    /* Quadratic behaviour takes seconds; a sanitizer or a busy machine does not come near this. */
    CHECK_MSG(t, fastest < 0.4, "%.1f ms for 100,000 tensors", fastest * 1e3);
}

const sterna_test_case sterna_test_cases[] = {
    {"integers_of_every_type_are_taken_when_they_fit", integers_of_every_type_are_taken_when_they_fit, 0},
    {"other_types_and_missing_keys_are_refused_by_name", other_types_and_missing_keys_are_refused_by_name, 0},
    {"strings_are_indexed", strings_are_indexed, 0},
    {"tensors_have_their_place", tensors_have_their_place, 0},
    {"the_directory_opens_without_data", the_directory_opens_without_data, 0},
    {"big_endian_is_named", big_endian_is_named, 0},
    {"limits_are_where_the_manual_says", limits_are_where_the_manual_says, 0},
    {"shapes_are_measured_without_overflow", shapes_are_measured_without_overflow, 0},
    {"colliding_types_are_refused_with_advice", colliding_types_are_refused_with_advice, 0},
    {"many_tensors_open_quickly", many_tensors_open_quickly, 0},
    {0},
};
