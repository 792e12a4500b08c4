/* A whole model: load, draw four tokens greedily on the scalar level, and again on the best level of this
 * machine: the same status, tokens and digest. Sizes that the keys imply are estimated first; what would take
 * more than a few MiB is left alone, as a user with little memory would have it refused. */
#include "base/mem.h"
#include "fuzz.h"
#include "sterna.h"
#include <string.h>

enum { TOKENS = 4, CONTEXT = 16, BATCH = 4 };
static const uint64_t MEMORY_CAP = 4u << 20;
static const uint32_t LAYER_CAP = 64;

typedef struct story {
    sterna_status status;
    uint32_t tokens[TOKENS], n;
    uint8_t digest[32];
} story;

static sterna_status note(void *context, uint32_t token)
{
    story *s = context;
    FUZZ_REQUIRE(s->n < TOKENS, "more tokens than were asked for");
    s->tokens[s->n++] = token;
    return STERNA_OK;
}

static void params_of(const char *device, sterna_session_params *params)
{
    *params = (sterna_session_params){
        .size = sizeof *params, .device = device, .threads = 1, .n_ctx = CONTEXT, .n_batch = BATCH};
}

static void tell(sterna_model *model, const char *device, const uint32_t *prompt, uint32_t n_prompt,
                 story *out)
{
    sterna_session_params params;
    sterna_session *session = NULL;
    sterna_digest *digest = NULL;
    sterna_fault fault = {0};
    uint8_t root[32] = {0};
    *out = (story){0};
    params_of(device, &params);
    sterna_status status = sterna_session_open(model, &params, &session, &fault);
    if (status != STERNA_OK) {
        sterna_fuzz_refusal(device, status, &fault);
        out->status = status;
        return;
    }
    status = sterna_digest_attach(session, root, 0, &digest, &fault);
    FUZZ_REQUIRE(status == STERNA_OK, "%s", fault.text);
    sterna_generate_params generate = {.size = sizeof generate,
                                       .prompt = prompt,
                                       .n_prompt = n_prompt,
                                       .n_predict = TOKENS,
                                       .ignore_end = 1,
                                       .sampling = {.size = sizeof generate.sampling, .top_p = 1.0f}};
    sterna_generate_result result = {.size = sizeof result};
    out->status = sterna_generate(session, &generate, note, out, &result, &fault);
    /* Weights may be anything; what they lead to must be told. */
    FUZZ_REQUIRE(out->status == STERNA_OK || (out->status == STERNA_NUMERIC && fault.text[0]), "%s: %s: %s",
                 device, sterna_status_name(out->status), fault.text);
    sterna_digest_get(digest, out->digest);
    sterna_session_close(session);
    sterna_digest_free(digest);
}

static void run(sterna_model *model, const uint8_t *data, size_t size)
{
    static const char text[] = "ab a";
    sterna_model_info info = {.size = sizeof info};
    sterna_session_params params;
    sterna_memory memory;
    sterna_fault fault = {0};
    uint32_t prompt[BATCH * 2];
    size_t n = 0;
    (void)data, (void)size;
    sterna_model_get_info(model, &info);
    params_of("cpu:scalar", &params);
    sterna_status status = sterna_session_estimate(model, &params, &memory, &fault);
    if (status != STERNA_OK) {
        sterna_fuzz_refusal("estimate", status, &fault);
        return;
    }
    if (memory.total > MEMORY_CAP || info.n_layers > LAYER_CAP) return;
    status =
        sterna_tokenize(model, text, sizeof text - 1, STERNA_TOKENIZE_BOS, prompt, BATCH * 2, &n, &fault);
    if (status != STERNA_OK) {
        fault = (sterna_fault){0};
        n = 0;
    }
    if (n == 0) prompt[n++] = 0;
    for (size_t i = 0; i < n; i++)
        FUZZ_REQUIRE(prompt[i] < info.n_vocab, "token %u of a vocabulary of %u", prompt[i], info.n_vocab);
    story scalar, best;
    tell(model, "cpu:scalar", prompt, (uint32_t)n, &scalar);
    tell(model, "cpu", prompt, (uint32_t)n, &best);
    FUZZ_REQUIRE(scalar.status == best.status, "scalar: %s, best: %s", sterna_status_name(scalar.status),
                 sterna_status_name(best.status));
    FUZZ_REQUIRE(scalar.n == best.n && memcmp(scalar.tokens, best.tokens, sizeof best.tokens) == 0 &&
                     memcmp(scalar.digest, best.digest, sizeof best.digest) == 0,
                 "scalar and best give different bits");
}

int sterna_fuzz_model(const uint8_t *data, size_t size)
{
    sterna_model *model = NULL;
    sterna_fault fault = {0};
    int64_t before = sterna_mem_bytes();
    bool readable = sterna_fuzz_gguf_agree(data, size);
    sterna_status status = sterna_model_open(sterna_fuzz_file(data, size), &model, &fault);
    FUZZ_REQUIRE(readable || status == STERNA_FILE, "unreadable, and yet %s", sterna_status_name(status));
    if (status == STERNA_OK)
        run(model, data, size);
    else
        sterna_fuzz_refusal("open", status, &fault);
    sterna_model_close(model);
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return 0;
}
