/* What is written is read again, to the byte; what must not be written is not; every failure leaves nothing
 * behind. Owns: the writer, and the sweep of injected failures over writer and reader together. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "gguf/gguf.h"
#include "runner.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>

static const char *path_in(char path[1200], const char *folder, const char *name)
{
    snprintf(path, 1200, "%s/%s", folder, name);
    return path;
}

static uint32_t entries(const char *folder)
{
    uint32_t count = 0;
    DIR *open_folder = opendir(folder);
    while (open_folder && readdir(open_folder)) count++;
    if (open_folder) closedir(open_folder);
    return count - 2; /* . and .. */
}

/* Writes `from` again, key by key and tensor by tensor. */
static sterna_status rewrite(const sterna_gguf *from, const char *path, sterna_fault *fault)
{
    sterna_gguf_writer *writer = NULL;
    uint64_t count;
    sterna_status status = sterna_gguf_writer_create(&writer, fault);
    if (status != STERNA_OK) return status;
    const sterna_gguf_value *values = sterna_gguf_values(from, &count);
    for (uint64_t i = 0; i < count; i++) sterna_gguf_put_value(writer, &values[i]);
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(from, &count);
    for (uint64_t i = 0; i < count; i++) {
        char name[STERNA_GGUF_MAX_NAME + 1] = "";
        memcpy(name, tensors[i].name.data, tensors[i].name.length);
        sterna_gguf_put_tensor(writer, name, tensors[i].format, tensors[i].n_dims, tensors[i].ne, NULL,
                               (void *)(uintptr_t)tensors[i].data);
    }
    status = sterna_gguf_writer_finish(writer, path, fault);
    sterna_gguf_writer_destroy(writer);
    return status;
}

static void check_same_bytes(sterna_test *t, const char *a, const char *b)
{
    sterna_mapping one = {0}, other = {0};
    CHECK(t, sterna_sys_map(a, &one, NULL) == STERNA_OK && sterna_sys_map(b, &other, NULL) == STERNA_OK);
    CHECK_MSG(t, one.size == other.size, "%llu and %llu bytes", (unsigned long long)one.size,
              (unsigned long long)other.size);
    for (uint64_t i = 0; i < one.size; i++)
        CHECK_MSG(t, one.data[i] == other.data[i], "byte %llu", (unsigned long long)i);
    sterna_sys_unmap(&one);
    sterna_sys_unmap(&other);
}

static void the_golden_model_is_rewritten_to_the_byte(sterna_test *t)
{
    sterna_fault fault = {0};
    sterna_gguf *file = NULL;
    char path[1200];
    const char *golden = sterna_test_repo(t, "golden/models/golden.gguf"), *folder = sterna_test_folder(t);
    int64_t live = sterna_mem_live();
    CHECK_MSG(t, sterna_gguf_open(golden, STERNA_GGUF_MAP, &file, &fault) == STERNA_OK, "%s", fault.text);
    CHECK_MSG(t, rewrite(file, path_in(path, folder, "again.gguf"), &fault) == STERNA_OK, "%s", fault.text);
    check_same_bytes(t, golden, path);
    sterna_gguf_close(file);
    CHECK(t, sterna_mem_live() == live);
}

/* Values of row r, column c; written in pieces of odd sizes. */
typedef struct stripes {
    uint64_t bytes;
    uint64_t piece;
    sterna_status fail; /* OK: does not */
} stripes;

static uint8_t stripe_byte(uint64_t i)
{
    return (uint8_t)(i * 31 + i / 257);
}

static sterna_status fill_stripes(void *context, sterna_gguf_sink *sink, sterna_fault *fault)
{
    static uint8_t piece[200000];
    const stripes *plan = context;
    if (plan->fail != STERNA_OK) return sterna_fail(fault, plan->fail, "the source of data failed");
    for (uint64_t at = 0; at < plan->bytes; at += plan->piece) {
        uint64_t bytes = plan->bytes - at < plan->piece ? plan->bytes - at : plan->piece;
        for (uint64_t i = 0; i < bytes; i++) piece[i] = stripe_byte(at + i);
        sterna_status status = sterna_gguf_sink_write(sink, piece, bytes, fault);
        if (status != STERNA_OK) return status;
    }
    return STERNA_OK;
}

enum { WIDE = 100001 };

/* One key of each type, three arrays, four tensors. */
static sterna_status write_sample(const char *path, stripes plan[2], sterna_fault *fault)
{
    static const float small[3] = {1, 2, 3};
    static const int16_t shorts[3] = {-1, 0, 1};
    static const sterna_gguf_text words[3] = {{"one", 3}, {"", 0}, {"thr\0ee", 6}};
    const sterna_format *f32 = sterna_format_find(STERNA_FORMAT_F32),
                        *i8 = sterna_format_find(STERNA_FORMAT_I8);
    sterna_gguf_writer *writer = NULL;
    sterna_status status = sterna_gguf_writer_create(&writer, fault);
    if (status != STERNA_OK) return status;
    sterna_gguf_put_string(writer, "general.architecture", "sample", 6);
    sterna_gguf_put_u32(writer, "general.alignment", 128);
    sterna_gguf_put_u8(writer, "u8", 255);
    sterna_gguf_put_i8(writer, "i8", -128);
    sterna_gguf_put_u16(writer, "u16", 65535);
    sterna_gguf_put_i16(writer, "i16", -32768);
    sterna_gguf_put_i32(writer, "i32", INT32_MIN);
    sterna_gguf_put_u64(writer, "u64", UINT64_MAX);
    sterna_gguf_put_i64(writer, "i64", INT64_MIN);
    sterna_gguf_put_f32(writer, "f32", 0.1f);
    sterna_gguf_put_f64(writer, "f64", 0.1);
    sterna_gguf_put_bool(writer, "bool", true);
    sterna_gguf_put_array(writer, "shorts", STERNA_GGUF_I16, shorts, 3);
    sterna_gguf_put_array(writer, "nothing", STERNA_GGUF_F64, NULL, 0);
    sterna_gguf_put_strings(writer, "words", words, 3);
    sterna_gguf_put_tensor(writer, "small", f32, 1, (uint64_t[]){3}, NULL, (void *)(uintptr_t)small);
    sterna_gguf_put_tensor(writer, "wide", i8, 2, (uint64_t[]){WIDE, 3}, fill_stripes, &plan[0]);
    sterna_gguf_put_tensor(writer, "empty", f32, 2, (uint64_t[]){0, 4}, NULL, NULL);
    sterna_gguf_put_tensor(writer, "last", i8, 1, (uint64_t[]){77}, fill_stripes, &plan[1]);
    status = sterna_gguf_writer_finish(writer, path, fault);
    sterna_gguf_writer_destroy(writer);
    return status;
}

static void set_plan(stripes plan[2], uint64_t piece)
{
    plan[0] = (stripes){3 * WIDE, piece, STERNA_OK};
    plan[1] = (stripes){77, 1, STERNA_OK};
}

static void every_type_comes_back(sterna_test *t)
{
    sterna_fault fault = {0};
    sterna_gguf *file = NULL;
    stripes plan[2];
    char path[1200], again[1200];
    const char *folder = sterna_test_folder(t);
    int64_t live = sterna_mem_live();
    set_plan(plan, 1009);
    CHECK_MSG(t, write_sample(path_in(path, folder, "one.gguf"), plan, &fault) == STERNA_OK, "%s",
              fault.text);
    CHECK_MSG(t, sterna_gguf_open(path, STERNA_GGUF_MAP, &file, &fault) == STERNA_OK, "%s", fault.text);
    uint64_t count, wide = 0;
    int64_t minus = 0;
    float real = 0;
    bool flag = false;
    CHECK(t, sterna_gguf_version(file) == 3 && sterna_gguf_alignment(file) == 128);
    CHECK(t, sterna_gguf_u64(file, "u8", &wide, &fault) == STERNA_OK && wide == 255);
    CHECK(t, sterna_gguf_u64(file, "u16", &wide, &fault) == STERNA_OK && wide == 65535);
    CHECK(t, sterna_gguf_u64(file, "u64", &wide, &fault) == STERNA_OK && wide == UINT64_MAX);
    CHECK(t, sterna_gguf_as_i64(sterna_gguf_find(file, "i8"), 0, &minus) && minus == -128);
    CHECK(t, sterna_gguf_as_i64(sterna_gguf_find(file, "i16"), 0, &minus) && minus == -32768);
    CHECK(t, sterna_gguf_as_i64(sterna_gguf_find(file, "i32"), 0, &minus) && minus == INT32_MIN);
    CHECK(t, sterna_gguf_as_i64(sterna_gguf_find(file, "i64"), 0, &minus) && minus == INT64_MIN);
    CHECK(t, sterna_gguf_f32(file, "f32", &real, &fault) == STERNA_OK && real == 0.1f);
    CHECK(t, sterna_gguf_f32(file, "f64", &real, &fault) == STERNA_OK && real == 0.1f);
    CHECK(t, sterna_gguf_find(file, "f64")->type == STERNA_GGUF_F64);
    CHECK(t, sterna_gguf_bool(file, "bool", &flag, &fault) == STERNA_OK && flag);
    const sterna_gguf_value *shorts = sterna_gguf_find(file, "shorts");
    CHECK(t, shorts->count == 3 && sterna_gguf_as_i64(shorts, 0, &minus) && minus == -1);
    CHECK(t, sterna_gguf_find(file, "nothing")->count == 0);
    sterna_gguf_strings words;
    CHECK(t, sterna_gguf_string_array(file, "words", &words, &fault) == STERNA_OK && words.count == 3);
    CHECK(t, sterna_gguf_string_at(&words, 1).length == 0);
    CHECK(t, memcmp(sterna_gguf_string_at(&words, 2).data, "thr\0ee", 6) == 0);
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(file, &count);
    CHECK(t, count == 4 && tensors[1].bytes == 3 * WIDE && tensors[2].bytes == 0 &&
                 tensors[3].offset % 128 == 0);
    for (uint64_t i = 0; i < tensors[1].bytes; i++) CHECK(t, tensors[1].data[i] == stripe_byte(i));
    for (uint64_t i = 0; i < 77; i++) CHECK(t, tensors[3].data[i] == stripe_byte(i));
    CHECK_MSG(t, rewrite(file, path_in(again, folder, "two.gguf"), &fault) == STERNA_OK, "%s", fault.text);
    check_same_bytes(t, path, again);
    sterna_gguf_close(file);
    /* The size of the pieces cannot be seen in the file: below, at and above the size of the buffer. */
    static const uint64_t pieces[] = {1, 4096, 65535, 65536, 65537, 200000};
    for (size_t i = 0; i < STERNA_COUNT(pieces); i++) {
        set_plan(plan, pieces[i]);
        CHECK(t, write_sample(again, plan, &fault) == STERNA_OK);
        check_same_bytes(t, path, again);
    }
    CHECK(t, sterna_mem_live() == live);
}

static void wrong_amounts_of_data_are_refused(sterna_test *t)
{
    static const struct {
        uint64_t bytes;
        sterna_status fail, status;
        const char *phrase;
    } cases[] = {
        {3 * WIDE + 1, STERNA_OK, STERNA_USAGE, "tensor \"wide\": more data are given than the 300003 bytes"},
        {3 * WIDE - 1, STERNA_OK, STERNA_USAGE, "tensor \"wide\": 1 of its 300003 bytes were not given"},
        {0, STERNA_DEVICE, STERNA_DEVICE, "the source of data failed"},
    };
    const char *folder = sterna_test_folder(t);
    int64_t live = sterna_mem_live();
    for (size_t i = 0; i < STERNA_COUNT(cases); i++) {
        sterna_fault fault = {0};
        stripes plan[2];
        char path[1200];
        set_plan(plan, 1000);
        plan[0].bytes = cases[i].bytes;
        plan[0].fail = cases[i].fail;
        CHECK(t, write_sample(path_in(path, folder, "bad.gguf"), plan, &fault) == cases[i].status);
        CHECK_MSG(t, strstr(fault.text, cases[i].phrase), "%s", fault.text);
        CHECK(t, entries(folder) == 0 && sterna_mem_live() == live);
    }
}

/* What the reader would refuse is not written, and the sentence is the reader's. */
static void the_readers_rules_hold_for_the_writer(sterna_test *t)
{
    static const char *const phrases[] = {
        "key \"twice\": it is there twice",
        "13 is no power of two",
        "tensor \"t\": it is there twice",
        "tensor \"t\": rows of 100 values",
        "is too large",
        "at most 63 are allowed",
        "the name is empty",
        "more than 4 dimensions",
        "an array of STRING is not packed",
        "general.alignment\": it has type I32",
        "no format",
    };
    const sterna_format *q8 = sterna_format_find(STERNA_FORMAT_Q8_0),
                        *f32 = sterna_format_find(STERNA_FORMAT_F32);
    static const float one[1] = {1};
    void *data = (void *)(uintptr_t)one;
    const char *folder = sterna_test_folder(t);
    int64_t live = sterna_mem_live();
    for (uint32_t i = 0; i < STERNA_COUNT(phrases); i++) {
        sterna_fault fault = {0};
        sterna_gguf_writer *writer = NULL;
        char path[1200];
        CHECK(t, sterna_gguf_writer_create(&writer, &fault) == STERNA_OK);
        switch (i) {
        case 0:
            sterna_gguf_put_u32(writer, "twice", 1);
            sterna_gguf_put_bool(writer, "twice", true);
            break;
        case 1:
            sterna_gguf_put_u32(writer, "general.alignment", 13);
            break;
        case 2:
            sterna_gguf_put_tensor(writer, "t", f32, 0, NULL, NULL, data);
            sterna_gguf_put_tensor(writer, "t", f32, 0, NULL, NULL, data);
            break;
        case 3:
            sterna_gguf_put_tensor(writer, "t", q8, 1, (uint64_t[]){100}, NULL, data);
            break;
        case 4:
            sterna_gguf_put_tensor(writer, "t", f32, 2, (uint64_t[]){1ull << 32, 1ull << 32}, NULL, data);
            break;
        case 5:
            sterna_gguf_put_tensor(writer, "0123456789012345678901234567890123456789012345678901234567890123",
                                   f32, 0, NULL, NULL, data);
            break;
        case 6:
            sterna_gguf_put_u32(writer, "", 1);
            break;
        case 7:
            sterna_gguf_put_tensor(writer, "t", f32, 5, (uint64_t[]){1, 1, 1, 1, 1}, NULL, data);
            break;
        case 8:
            sterna_gguf_put_array(writer, "a", STERNA_GGUF_STRING, "", 0);
            break;
        case 9:
            sterna_gguf_put_i32(writer, "general.alignment", 32);
            break;
        default:
            sterna_gguf_put_tensor(writer, "t", NULL, 0, NULL, NULL, data);
            break;
        }
        CHECK(t, sterna_gguf_writer_finish(writer, path_in(path, folder, "bad.gguf"), &fault) != STERNA_OK);
        CHECK_MSG(t, strstr(fault.text, phrases[i]) && strstr(fault.text, "bad.gguf"), "wanted \"%s\" in: %s",
                  phrases[i], fault.text);
        sterna_gguf_writer_destroy(writer);
        CHECK(t, entries(folder) == 0 && sterna_mem_live() == live);
    }
}

/* Writes, opens in three ways, indexes, closes. */
static sterna_status whole_life(const char *path, sterna_fault *fault)
{
    stripes plan[2];
    sterna_gguf_strings words;
    set_plan(plan, 30000);
    sterna_status status = write_sample(path, plan, fault);
    for (uint32_t flags = STERNA_GGUF_MAP; flags <= STERNA_GGUF_READ && status == STERNA_OK; flags++) {
        sterna_gguf *file = NULL, *inner = NULL;
        status = sterna_gguf_open(path, flags, &file, fault);
        if (status != STERNA_OK) break;
        const sterna_mapping *bytes = sterna_gguf_mapping(file);
        status = sterna_gguf_string_array(file, "words", &words, fault);
        if (status == STERNA_OK)
            status = sterna_gguf_open_memory(bytes->data, bytes->size, "inner", 0, &inner, fault);
        sterna_gguf_close(inner);
        sterna_gguf_close(file);
    }
    return status;
}

static void sweep(sterna_test *t, sterna_fault_kind kind, sterna_status wanted, bool forever)
{
    const char *folder = sterna_test_folder(t);
    int64_t live = sterna_mem_live();
    char path[1200];
    path_in(path, folder, "sweep.gguf");
    for (uint64_t n = 1;; n++) {
        sterna_fault fault = {0};
        remove(path);
        sterna_fault_arm(kind, n, forever);
        sterna_status status = whole_life(path, &fault);
        uint64_t calls = sterna_fault_count(kind);
        sterna_fault_arm(kind, 0, false);
        CHECK_MSG(t, sterna_mem_live() == live, "call %llu: %lld blocks leak", (unsigned long long)n,
                  (long long)(sterna_mem_live() - live));
        if (calls < n) {
            CHECK_MSG(t, status == STERNA_OK && n > 15, "%s after %llu calls", fault.text,
                      (unsigned long long)calls);
            break;
        }
        CHECK_MSG(t, status == wanted && fault.status == wanted && fault.text[0], "call %llu: %s: %s",
                  (unsigned long long)n, sterna_status_name(status), fault.text);
        /* All or nothing: no half-written file, no temporary one. */
        sterna_gguf *left = NULL;
        CHECK(t, entries(folder) <= 1);
        if (entries(folder) == 1)
            CHECK_MSG(t, sterna_gguf_open(path, 0, &left, &fault) == STERNA_OK, "call %llu: %s",
                      (unsigned long long)n, fault.text);
        sterna_gguf_close(left);
    }
    remove(path);
}

static void every_allocation_may_fail(sterna_test *t)
{
    sweep(t, STERNA_FAULT_ALLOC, STERNA_MEMORY, false);
    sweep(t, STERNA_FAULT_ALLOC, STERNA_MEMORY, true);
}

static void every_system_call_may_fail(sterna_test *t)
{
    sweep(t, STERNA_FAULT_SYS, STERNA_FILE, false);
    sweep(t, STERNA_FAULT_SYS, STERNA_FILE, true);
}

const sterna_test_case sterna_test_cases[] = {
    {"the_golden_model_is_rewritten_to_the_byte", the_golden_model_is_rewritten_to_the_byte, 0},
    {"every_type_comes_back", every_type_comes_back, 0},
    {"wrong_amounts_of_data_are_refused", wrong_amounts_of_data_are_refused, 0},
    {"the_readers_rules_hold_for_the_writer", the_readers_rules_hold_for_the_writer, 0},
    {"every_allocation_may_fail", every_allocation_may_fail, 0},
    {"every_system_call_may_fail", every_system_call_may_fail, 0},
    {0},
};
