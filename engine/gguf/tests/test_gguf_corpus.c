/* Hostile and handcrafted files: each gets the verdict wanted, for the reason meant, and the same one however
 * it is read. Owns: the container's part of the corpora. Files that are wrong for a model only open here
 * (model/ refuses them). */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "base/mem.h"
#include "base/size.h"
#include "gguf/gguf.h"
#include "guarded.h"
#include "runner.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/* What must stand in the sentence; NULL: the file opens. */
typedef struct expected {
    const char *file, *phrase;
} expected;

static const expected container[] = {
    {"h02_magic_only.gguf", "ends within the version"},
    {"h04_version0.gguf", "version 0 is not supported"},
    {"h06_version4.gguf", "version 4 is not supported"},
    {"h08_nkv_max.gguf", "keys do not fit"},
    {"h10_ntensors_max.gguf", "tensors do not fit"},
    {"h12_ntensors_claim_1.gguf",
     "tensor number 0: the file ends within the name: 8 bytes are needed, 0 are left (at byte 69)"},
    {"h14_v2_valid.gguf", NULL},
    {"k02_keylen_past_eof.gguf", "key number 0: the file ends within the name"},
    {"k04_strlen_max.gguf", "key \"general.name\": its value is 18446744073709551615 bytes long"},
    {"k06_strlen_past_eof.gguf", "key \"general.name\": the file ends within its value"},
    {"k08_type_neg1.gguf", "key \"my_key\": its type is 4294967295"},
    {"k10_arr_of_arr.gguf", "array of arrays"},
    {"k12_arr_n_wrap_u64.gguf", "it claims 2305843009213693953 elements"},
    {"k14_arr_n_2e63.gguf", "it claims 9223372036854775808 elements"},
    {"k16_arr_empty.gguf", NULL},
    {"k18_align_zero.gguf", "\"general.alignment\": 0 is no power of two"},
    {"k20_align_i32.gguf", "\"general.alignment\": it has type I32"},
    {"k22_align_1.gguf", NULL},
    {"k24_key_nul.gguf", "key \"general.na\\x00me\": the name holds a NUL"},
    {"k26_str_badutf8.gguf", NULL},
    {"k28_kv_truncated.gguf", "key \"x\": the file ends within its type"},
    {"t02_ndims5.gguf", "tensor \"t\": it has 5 dimensions"},
    {"t04_ndims_max.gguf", "tensor \"t\": it has 4294967295 dimensions"},
    {"t06_dim_zero2d.gguf", NULL},
    {"t08_ne_prod_2_64.gguf", "too large"},
    {"t10_ne_too_big.gguf", "too large"},
    {"t12_nbytes_i64.gguf", "too large"},
    {"t14_cumulative.gguf", "tensor \"b\": with this tensor the data are larger than any file (at byte 127)"},
    {"t16_type_neg.gguf", "its type 4294967295 is not supported"},
    {"t18_type_removed31.gguf", "its type 31 is not supported"},
    {"t20_row_not_mult_k.gguf", "rows of 128 values do not fill blocks of 256 (Q4_K)"},
    {"t22_offset_unaligned.gguf", "no multiple of the alignment 32"},
    {"t24_overlap.gguf", "tensor \"b\": its offset is 32; the tensors before it end at 256"},
    {"t26_data_short.gguf", "has 383 bytes, 384 are needed"},
    {"t28_dims_inflated.gguf", "ends within its data"},
    {"t30_name_empty.gguf", "tensor number 0: the name is empty"},
    {"t32_ndims4_trailing1.gguf", NULL},
    {"t34_type39_tl2.gguf", "has 192 bytes, 288 are needed"}, /* as MXFP4, which 39 is */
};

static const expected ggml[] = {
    {"HEADER_BAD_MAGIC.reject.gguf", "not a GGUF file"},
    {"HEADER_BAD_N_KV.reject.gguf", "keys do not fit"},
    {"HEADER_BAD_N_TENSORS.reject.gguf", "tensors do not fit"},
    {"HEADER_BAD_VERSION_1.reject.gguf", "version 1"},
    {"HEADER_BAD_VERSION_FUTURE.reject.gguf", "version 4"},
    {"HEADER_EMPTY.accept.gguf", NULL},
    {"KV_BAD_ALIGN.reject.gguf", "13 is no power of two"},
    {"KV_BAD_KEY_SIZE.reject.gguf", "the name is 18446744073709551615 bytes long"},
    {"KV_BAD_TYPE.reject.gguf", "its type is 13"},
    {"KV_DUPLICATE_KEY.reject.gguf", "\"my_key_0\": it is there twice, as number 0 and 1"},
    {"KV_RANDOM_KV.accept.gguf", NULL},
    {"TENSORS_BAD_ALIGN.reject.gguf", "13 is no power of two"},
    {"TENSORS_BAD_NAME_SIZE.reject.gguf", "the name is 87 bytes long; at most 63"},
    {"TENSORS_BAD_N_DIMS.reject.gguf", "5 dimensions"},
    {"TENSORS_BAD_OFFSET.reject.gguf", "its offset 18446744073709551615"},
    {"TENSORS_BAD_SHAPE.reject.gguf", "dimension 0 is 18446744073709551615"},
    {"TENSORS_BAD_TYPE.reject.gguf",
     "do not fill blocks of 32 (MXFP4)"}, /* 39 was no type yet when ggml made it */
    {"TENSORS_CUSTOM_ALIGN.accept.gguf", NULL},
    {"TENSORS_DUPLICATE_NAME.reject.gguf", "\"my_tensor\": it is there twice"},
    {"TENSORS_INCONSISTENT_ALIGN.reject.gguf", "no multiple of the alignment 32"},
    {"TENSORS_NE_TOO_BIG.reject.gguf", "too large"},
    {"TENSORS_SUCCESS.accept.gguf", NULL},
    {"DATA_BAD_ALIGN.reject.gguf", "13 is no power of two"},
    {"DATA_CUSTOM_ALIGN.accept.gguf", NULL},
    {"DATA_INCONSISTENT_ALIGN.reject.gguf", "no multiple of the alignment 32"},
    {"DATA_NOT_ENOUGH_DATA.reject.gguf", "has 993055 bytes, 993056 are needed"},
    {"DATA_SUCCESS.accept.gguf", NULL},
};

/* Touches everything that a caller could: the sanitizers watch. */
static uint64_t touch(const sterna_gguf *file)
{
    uint64_t count, sum = 0;
    const sterna_gguf_value *values = sterna_gguf_values(file, &count);
    for (uint64_t i = 0; i < count; i++) {
        sum += values[i].bytes ? values[i].data[values[i].bytes - 1] : 0;
        sum += (uint8_t)values[i].key.data[values[i].key.length - 1];
    }
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(file, &count);
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t j = 0; tensors[i].data && j < tensors[i].bytes; j += 64) sum += tensors[i].data[j];
    return sum;
}

/* Opens the file in three ways that have to agree; the verdict goes to *fault. */
static void check_three_ways(sterna_test *t, const char *path, uint32_t flags, sterna_fault *fault)
{
    sterna_mapping bytes = {0};
    int64_t live = sterna_mem_live();
    sterna_fault faults[3] = {{0}};
    uint64_t sums[3] = {0};
    CHECK(t, sterna_sys_read(path, 1 << 28, &bytes, fault) == STERNA_OK);
    guarded buffer = {0};
    uint64_t size = bytes.size;
    CHECK(t, guarded_create(&buffer, size));
    uint8_t *copy = guarded_place(&buffer, size);
    memcpy(copy, bytes.data, size);
    sterna_sys_unmap(&bytes);
    for (uint32_t way = 0; way < 3; way++) {
        sterna_gguf *file = NULL;
        sterna_status status = way == 2
                                   ? sterna_gguf_open_memory(copy, size, path, flags, &file, &faults[way])
                                   : sterna_gguf_open(path, flags | way, &file, &faults[way]);
        CHECK(t, status == faults[way].status && (status == STERNA_OK) == (file != NULL));
        if (file) sums[way] = touch(file);
        sterna_gguf_close(file);
        CHECK_MSG(t,
                  status == faults[0].status && strcmp(faults[way].text, faults[0].text) == 0 &&
                      sums[way] == sums[0],
                  "way %u: %s", way, faults[way].text);
    }
    guarded_destroy(&buffer);
    CHECK(t, sterna_mem_live() == live);
    *fault = faults[0];
}

static void check_file(sterna_test *t, const char *path, const expected *row, uint32_t flags)
{
    sterna_fault fault = {0};
    check_three_ways(t, path, flags, &fault);
    if (!row->phrase) {
        CHECK_MSG(t, fault.status == STERNA_OK, "%s", fault.text);
        return;
    }
    CHECK_MSG(t, fault.status == STERNA_FILE, "%s: status %s", row->file, sterna_status_name(fault.status));
    CHECK_MSG(t, strstr(fault.text, row->phrase) && strstr(fault.text, "(at byte "), "wanted \"%s\" in: %s",
              row->phrase, fault.text);
}

static const expected *row_of(const char *file)
{
    for (size_t i = 0; i < STERNA_COUNT(container); i++)
        if (strcmp(container[i].file, file) == 0) return &container[i];
    return NULL;
}

/* The manifest is the demand; the table above must agree with it and says more. */
static void hostile_files_get_the_wanted_verdict(sterna_test *t)
{
    sterna_mapping text = {0};
    sterna_fault fault = {0};
    CHECK(t, sterna_sys_read(sterna_test_repo(t, "engine/tests/corpus/manifest.json"), 1 << 20, &text,
                             &fault) == STERNA_OK);
    cJSON *manifest = cJSON_ParseWithLength((const char *)text.data, text.size), *entry;
    uint32_t seen = 0;
    CHECK(t, cJSON_IsArray(manifest));
    cJSON_ArrayForEach(entry, manifest)
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(entry, "file"));
        const char *wanted = cJSON_GetStringValue(cJSON_GetObjectItem(entry, "expect"));
        const expected *row = row_of(name);
        char path[120];
        CHECK_MSG(t, row, "%s has no row here", name);
        if (strcmp(wanted, "reject") == 0) CHECK_MSG(t, row->phrase, "%s is to be rejected", name);
        if (strcmp(wanted, "accept") == 0) CHECK_MSG(t, !row->phrase, "%s is to be accepted", name);
        snprintf(path, sizeof path, "engine/tests/corpus/%s", name);
        check_file(t, sterna_test_repo(t, path), row, 0);
        seen++;
    }
    CHECK(t, seen == STERNA_COUNT(container));
    cJSON_Delete(manifest);
    sterna_sys_unmap(&text);
}

static uint32_t ggml_flags(const char *name)
{
    return strncmp(name, "TENSORS_", 8) == 0 ? STERNA_GGUF_DIRECTORY : STERNA_GGUF_MAP;
}

static bool is_data_case(const char *name)
{
    return strncmp(name, "DATA_", 5) == 0;
}

static void check_ggml_row(sterna_test *t, const char *path, const expected *row)
{
    /* The verdict in the name is ggml's own. */
    CHECK_MSG(t, !row->phrase == !strstr(row->file, ".reject."), "%s", row->file);
    check_file(t, path, row, ggml_flags(row->file));
}

static void ggml_cases_get_ggmls_verdict(sterna_test *t)
{
    for (size_t i = 0; i < STERNA_COUNT(ggml); i++) {
        char path[120];
        if (is_data_case(ggml[i].file)) continue;
        snprintf(path, sizeof path, "engine/tests/corpus_ggml/%s", ggml[i].file);
        check_ggml_row(t, sterna_test_repo(t, path), &ggml[i]);
    }
}

static void ggml_cases_with_data(sterna_test *t)
{
    for (size_t i = 0; i < STERNA_COUNT(ggml); i++) {
        char name[120];
        if (!is_data_case(ggml[i].file)) continue;
        snprintf(name, sizeof name, "data/corpus_test_gguf/%s", ggml[i].file);
        const char *path = sterna_test_shared(t, name);
        if (!path) SKIP(t, "the shared data folder is absent (1 MB files of ggml's)");
        check_ggml_row(t, path, &ggml[i]);
    }
}

/* Files that are wrong for a model only are right here, but for one whose sizes do not add up. */
static void semantic_files_open(sterna_test *t)
{
    sterna_mapping text = {0};
    sterna_fault fault = {0};
    uint32_t seen = 0;
    const char *path = sterna_test_shared(t, "data/corpus/manifest.json");
    if (!path) SKIP(t, "the shared data folder is absent (corpus of model-level defects)");
    CHECK(t, sterna_sys_read(path, 1 << 20, &text, &fault) == STERNA_OK);
    cJSON *manifest = cJSON_ParseWithLength((const char *)text.data, text.size), *entry;
    cJSON_ArrayForEach(entry, manifest)
    {
        char name[120];
        expected row = {cJSON_GetStringValue(cJSON_GetObjectItem(entry, "file")), NULL};
        if (row.file[0] != 's') continue;
        if (strcmp(row.file, "s52_type_shrink.gguf") == 0)
            row.phrase = "tensor \"output_norm.weight\": its offset is 18432";
        snprintf(name, sizeof name, "data/corpus/%s", row.file);
        check_file(t, sterna_test_shared(t, name), &row, 0);
        seen++;
    }
    CHECK_MSG(t, seen >= 29, "%u files", seen);
    cJSON_Delete(manifest);
    sterna_sys_unmap(&text);
}

const sterna_test_case sterna_test_cases[] = {
    {"hostile_files_get_the_wanted_verdict", hostile_files_get_the_wanted_verdict, 0},
    {"ggml_cases_get_ggmls_verdict", ggml_cases_get_ggmls_verdict, 0},
    {"ggml_cases_with_data", ggml_cases_with_data, 0},
    {"semantic_files_open", semantic_files_open, 0},
    {0},
};
