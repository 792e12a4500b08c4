/* Conversion: the golden model gives the golden file again; a small folder, written here, gives what was put
 * in; and every way to spoil it is named. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "convert/convert.h"
#include "gguf/gguf.h"
#include "hf_fixture.h"
#include "runner.h"
#include "token/tokenizer.h"

/* Whether two values are the same in type and bytes. */
static bool same_value(const sterna_gguf_value *a, const sterna_gguf_value *b)
{
    return a && b && a->type == b->type && a->element == b->element && a->count == b->count &&
           a->bytes == b->bytes && memcmp(a->data, b->data, (size_t)a->bytes) == 0;
}

static bool same_tensor(const sterna_gguf_tensor *a, const sterna_gguf_tensor *b)
{
    return a && b && a->format == b->format && a->n_dims == b->n_dims &&
           memcmp(a->ne, b->ne, sizeof a->ne) == 0 && a->bytes == b->bytes;
}

/* NUL-terminated copy of a name or key. */
static const char *plain(sterna_gguf_text text, char out[128])
{
    snprintf(out, 128, "%.*s", (int)text.length, text.data);
    return out;
}

/* Keys equal but for name and licence; tensors of the same types and shapes. */
static void compare_files(sterna_test *t, const sterna_gguf *made, const sterna_gguf *golden)
{
    uint64_t count, made_count;
    char name[128];
    const sterna_gguf_value *value = sterna_gguf_values(golden, &count);
    sterna_gguf_values(made, &made_count);
    CHECK_MSG(t, made_count == count - 1, "%llu keys",
              (unsigned long long)made_count); /* no licence was given */
    for (uint64_t i = 0; i < count; i++) {
        const char *key = plain(value[i].key, name);
        if (strcmp(key, "general.name") == 0 || strcmp(key, "general.license") == 0) continue;
        if (!EXPECT(t, same_value(&value[i], sterna_gguf_find(made, key))))
            sterna_test_note(t, "key %s", key);
    }
    const sterna_gguf_tensor *tensor = sterna_gguf_tensors(golden, &count);
    sterna_gguf_tensors(made, &made_count);
    CHECK(t, made_count == count && count == 57);
    for (uint64_t i = 0; i < count; i++)
        CHECK_MSG(t, same_tensor(&tensor[i], sterna_gguf_tensor_named(made, plain(tensor[i].name, name))),
                  "tensor %s", name);
}

static void golden_folder_gives_golden_file(sterna_test *t)
{
    char path[600], name[128];
    snprintf(path, sizeof path, "%s/out.gguf", sterna_test_folder(t));
    sterna_fault fault = {0};
    sterna_convert_params params = {.folder = sterna_test_repo(t, "golden/models/hf"), .path = path};
    CHECK_MSG(t, sterna_convert(&params, &fault) == STERNA_OK, "%s", fault.text);
    sterna_gguf *made, *golden;
    CHECK(t, sterna_gguf_open(path, STERNA_GGUF_MAP, &made, &fault) == STERNA_OK);
    CHECK(t, sterna_gguf_open(sterna_test_repo(t, "golden/models/golden.gguf"), STERNA_GGUF_MAP, &golden,
                              &fault) == STERNA_OK);
    compare_files(t, made, golden);
    uint64_t count;
    const sterna_gguf_tensor *tensor = sterna_gguf_tensors(golden, &count);
    for (uint64_t i = 0; i < count; i++) {
        const sterna_gguf_tensor *other = sterna_gguf_tensor_named(made, plain(tensor[i].name, name));
        CHECK_MSG(t, other && memcmp(other->data, tensor[i].data, (size_t)tensor[i].bytes) == 0, "tensor %s",
                  name);
    }
    sterna_gguf_text called;
    CHECK(t, sterna_gguf_string(made, "general.name", &called, NULL) == STERNA_OK &&
                 sterna_gguf_same(called, "hf"));
    sterna_gguf_close(made);
    sterna_gguf_close(golden);
}

static void master_weights_give_the_same_codes(sterna_test *t)
{
    const char *folder = sterna_test_shared(t, "golden-model/hf-online");
    if (!folder) SKIP(t, "golden-model/hf-online (8.9 MB) is not here");
    char path[600], name[128];
    snprintf(path, sizeof path, "%s/out.gguf", sterna_test_folder(t));
    sterna_fault fault = {0};
    CHECK_MSG(t,
              sterna_convert(&(sterna_convert_params){.folder = folder, .path = path}, &fault) == STERNA_OK,
              "%s", fault.text);
    sterna_gguf *made, *golden;
    CHECK(t, sterna_gguf_open(path, STERNA_GGUF_MAP, &made, &fault) == STERNA_OK);
    CHECK(t, sterna_gguf_open(sterna_test_repo(t, "golden/models/golden.gguf"), STERNA_GGUF_MAP, &golden,
                              &fault) == STERNA_OK);
    compare_files(t, made, golden);
    uint64_t count, blocks = 0;
    const sterna_gguf_tensor *tensor = sterna_gguf_tensors(golden, &count);
    for (uint64_t i = 0; i < count; i++) {
        const sterna_gguf_tensor *other = sterna_gguf_tensor_named(made, plain(tensor[i].name, name));
        if (tensor[i].format->id != STERNA_FORMAT_TQ2_0) {
            CHECK_MSG(t, memcmp(other->data, tensor[i].data, (size_t)tensor[i].bytes) == 0, "tensor %s",
                      name);
            continue;
        }
        for (uint64_t at = 0; at < tensor[i].bytes; at += 66, blocks++)
            CHECK_MSG(t, memcmp(other->data + at, tensor[i].data + at, 64) == 0, "tensor %s block %llu", name,
                      (unsigned long long)at / 66);
        /* The scales differ in the fourth digit: at most two steps of F16. */
        uint16_t a, b;
        memcpy(&a, tensor[i].data + 64, 2);
        memcpy(&b, other->data + 64, 2);
        CHECK_MSG(t, a <= b + 2 && b <= a + 2, "tensor %s: scales %04x and %04x", name, a, b);
    }
    CHECK(t, blocks > 15000);
    sterna_gguf_close(made);
    sterna_gguf_close(golden);
}

static const char *const tiny_names[] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                         "ffn_gate", "ffn_up", "ffn_down"};

static void check_tiny(sterna_test *t, sterna_gguf *file, const char *master)
{
    static float row[1024];
    char name[128];
    for (uint32_t i = 0; i < 7; i++) {
        uint32_t rows = tiny_linear[i].rows, cols = tiny_linear[i].cols;
        snprintf(name, sizeof name, "blk.0.%s.weight", tiny_names[i]);
        const sterna_gguf_tensor *tensor = sterna_gguf_tensor_named(file, name);
        CHECK(t, tensor && tensor->ne[0] == cols && tensor->ne[1] == rows &&
                     tensor->format->id == STERNA_FORMAT_TQ2_0);
        double sum = 0;
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t c = 0; c < cols; c++)
                sum += (double)(tiny_master(i, r, c) < 0 ? -1 : 1) * tiny_master(i, r, c);
        /* F16 and BF16 move master weights by at most 2^-9 of themselves, and the scale with them. */
        float scale = sterna_f16_to_f32(
            sterna_f32_to_f16(master ? (float)(sum / (rows * (double)cols)) : tiny_scale(i)));
        float slack = master ? scale * 0x1p-8f : 0;
        for (uint32_t r = 0; r < rows; r++) {
            tensor->format->unpack(tensor->data + r * (size_t)(cols / 256 * 66), cols, row);
            for (uint32_t c = 0; c < cols; c++) {
                float want = (float)tiny_code(i, r, c) * scale, off = row[c] - want;
                CHECK_MSG(t, off <= slack && off >= -slack && (want == 0) == (row[c] == 0),
                          "%s row %u col %u: %g, want %g", name, r, c, (double)row[c], (double)want);
            }
        }
    }
    const sterna_gguf_tensor *embd = sterna_gguf_tensor_named(file, "token_embd.weight");
    CHECK(t, embd && embd->format->id == STERNA_FORMAT_F16 && embd->ne[1] == TINY_VOCAB);
    for (uint32_t r = 0; r < TINY_VOCAB; r++) {
        embd->format->unpack(embd->data + r * 2 * TINY_EMBD, TINY_EMBD, row);
        for (uint32_t c = 0; c < TINY_EMBD; c++) CHECK(t, row[c] == tiny_embd(r, c));
    }
    static const char *const norms[] = {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm",
                                        "blk.0.attn_sub_norm", "blk.0.ffn_sub_norm"};
    for (uint32_t i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "%s.weight", norms[i]);
        const sterna_gguf_tensor *norm = sterna_gguf_tensor_named(file, name);
        CHECK(t, norm && norm->n_dims == 1 && norm->ne[0] == tiny_norms[i].cols);
        for (uint32_t k = 0; k < tiny_norms[i].cols; k++) {
            float value;
            memcpy(&value, norm->data + 4 * k, 4);
            CHECK(t, value == tiny_norm(i, k));
        }
    }
}

static void check_tiny_vocabulary(sterna_test *t, sterna_gguf *file)
{
    sterna_tokenizer *tokenizer = NULL;
    sterna_fault fault = {0};
    CHECK_MSG(t, sterna_tokenizer_from_gguf(file, &tokenizer, &fault) == STERNA_OK, "%s", fault.text);
    static const sterna_token_type types[] = {STERNA_TOKEN_NORMAL,       STERNA_TOKEN_NORMAL,
                                              STERNA_TOKEN_NORMAL,       STERNA_TOKEN_CONTROL,
                                              STERNA_TOKEN_USER_DEFINED, STERNA_TOKEN_UNUSED};
    for (uint32_t id = 0; id < TINY_VOCAB; id++) CHECK(t, sterna_tokenizer_type(tokenizer, id) == types[id]);
    sterna_token_text pad = sterna_tokenizer_stored(tokenizer, 5);
    CHECK(t, pad.bytes == 6 && memcmp(pad.data, "[PAD5]", 6) == 0);
    CHECK(t, sterna_tokenizer_ids(tokenizer)->bos == 3 && sterna_tokenizer_ids(tokenizer)->eos == 3);
    sterna_token_list list = {0};
    CHECK(t,
          sterna_tokenizer_encode(tokenizer, "abb bba", 7, STERNA_ENCODE_AFFIXES, &list, NULL) == STERNA_OK);
    static const uint32_t want[] = {3, 2, 4, 1, 0};
    CHECK(t, list.count == 5 && memcmp(list.ids, want, sizeof want) == 0);
    sterna_token_list_free(&list);
    sterna_tokenizer_free(tokenizer);
}

static void small_folders_come_through(sterna_test *t)
{
    static const char *const masters[] = {NULL, "F32", "F16", "BF16"};
    static const tiny_spoil variants[] = {
        {NULL, NULL, NULL},
        {"tokenizer.json", "[\"a b\"]", "[[\"a\",\"b\"]]"},
        {"config.json", "\"eos_token_id\":[3,2]", "\"eos_token_id\":3"},
    };
    const char *folder = sterna_test_folder(t);
    char path[600];
    snprintf(path, sizeof path, "%s/out.gguf", folder);
    for (size_t i = 0; i < STERNA_COUNT(masters); i++)
        for (size_t k = 0; k < STERNA_COUNT(variants); k++) {
            CHECK(t, tiny_folder(folder, masters[i], &variants[k]));
            sterna_fault fault = {0};
            sterna_convert_params params = {folder, path, "tiny", "MIT"};
            CHECK_MSG(t, sterna_convert(&params, &fault) == STERNA_OK, "%s", fault.text);
            sterna_gguf *file;
            CHECK_MSG(t, sterna_gguf_open(path, STERNA_GGUF_MAP, &file, &fault) == STERNA_OK, "%s",
                      fault.text);
            check_tiny(t, file, masters[i]);
            check_tiny_vocabulary(t, file);
            sterna_gguf_close(file);
        }
}

static void pre_tokenizers_are_recognised(sterna_test *t)
{
#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}"
    static const struct {
        const char *pre, *name; /* name NULL: refused */
        bool ignore_merges;
    } rows[] = {
        {BYTE_LEVEL, "gpt-2", false},
        {BYTE_LEVEL, NULL, true},
        {"{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":true}", NULL, false},
        {"{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}", NULL, false},
        {"{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?i:'s|'t|'"
         "re|'ve|'m|'ll|'d)"
         "|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| "
         "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+"
         "|\\\\s+(?!\\\\S)|\\\\s+\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\","
         "\"add_prefix_space\":"
         "false,\"use_regex\":false}]}",
         "llama-bpe", true},
        {"{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true}"
         "," BYTE_LEVEL "]}",
         "starcoder", false},
        {"{\"type\":\"Whitespace\"}", NULL, false},
        {"null", NULL, false},
    };
    const char *folder = sterna_test_folder(t);
    char path[600], tokenizer[3000];
    snprintf(path, sizeof path, "%s/out.gguf", folder);
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        CHECK(t, tiny_folder(folder, NULL, &(tiny_spoil){0}));
        snprintf(tokenizer, sizeof tokenizer,
                 "{\"added_tokens\":[],\"pre_tokenizer\":%s,\"model\":{\"type\":\"BPE\",\"ignore_merges\":%s,"
                 "\"vocab\":"
                 "{\"a\":0},\"merges\":[]}}",
                 rows[i].pre, rows[i].ignore_merges ? "true" : "false");
        CHECK(t, tiny_write(folder, "tokenizer.json", tokenizer, strlen(tokenizer), "", 0));
        sterna_fault fault = {0};
        sterna_status status =
            sterna_convert(&(sterna_convert_params){.folder = folder, .path = path}, &fault);
        if (!rows[i].name) {
            CHECK_MSG(t, status == STERNA_UNSUPPORTED && strstr(fault.text, "pre_tokenizer"), "row %zu: %s",
                      i, fault.text);
            continue;
        }
        CHECK_MSG(t, status == STERNA_OK, "row %zu: %s", i, fault.text);
        sterna_gguf *file;
        sterna_gguf_text pre;
        CHECK(t, sterna_gguf_open(path, STERNA_GGUF_MAP, &file, NULL) == STERNA_OK);
        CHECK(t, sterna_gguf_string(file, "tokenizer.ggml.pre", &pre, NULL) == STERNA_OK);
        CHECK(t, sterna_gguf_same(pre, rows[i].name));
        sterna_gguf_close(file);
    }
}

typedef struct refused_row {
    tiny_spoil spoil;
    sterna_status status;
    const char *names;
} refused_row;

#define C "config.json"
#define T "tokenizer.json"
#define S "model.safetensors"

static const refused_row refused[] = {
    {{C, "\"bitnet\",\"hidden", "\"gpt2\",\"hidden"}, STERNA_UNSUPPORTED, "model_type"},
    {{C, "relu2", "silu"}, STERNA_UNSUPPORTED, "hidden_act"},
    {{C, "\"rope_scaling\":null", "\"rope_scaling\":{}"}, STERNA_UNSUPPORTED, "rope_scaling"},
    {{C, "autobitlinear", "bitlinear"}, STERNA_UNSUPPORTED, "linear_class"},
    {{C, "offline", "upside"}, STERNA_UNSUPPORTED, "quantization_mode"},
    {{C, "\"hidden_size\":256", "\"hidden_size\":256.5"}, STERNA_FILE, "hidden_size"},
    {{C, "\"hidden_size\":256", "\"hidden_size\":-256"}, STERNA_FILE, "hidden_size"},
    {{C, "\"hidden_size\":256", "\"hidden_size\":257"}, STERNA_FILE, "hidden_size"},
    {{C, "\"num_hidden_layers\":1,", ""}, STERNA_FILE, "num_hidden_layers"},
    {{C, "\"num_hidden_layers\":1", "\"num_hidden_layers\":0"}, STERNA_FILE, "num_hidden_layers"},
    {{C, "\"num_hidden_layers\":1", "\"num_hidden_layers\":1e9"}, STERNA_FILE, "num_hidden_layers"},
    {{C, "\"num_hidden_layers\":1", "\"num_hidden_layers\":2"}, STERNA_FILE, "model.layers.1."},
    {{C, "\"num_key_value_heads\":1", "\"num_key_value_heads\":3"}, STERNA_FILE, "num_key_value_heads"},
    {{C, "\"rms_norm_eps\":1e-05", "\"rms_norm_eps\":1e400"}, STERNA_FILE, "too large"},
    {{C, "\"rms_norm_eps\":1e-05", "\"rms_norm_eps\":0"}, STERNA_FILE, "rms_norm_eps"},
    {{C, "\"rms_norm_eps\":1e-05", "\"rms_norm_eps\":\"1\""}, STERNA_FILE, "rms_norm_eps"},
    {{C, "\"bos_token_id\":3", "\"bos_token_id\":6"}, STERNA_FILE, "bos_token_id"},
    {{C, "\"vocab_size\":6", "\"vocab_size\":7"}, STERNA_FILE, "embed_tokens"},
    {{C, "\"tie_word_embeddings\":true", "\"tie_word_embeddings\":false"}, STERNA_FILE, "lm_head"},
    {{C, "{\"model_type\"", "[\"model_type\""}, STERNA_FILE, "JSON"},
    {{C, "relu2", "relu2\\u0000"}, STERNA_FILE, "byte"},
    {{C, "relu2", "\xFF"}, STERNA_FILE, "byte"},
    {{C, "\"offline\"}}", "\"offline\"}} x"}, STERNA_FILE, "JSON"},
    {{T, "\"type\":\"BPE\"", "\"type\":\"Unigram\""}, STERNA_UNSUPPORTED, "BPE"},
    {{T, "\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}"}, STERNA_UNSUPPORTED, "normalizer"},
    {{T, "\"unk_token\":null", "\"unk_token\":\"a\""}, STERNA_UNSUPPORTED, "unk_token"},
    {{T, "\"byte_fallback\":false", "\"byte_fallback\":true"}, STERNA_UNSUPPORTED, "BPE"},
    {{T, "\"ab\":2", "\"ab\":6"}, STERNA_FILE, "\"ab\""},
    {{T, "\"ab\":2", "\"ab\":1"}, STERNA_FILE, "id 1"},
    {{T, "\"ab\":2", "\"ab\":\"2\""}, STERNA_FILE, "\"ab\""},
    {{T, "[\"a b\"]", "[[\"a\",\"b\",\"c\"]]"}, STERNA_FILE, "merges"},
    {{T, "[\"a b\"]", "[7]"}, STERNA_FILE, "merges"},
    {{T, "[\"a b\"]", "[[\"a \",\"b\"]]"}, STERNA_UNSUPPORTED, "merges"},
    {{T, "\"merges\":[\"a b\"]", "\"merges\":7"}, STERNA_FILE, "merges"},
    {{T, "\"content\":\"b b\"", "\"contents\":\"b b\""}, STERNA_FILE, "added_tokens"},
    {{S, "q_proj.weight\"", "q_proj.weighs\""}, STERNA_FILE, "q_proj.weight"},
    {{S, "q_proj.weight_scale", "q_proj.weight_scales"}, STERNA_FILE, "q_proj.weight_scale"},
    {{S, "\"U8\",\"shape\":[64,256]", "\"I8\",\"shape\":[64,256]"}, STERNA_FILE, "q_proj.weight"},
    {{S, "\"U8\",\"shape\":[64,256]", "\"U8\",\"shape\":[256,64]"}, STERNA_FILE, "q_proj.weight"},
    {{S, "\"U8\",\"shape\":[64,256]", "\"U8\",\"shape\":[16384]"}, STERNA_FILE, "q_proj.weight"},
    {{S, "{\"__metadata__\"",
      "{\"extra\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"__metadata__\""},
     STERNA_UNSUPPORTED,
     "extra"},
    {{"data", "20000", "255"}, STERNA_FILE, "is 3"},
    {{"data", "1", "128"}, STERNA_OK, ""}, /* an embedding of -2^-118: zero in F16, not an error */
    {{"data", "1", "127"}, STERNA_FILE, "embed_tokens"},
};

/* Every refusal names what it refuses, writes no file and leaks nothing. */
static void spoiled_folders_are_refused(sterna_test *t)
{
    const char *folder = sterna_test_folder(t);
    char path[600];
    snprintf(path, sizeof path, "%s/out.gguf", folder);
    for (size_t i = 0; i < STERNA_COUNT(refused); i++) {
        const refused_row *row = &refused[i];
        CHECK_MSG(t, tiny_folder(folder, NULL, &row->spoil), "row %zu: \"%s\" is not in %s", i,
                  row->spoil.find, row->spoil.file);
        int64_t live = sterna_mem_live();
        remove(path);
        sterna_fault fault = {0};
        sterna_status status =
            sterna_convert(&(sterna_convert_params){.folder = folder, .path = path}, &fault);
        if (!EXPECT(t, status == row->status && strstr(fault.text, row->names)))
            sterna_test_note(t, "row %zu (%s): status %d, \"%s\"", i, row->spoil.replace, (int)status,
                             fault.text);
        sterna_mapping mapping = {0};
        bool exists = sterna_sys_map(path, &mapping, NULL) == STERNA_OK;
        sterna_sys_unmap(&mapping);
        EXPECT(t, exists == (status == STERNA_OK));
        EXPECT(t, sterna_mem_live() == live);
    }
}

/* A scale that F16 cannot hold, and weights that are not numbers. */
static void bad_values_are_refused(sterna_test *t)
{
    const char *folder = sterna_test_folder(t);
    char path[600];
    snprintf(path, sizeof path, "%s/out.gguf", folder);
    /* Bytes before q_proj: embedding (BF16) and norms (F32); its weight follows, then its scale. */
    size_t weight = 2 * TINY_VOCAB * TINY_EMBD + 4 * (3 * TINY_EMBD + TINY_Q + TINY_FFN);
    size_t scale = weight + TINY_Q / 4 * TINY_EMBD;
    static const struct {
        const char *master, *top; /* the last byte of the scale, or of the first master weight */
        bool fine;
    } rows[] = {
        {NULL, "0", false},   {NULL, "127", false},  {NULL, "128", false},
        {NULL, "191", false}, {"F32", "127", false}, {"F32", "0", true}, /* next to 0: a code of 0 */
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        char place[32];
        snprintf(place, sizeof place, "%zu", (rows[i].master ? weight : scale) + 3);
        CHECK(t, tiny_folder(folder, rows[i].master, &(tiny_spoil){"data", place, rows[i].top}));
        sterna_fault fault = {0};
        sterna_status status =
            sterna_convert(&(sterna_convert_params){.folder = folder, .path = path}, &fault);
        CHECK_MSG(t, status == (rows[i].fine ? STERNA_OK : STERNA_FILE), "row %zu: status %d, %s", i,
                  (int)status, fault.text);
        CHECK_MSG(t, rows[i].fine || strstr(fault.text, "q_proj.weight"), "row %zu: %s", i, fault.text);
    }
}

static void missing_files_are_named(sterna_test *t)
{
    static const char *const files[] = {C, T, S};
    for (size_t i = 0; i < 3; i++) {
        const char *folder = sterna_test_folder(t);
        char path[600], lost[600];
        CHECK(t, tiny_folder(folder, NULL, &(tiny_spoil){0}));
        snprintf(path, sizeof path, "%s/out.gguf", folder);
        snprintf(lost, sizeof lost, "%s/%s", folder, files[i]);
        remove(lost);
        sterna_fault fault = {0};
        CHECK(t, sterna_convert(&(sterna_convert_params){.folder = folder, .path = path}, &fault) ==
                     STERNA_FILE);
        CHECK_MSG(t, strstr(fault.text, files[i]), "%s", fault.text);
    }
}

/* The n-th allocation or call to the system refused, for every n: an error, no leak, no file. */
static void every_call_fails(sterna_test *t)
{
    const char *folder = sterna_test_folder(t);
    char path[600];
    snprintf(path, sizeof path, "%s/out.gguf", folder);
    CHECK(t, tiny_folder(folder, NULL, &(tiny_spoil){0}));
    int64_t live = sterna_mem_live();
    for (int kind = STERNA_FAULT_ALLOC; kind <= STERNA_FAULT_SYS; kind++) {
        uint64_t n = 1;
        for (bool failed = true; failed; n++) {
            remove(path);
            sterna_fault fault = {0};
            sterna_fault_arm((sterna_fault_kind)kind, n, false);
            sterna_status status =
                sterna_convert(&(sterna_convert_params){.folder = folder, .path = path}, &fault);
            failed = sterna_fault_count((sterna_fault_kind)kind) >= n;
            sterna_fault_arm((sterna_fault_kind)kind, 0, false);
            CHECK_MSG(t, (status != STERNA_OK) == failed && (fault.text[0] != 0) == failed,
                      "kind %d call %llu: %d %s", kind, (unsigned long long)n, (int)status, fault.text);
            CHECK_MSG(t, kind != STERNA_FAULT_ALLOC || !failed || status == STERNA_MEMORY, "call %llu: %d %s",
                      (unsigned long long)n, (int)status, fault.text);
            CHECK_MSG(t, sterna_mem_live() == live, "kind %d call %llu leaks", kind, (unsigned long long)n);
            sterna_mapping mapping = {0};
            bool exists = sterna_sys_map(path, &mapping, NULL) == STERNA_OK;
            sterna_sys_unmap(&mapping);
            CHECK_MSG(t, exists == !failed, "kind %d call %llu: file there: %d", kind, (unsigned long long)n,
                      exists);
        }
        CHECK_MSG(t, n > 10, "only %llu calls of kind %d", (unsigned long long)n, kind);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"golden_folder_gives_golden_file", golden_folder_gives_golden_file, 0},
    {"master_weights_give_the_same_codes", master_weights_give_the_same_codes, 0},
    {"small_folders_come_through", small_folders_come_through, 0},
    {"pre_tokenizers_are_recognised", pre_tokenizers_are_recognised, 0},
    {"spoiled_folders_are_refused", spoiled_folders_are_refused, 0},
    {"bad_values_are_refused", bad_values_are_refused, 0},
    {"missing_files_are_named", missing_files_are_named, 0},
    {"every_call_fails", every_call_fails, 60},
    {0},
};
