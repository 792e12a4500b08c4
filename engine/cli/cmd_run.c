/* `sterna run`: text from a model. Owns: streaming, figures, Ctrl-C, the JSON of a run. Leaves to others:
 * computing (session/), choosing tokens (sample/). */
#include "base/hash.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/common.h"
#include "cli/json.h"
#include "cli/main.h"
#include "cli/say.h"
#include "session/session.h"
#include "token/utf8_stream.h"
#include <string.h>

enum { PIECE_BYTES = 1024, KERNELS_MAX = 64 };

typedef struct run {
    const sterna_options *options;
    sterna_out *out;
    bool stream; /* text goes to standard output as it comes */
    sterna_model *model;
    sterna_session_params params;
    sterna_cli_text prompt;
    uint32_t *prompt_ids;
    size_t n_prompt;
    sterna_memory memory;
    sterna_session *session;
    sterna_digest *digest;
    void *record; /* of --receipt, NULL without */
    sterna_utf8_stream utf8;
    uint32_t *ids; /* drawn so far; room for n_predict */
    char *text;    /* their bytes, kept for JSON */
    size_t text_bytes, text_capacity;
    sterna_generate_params generate;
    sterna_generate_result result;
    sterna_status status; /* of the generation: OK, or INTERRUPTED */
} run;

static sterna_status keep_text(run *r, const char *bytes, size_t n)
{
    if (n > r->text_capacity - r->text_bytes) {
        size_t capacity = r->text_capacity * 2 + PIECE_BYTES;
        char *bigger = sterna_realloc(r->text, capacity, 1);
        if (!bigger) return STERNA_MEMORY;
        r->text = bigger;
        r->text_capacity = capacity;
    }
    memcpy(r->text + r->text_bytes, bytes, n);
    r->text_bytes += n;
    return STERNA_OK;
}

/* Called for each token as it comes. A reader that has gone ends the run. */
static sterna_status take_token(void *context, uint32_t token)
{
    run *r = context;
    char bytes[PIECE_BYTES], whole[STERNA_UTF8_ROOM(PIECE_BYTES)];
    size_t n = sterna_token_bytes(r->model, token, bytes, sizeof bytes);
    if (n > sizeof bytes) n = sizeof bytes;
    r->ids[r->result.n_tokens] = token;
    r->result.n_tokens++;
    if (!r->stream) return keep_text(r, bytes, n);
    sterna_out_write(r->out, whole, sterna_utf8_push(&r->utf8, bytes, n, whole));
    return sterna_out_flush(r->out, NULL);
}

static void cancel(void *context)
{
    sterna_session_cancel(context);
}

/* How many tokens at most: what -n says; for -1 what the context has room for. The last token needs no place. */
static uint32_t tokens_to_predict(const run *r)
{
    int64_t wanted = sterna_option_integer(r->options, STERNA_OPT_n_predict);
    uint32_t n_ctx = r->params.n_ctx;
    if (wanted >= 0) return (uint32_t)wanted;
    return r->n_prompt <= n_ctx ? n_ctx - (uint32_t)r->n_prompt + 1 : 0;
}

static sterna_status prepare(run *r, sterna_fault *fault)
{
    const sterna_options *o = r->options;
    sterna_model_info info = {.size = sizeof info};
    sterna_status status = sterna_cli_session(o, &r->params, fault);
    if (status == STERNA_OK)
        status = sterna_model_open(sterna_option_text(o, STERNA_OPT_model), &r->model, fault);
    if (status == STERNA_OK) status = sterna_cli_prompt(o, &r->prompt, fault);
    if (status == STERNA_OK)
        status = sterna_cli_tokens(o, r->model, &r->prompt, &r->prompt_ids, &r->n_prompt, fault);
    if (status != STERNA_OK) return status;
    if (r->n_prompt > UINT32_MAX)
        return sterna_fail(fault, STERNA_USAGE, "a prompt of %zu tokens", r->n_prompt);
    sterna_model_get_info(r->model, &info);
    if (r->params.n_ctx == 0) r->params.n_ctx = info.n_ctx_train < 4096 ? info.n_ctx_train : 4096;
    status = sterna_session_estimate(r->model, &r->params, &r->memory, fault);
    if (status != STERNA_OK) return status;
    /* A driver that has compiled no kernel yet may take half a minute. */
    sterna_say_progress("opening the device %s", r->params.device);
    status = sterna_session_open(r->model, &r->params, &r->session, fault);
    sterna_say_progress_end();
    if (status != STERNA_OK) return status;
    r->generate = (sterna_generate_params){
        .size = sizeof r->generate,
        .prompt = r->prompt_ids,
        .n_prompt = (uint32_t)r->n_prompt,
        .n_predict = tokens_to_predict(r),
        .ignore_end = sterna_option_flag(o, STERNA_OPT_ignore_end),
        .sampling = {.size = sizeof r->generate.sampling,
                     .seed = sterna_option_word(o, STERNA_OPT_seed),
                     .temperature = (float)sterna_option_real(o, STERNA_OPT_temperature),
                     .top_k = (uint32_t)sterna_option_integer(o, STERNA_OPT_top_k),
                     .top_p = (float)sterna_option_real(o, STERNA_OPT_top_p),
                     .min_p = (float)sterna_option_real(o, STERNA_OPT_min_p)},
    };
    r->ids = sterna_alloc(r->generate.n_predict, sizeof *r->ids);
    return r->ids ? STERNA_OK
                  : sterna_fail(fault, STERNA_MEMORY, "out of memory for %u tokens", r->generate.n_predict);
}

static sterna_status attach_digest(run *r, sterna_fault *fault)
{
    uint8_t root[STERNA_HASH_BYTES];
    uint32_t threads = r->params.threads ? r->params.threads : sterna_sys_processors();
    sterna_status status = sterna_model_hash(r->model, threads, root, fault);
    return status == STERNA_OK ? sterna_digest_attach(r->session, root, 0, &r->digest, fault) : status;
}

static double rate(double tokens, double seconds)
{
    return seconds > 0 ? tokens / seconds : 0;
}

/* The first token comes from the prompt's logits; each later one costs a step. */
static uint32_t steps(const run *r)
{
    return r->result.n_tokens ? r->result.n_tokens - 1 : 0;
}

static void say_figures(const run *r)
{
    char weights[STERNA_SAY_BYTES_MAX], cache[STERNA_SAY_BYTES_MAX], rest[STERNA_SAY_BYTES_MAX],
        peak[STERNA_SAY_BYTES_MAX];
    sterna_say("prompt  %u tokens in %.3f s, %.1f tokens/s", r->result.n_prompt, r->result.prompt_seconds,
               rate(r->result.n_prompt, r->result.prompt_seconds));
    sterna_say("decode  %u steps in %.3f s, %.1f tokens/s%s", steps(r), r->result.decode_seconds,
               rate(steps(r), r->result.decode_seconds),
               r->status == STERNA_INTERRUPTED ? " (interrupted)" : "");
    sterna_say("memory  weights %s, KV cache %s (%s), activations %s; host peak %s",
               sterna_say_bytes(r->memory.weights, weights), sterna_say_bytes(r->memory.cache, cache),
               sterna_cli_kv_name(r->params.kv_type), sterna_say_bytes(r->memory.activations, rest),
               sterna_say_bytes((uint64_t)sterna_mem_peak(), peak));
    sterna_say("device  %s", sterna_session_snapshot(r->session));
    if (r->session->device.reason[0]) sterna_say("auto    %s", r->session->device.reason);
}

static void say_digest(const run *r)
{
    uint8_t value[STERNA_HASH_BYTES];
    char text[2 * STERNA_HASH_BYTES + 1];
    sterna_digest_get(r->digest, value);
    sterna_hash_hex(value, text);
    sterna_say("digest  %s", text);
}

static void json_kernels(sterna_json *json, const sterna_session *session)
{
    static sterna_kernel_use uses[KERNELS_MAX];
    cJSON *array = sterna_json_array(json, json->root, "kernels");
    for (uint32_t i = 0; i < KERNELS_MAX; i++) uses[i].size = sizeof uses[i];
    uint32_t n = sterna_session_kernels(session, uses, KERNELS_MAX);
    for (uint32_t i = 0; i < n && i < KERNELS_MAX; i++) {
        cJSON *kernel = sterna_json_object(json, array, NULL);
        sterna_json_string(json, kernel, "name", uses[i].name);
        sterna_json_u64(json, kernel, "launches", uses[i].launches);
        if (uses[i].has_hash)
            sterna_json_hex(json, kernel, "code_sha256", uses[i].code_hash);
        else
            sterna_json_string(json, kernel, "code_sha256", NULL);
    }
}

static void json_model(sterna_json *json, run *r)
{
    sterna_model_info info = {.size = sizeof info};
    uint8_t root[STERNA_HASH_BYTES];
    cJSON *model = sterna_json_object(json, json->root, "model");
    sterna_model_get_info(r->model, &info);
    sterna_json_string(json, model, "path", sterna_option_text(r->options, STERNA_OPT_model));
    sterna_json_string(json, model, "architecture", info.architecture);
    sterna_json_string(json, model, "name", info.name);
    sterna_json_u64(json, model, "parameters", info.parameters);
    sterna_json_u64(json, model, "bytes", info.file_bytes);
    if (sterna_model_hash(r->model, 1, root, NULL) == STERNA_OK) /* remembered since attach_digest() */
        sterna_json_hex(json, model, "merkle", root);
}

static void json_settings(sterna_json *json, const run *r)
{
    const sterna_sampling *s = &r->generate.sampling;
    cJSON *sampling = sterna_json_object(json, json->root, "sampling");
    sterna_json_u64(json, sampling, "seed", s->seed);
    sterna_json_real(json, sampling, "temperature", (double)s->temperature);
    sterna_json_u64(json, sampling, "top_k", s->top_k);
    sterna_json_real(json, sampling, "top_p", (double)s->top_p);
    sterna_json_real(json, sampling, "min_p", (double)s->min_p);
    cJSON *context = sterna_json_object(json, json->root, "context");
    sterna_json_u64(json, context, "n_ctx", r->params.n_ctx);
    sterna_json_u64(json, context, "page_size", r->params.page_size);
    sterna_json_string(json, context, "kv_type", sterna_cli_kv_name(r->params.kv_type));
    cJSON *memory = sterna_json_object(json, json->root, "memory");
    sterna_json_u64(json, memory, "weights", r->memory.weights);
    sterna_json_u64(json, memory, "cache", r->memory.cache);
    sterna_json_u64(json, memory, "activations", r->memory.activations);
    sterna_json_u64(json, memory, "host_peak", (uint64_t)sterna_mem_peak());
}

static sterna_status print_json(run *r, sterna_fault *fault)
{
    uint8_t digest[STERNA_HASH_BYTES];
    sterna_device_info device = {.size = sizeof device};
    sterna_json json;
    sterna_json_begin(&json, "run");
    json_model(&json, r);
    sterna_json_text(&json, json.root, "prompt", r->prompt.data, r->prompt.bytes);
    sterna_json_ids(&json, json.root, "prompt_ids", r->prompt_ids, r->n_prompt);
    sterna_json_text(&json, json.root, "text", r->text, r->text_bytes);
    sterna_json_ids(&json, json.root, "ids", r->ids, r->result.n_tokens);
    sterna_json_string(&json, json.root, "stopped",
                       r->status == STERNA_INTERRUPTED ? "interrupted"
                       : r->result.ended               ? "end"
                                                       : "length");
    sterna_digest_get(r->digest, digest);
    sterna_json_hex(&json, json.root, "digest", digest);
    sterna_json_real(&json, json.root, "prompt_seconds", r->result.prompt_seconds);
    sterna_json_real(&json, json.root, "prompt_tokens_per_second",
                     rate(r->result.n_prompt, r->result.prompt_seconds));
    sterna_json_real(&json, json.root, "decode_seconds", r->result.decode_seconds);
    sterna_json_real(&json, json.root, "decode_tokens_per_second", rate(steps(r), r->result.decode_seconds));
    json_settings(&json, r);
    sterna_session_device(r->session, &device);
    sterna_json_string(&json, json.root, "device", device.description);
    sterna_json_u64(&json, json.root, "threads", device.threads);
    sterna_json_bool(&json, json.root, "mock", device.is_mock != 0);
    sterna_json_string(&json, json.root, "snapshot", sterna_session_snapshot(r->session));
    sterna_json_string(&json, json.root, "auto",
                       r->session->device.reason[0] ? r->session->device.reason : NULL);
    json_kernels(&json, r->session);
    return sterna_json_print(&json, r->out, fault);
}

static sterna_status generate(run *r, sterna_fault *fault)
{
    sterna_fault inner = {0};
    char rest[STERNA_UTF8_ROOM(0)];
    sterna_on_interrupt(cancel, r->session);
    sterna_generate_result result = {.size = sizeof result};
    sterna_status status = sterna_generate(r->session, &r->generate, take_token, r, &result, &inner);
    sterna_on_interrupt(NULL, NULL);
    r->result = result;
    r->status = status;
    if (r->stream) {
        sterna_out_write(r->out, rest, sterna_utf8_flush(&r->utf8, rest));
        if (status == STERNA_OK || result.n_tokens) sterna_out_text(r->out, "\n");
    }
    sterna_status flushed = sterna_out_flush(r->out, fault); /* says it better than "the receiver stopped" */
    if (flushed != STERNA_OK) return flushed;
    if (status == STERNA_OK || status == STERNA_INTERRUPTED) return STERNA_OK;
    return sterna_fail(fault, status, "%s", inner.text);
}

static void release(run *r)
{
    sterna_session_close(r->session);
    sterna_digest_free(r->digest);
    sterna_free(r->ids);
    sterna_free(r->text);
    sterna_free(r->prompt_ids);
    sterna_sys_unmap(&r->prompt.held);
    sterna_model_close(r->model);
}

sterna_status sterna_cmd_run(const sterna_cli *cli, sterna_fault *fault)
{
    bool as_json = sterna_option_flag(cli->options, STERNA_OPT_json);
    bool with_digest = sterna_option_flag(cli->options, STERNA_OPT_digest);
    run r = {.options = cli->options, .out = cli->out, .stream = !as_json};
    sterna_status status = prepare(&r, fault);
    if (status == STERNA_OK) status = sterna_cli_policy(cli->options, r.session, fault);
    if (status == STERNA_OK) status = sterna_cli_record(cli, r.session, &r.generate, &r.record, fault);
    if (status == STERNA_OK && (as_json || with_digest)) status = attach_digest(&r, fault);
    if (status == STERNA_OK) status = generate(&r, fault);
    if (status == STERNA_OK) {
        if (as_json) status = print_json(&r, fault);
        if (!as_json && !sterna_option_flag(cli->options, STERNA_OPT_quiet)) say_figures(&r);
        if (!as_json && with_digest) say_digest(&r);
        if (status == STERNA_OK && r.status == STERNA_INTERRUPTED) status = STERNA_INTERRUPTED;
        if (status == STERNA_OK && r.record) status = cli->recorder->end(r.record, &r.result, fault);
    }
    if (r.record) cli->recorder->release(r.record);
    release(&r);
    return status;
}
