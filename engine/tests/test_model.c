/* Opening models: the semantic half of the hostile corpus, made by editing stories260K's metadata, and each
 * refusal names the key or tensor. The shared corpus, where present, must get the verdicts of its manifest. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "gguf/gguf.h"
#include "model/model.h"
#include "runner.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BASE "golden/models/stories260K-q8_0.gguf"

/* One edit of the base file: a key replaced (by a u32, a float, or dropped), or a tensor dropped,
 * transposed or added. */
typedef enum edit_kind {
    EDIT_NONE,
    EDIT_U32,
    EDIT_F32,
    EDIT_DROP,
    EDIT_DROP_TENSOR,
    EDIT_TRANSPOSE,
    EDIT_EXTRA,
    EDIT_STRING
} edit_kind;

typedef struct edit {
    const char *name;
    edit_kind kind;
    const char *target;
    uint32_t u32;
    float f32;
    bool accepted;
    const char *says; /* must stand in the refusal */
} edit;

static const edit edits[] = {
    {"unchanged", EDIT_NONE, "", 0, 0, true, ""},
    {"block_count is 2^32-1", EDIT_U32, "llama.block_count", UINT32_MAX, 0, false, "llama.block_count"},
    {"block_count is one too many", EDIT_U32, "llama.block_count", 6, 0, false, "blk.5.attn_norm.weight"},
    {"block_count is one too few", EDIT_U32, "llama.block_count", 4, 0, false, "blk.4."},
    {"a bias", EDIT_EXTRA, "blk.0.attn_q.bias", 0, 0, false, "blk.0.attn_q.bias"},
    {"7 heads", EDIT_U32, "llama.attention.head_count", 7, 0, false, "llama.attention.head_count"},
    {"3 KV heads", EDIT_U32, "llama.attention.head_count_kv", 3, 0, false, "llama.attention.head_count_kv"},
    {"0 heads", EDIT_U32, "llama.attention.head_count", 0, 0, false, "llama.attention.head_count"},
    {"RoPE over 9999 values", EDIT_U32, "llama.rope.dimension_count", 9999, 0, false,
     "llama.rope.dimension_count"},
    {"embedding of nothing", EDIT_U32, "llama.embedding_length", 0, 0, false, "llama.embedding_length"},
    {"feed-forward of nothing", EDIT_U32, "llama.feed_forward_length", 0, 0, false,
     "llama.feed_forward_length"},
    {"feed-forward of another width", EDIT_U32, "llama.feed_forward_length", 64, 0, false,
     "blk.0.ffn_gate.weight"},
    {"context of 2^32-1", EDIT_U32, "llama.context_length", UINT32_MAX, 0, true, ""},
    {"negative eps", EDIT_F32, "llama.attention.layer_norm_rms_epsilon", 0, -1.0f, false, "rms_epsilon"},
    {"eps is NaN", EDIT_F32, "llama.attention.layer_norm_rms_epsilon", 0, NAN, false, "rms_epsilon"},
    {"RoPE base is infinite", EDIT_F32, "llama.rope.freq_base", 0, INFINITY, false, "freq_base"},
    {"RoPE scaling of an unknown kind", EDIT_STRING, "llama.rope.scaling.type", 0, 0, false,
     "rope.scaling.type"},
    {"no architecture", EDIT_DROP, "general.architecture", 0, 0, false, "general.architecture"},
    {"unknown architecture", EDIT_STRING, "general.architecture", 0, 0, false, "general.architecture"},
    {"no tokenizer model", EDIT_DROP, "tokenizer.ggml.model", 0, 0, false, "tokenizer.ggml.model"},
    {"bos id is the vocabulary's size", EDIT_U32, "tokenizer.ggml.bos_token_id", 512, 0, false,
     "bos_token_id"},
    {"a tensor is missing", EDIT_DROP_TENSOR, "blk.4.ffn_down.weight", 0, 0, false, "blk.4.ffn_down.weight"},
    {"the embedding is transposed", EDIT_TRANSPOSE, "token_embd.weight", 0, 0, false, "token_embd.weight"},
};

static void copy_keys(sterna_gguf_writer *writer, const sterna_gguf *base, const edit *e)
{
    uint64_t n;
    bool done = false;
    const sterna_gguf_value *values = sterna_gguf_values(base, &n);
    for (uint64_t i = 0; i <= n; i++) {
        bool here = i < n ? sterna_gguf_same(values[i].key, e->target) : !done;
        if (i == n && (done || e->kind == EDIT_NONE || e->kind == EDIT_DROP || e->kind == EDIT_EXTRA)) break;
        if (!here) {
            if (i < n) sterna_gguf_put_value(writer, &values[i]);
            continue;
        }
        done = true;
        switch (e->kind) {
        case EDIT_U32:
            sterna_gguf_put_u32(writer, e->target, e->u32);
            break;
        case EDIT_F32:
            sterna_gguf_put_f32(writer, e->target, e->f32);
            break;
        case EDIT_STRING:
            sterna_gguf_put_string(writer, e->target, "martian", 7);
            break;
        default:
            break;
        }
    }
}

static sterna_status write_edited(const sterna_gguf *base, const edit *e, const char *path,
                                  sterna_fault *fault)
{
    uint64_t n;
    sterna_gguf_writer *writer = NULL;
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(base, &n);
    sterna_status status = sterna_gguf_writer_create(&writer, fault);
    if (status != STERNA_OK) return status;
    copy_keys(writer, base, e);
    for (uint64_t i = 0; i < n; i++) {
        char name[64];
        uint64_t ne[4];
        bool target = sterna_gguf_same(tensors[i].name, e->target);
        snprintf(name, sizeof name, "%.*s", (int)tensors[i].name.length, tensors[i].name.data);
        memcpy(ne, tensors[i].ne, sizeof ne);
        if (target && e->kind == EDIT_DROP_TENSOR) continue;
        if (target && e->kind == EDIT_TRANSPOSE) {
            ne[0] = tensors[i].ne[1];
            ne[1] = tensors[i].ne[0];
        }
        sterna_gguf_put_tensor(writer, name, tensors[i].format, tensors[i].n_dims, ne, NULL,
                               (void *)(uintptr_t)tensors[i].data);
    }
    if (e->kind == EDIT_EXTRA) {
        static const float bias[64];
        const uint64_t ne[4] = {STERNA_COUNT(bias), 1, 1, 1};
        sterna_gguf_put_tensor(writer, e->target, sterna_format_find(STERNA_FORMAT_F32), 1, ne, NULL,
                               (void *)(uintptr_t)bias);
    }
    status = sterna_gguf_writer_finish(writer, path, fault);
    sterna_gguf_writer_destroy(writer);
    return status;
}

static void edited_metadata_gets_the_right_verdict(sterna_test *t)
{
    sterna_fault fault = {0};
    sterna_gguf *base = NULL;
    char path[600];
    snprintf(path, sizeof path, "%s/edited.gguf", sterna_test_folder(t));
    CHECK_MSG(t, sterna_gguf_open(sterna_test_repo(t, BASE), STERNA_GGUF_MAP, &base, &fault) == STERNA_OK,
              "%s", fault.text);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        sterna_fault verdict = {0};
        sterna_model *model = NULL;
        CHECK_MSG(t, write_edited(base, &edits[i], path, &fault) == STERNA_OK, "%s: %s", edits[i].name,
                  fault.text);
        sterna_status status = sterna_model_open(path, &model, &verdict);
        bool right = edits[i].accepted ? status == STERNA_OK
                                       : (status == STERNA_FILE || status == STERNA_UNSUPPORTED) &&
                                             strstr(verdict.text, edits[i].says) != NULL;
        if (!EXPECT(t, right)) sterna_test_note(t, "%s: %s", edits[i].name, verdict.text);
        sterna_model_close(model);
    }
    sterna_gguf_close(base);
}

/* The semantic files of the shared corpus. */
static void shared_corpus_gets_its_verdicts(sterna_test *t)
{
    const char *folder = sterna_test_shared(t, "data/corpus"),
               *manifest = sterna_test_shared(t, "data/corpus/manifest.json");
    sterna_mapping file = {0};
    uint32_t judged = 0;
    if (!folder || !manifest) SKIP(t, "the shared corpus is not here");
    CHECK(t, sterna_sys_read(manifest, 1u << 20, &file, NULL) == STERNA_OK);
    cJSON *rows = cJSON_ParseWithLength((const char *)file.data, file.size);
    const cJSON *row;
    CHECK(t, rows != NULL);
    cJSON_ArrayForEach(row, rows)
    {
        char path[700];
        sterna_fault fault = {0};
        sterna_model *model = NULL;
        const char *name = cJSON_GetObjectItem(row, "file")->valuestring;
        const char *expect = cJSON_GetObjectItem(row, "expect")->valuestring;
        if (name[0] != 's') continue;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        sterna_status status = sterna_model_open(path, &model, &fault);
        sterna_model_close(model);
        bool right = strcmp(expect, "reject") == 0   ? status == STERNA_FILE || status == STERNA_UNSUPPORTED
                     : strcmp(expect, "accept") == 0 ? status == STERNA_OK
                                                     : true;
        if (!EXPECT(t, right))
            sterna_test_note(t, "%s: wanted %s, got %s: %s", name, expect, sterna_status_name(status),
                             fault.text);
        judged++;
    }
    CHECK(t, judged > 25);
    cJSON_Delete(rows);
    sterna_sys_unmap(&file);
}

/* A model whose layers use a type without kernels opens and can be inspected; a session refuses it by tensor. */
static void stored_types_open_but_do_not_run(sterna_test *t)
{
    const char *path = sterna_test_shared(t, "data/gguf/stories260K-q4_0.gguf");
    sterna_fault fault = {0};
    sterna_model *model = NULL;
    sterna_session *session = NULL;
    if (!path) SKIP(t, "stories260K-q4_0.gguf is only in the shared data");
    CHECK_MSG(t, sterna_model_open(path, &model, &fault) == STERNA_OK, "%s", fault.text);
    CHECK(t, sterna_session_open(model, NULL, &session, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t, strstr(fault.text, "Q4_0"), "%s", fault.text);
    sterna_model_close(model);
}

static void the_root_names_the_file(sterna_test *t)
{
    uint8_t a[32], b[32];
    sterna_model *model = NULL;
    CHECK(t, sterna_model_open(sterna_test_repo(t, BASE), &model, NULL) == STERNA_OK);
    CHECK(t, sterna_model_hash(model, 4, a, NULL) == STERNA_OK);
    sterna_model_close(model);
    CHECK(t, sterna_model_open(sterna_test_repo(t, BASE), &model, NULL) == STERNA_OK);
    CHECK(t, sterna_model_hash(model, 1, b, NULL) == STERNA_OK && memcmp(a, b, sizeof a) == 0);
    sterna_model_close(model);
    CHECK(t, sterna_model_open(sterna_test_repo(t, "golden/models/golden.gguf"), &model, NULL) == STERNA_OK);
    CHECK(t, sterna_model_hash(model, 2, b, NULL) == STERNA_OK && memcmp(a, b, sizeof a) != 0);
    sterna_model_close(model);
}

const sterna_test_case sterna_test_cases[] = {
    {"edited_metadata_gets_the_right_verdict", edited_metadata_gets_the_right_verdict, 30},
    {"shared_corpus_gets_its_verdicts", shared_corpus_gets_its_verdicts, 30},
    {"stored_types_open_but_do_not_run", stored_types_open_but_do_not_run, 0},
    {"the_root_names_the_file", the_root_names_the_file, 0},
    {0},
};
