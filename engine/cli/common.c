/* What several commands ask of their options. */
#include "cli/common.h"
#include "base/mem.h"
#include "cli/json.h"
#include "cli/say.h"
#include "gguf/gguf.h"
#include "session/session.h"
#include <inttypes.h>
#include <string.h>

enum { STANDARD_INPUT = 0 };
#define PROMPT_BYTES_MAX (64u << 20)

sterna_status sterna_cli_prompt(const sterna_options *options, sterna_cli_text *text, sterna_fault *fault)
{
    const char *given = sterna_option_text(options, STERNA_OPT_prompt);
    const char *path = sterna_option_text(options, STERNA_OPT_file);
    *text = (sterna_cli_text){0};
    if (given && path) return sterna_fail(fault, STERNA_USAGE, "--prompt and --file: give one of them");
    if (given) {
        text->data = given;
        text->bytes = strlen(given);
        return STERNA_OK;
    }
    if (!path) path = "-";
    if (!strcmp(path, "-") && sterna_sys_is_tty(STANDARD_INPUT))
        sterna_say("the text is read from the terminal; end it with Ctrl-D");
    sterna_status status = sterna_sys_read(path, PROMPT_BYTES_MAX, &text->held, fault);
    if (status != STERNA_OK) return status;
    text->data = (const char *)text->held.data;
    text->bytes = (size_t)text->held.size;
    if (text->bytes > 0 && text->data[text->bytes - 1] == '\n') text->bytes--;
    return STERNA_OK;
}

sterna_status sterna_cli_tokens(const sterna_options *options, const sterna_model *model,
                                const sterna_cli_text *text, uint32_t **ids, size_t *count,
                                sterna_fault *fault)
{
    uint32_t flags = (sterna_option_flag(options, STERNA_OPT_no_bos) ? 0 : STERNA_TOKENIZE_BOS) |
                     (sterna_option_flag(options, STERNA_OPT_special) ? STERNA_TOKENIZE_SPECIAL : 0);
    /* No tokenizer here gives more ids than bytes, but for a BOS and the space some put in front (3 byte
     * tokens). */
    size_t capacity = text->bytes + 4, needed = 0;
    for (;;) {
        uint32_t *room = sterna_alloc(capacity, sizeof *room);
        if (!room) return sterna_fail(fault, STERNA_MEMORY, "out of memory for %zu tokens", capacity);
        sterna_fault inner = {0};
        sterna_status status =
            sterna_tokenize(model, text->data, text->bytes, flags, room, capacity, &needed, &inner);
        if (status == STERNA_OK) {
            *ids = room;
            *count = needed;
            return STERNA_OK;
        }
        sterna_free(room);
        if (status != STERNA_MEMORY || needed <= capacity)
            return sterna_fail(fault, status, "%s", inner.text);
        capacity = needed;
    }
}

sterna_status sterna_cli_written(const sterna_cli *cli, const char *schema, const char *path,
                                 sterna_fault *fault)
{
    char size[STERNA_SAY_BYTES_MAX];
    uint64_t tensors;
    sterna_gguf *file = NULL;
    sterna_status status = sterna_gguf_open(path, STERNA_GGUF_MAP, &file, fault);
    if (status != STERNA_OK) return status;
    uint64_t bytes = sterna_gguf_mapping(file)->size;
    sterna_gguf_tensors(file, &tensors);
    if (sterna_option_flag(cli->options, STERNA_OPT_json)) {
        sterna_json json;
        sterna_json_begin(&json, schema);
        sterna_json_string(&json, json.root, "path", path);
        sterna_json_u64(&json, json.root, "bytes", bytes);
        sterna_json_u64(&json, json.root, "tensors", tensors);
        status = sterna_json_print(&json, cli->out, fault);
    } else {
        sterna_say("%s: %" PRIu64 " tensors, %s", path, tensors, sterna_say_bytes(bytes, size));
    }
    sterna_gguf_close(file);
    return status;
}

const char *sterna_cli_kv_name(sterna_kv_type type)
{
    return type == STERNA_KV_F32 ? "f32" : "f16";
}

/* Three spellings of one thing: those given must agree. */
static sterna_status kv_type(const sterna_options *options, sterna_kv_type *type, sterna_fault *fault)
{
    static const sterna_option_id spellings[] = {STERNA_OPT_kv_type, STERNA_OPT_cache_type_k,
                                                 STERNA_OPT_cache_type_v};
    const char *first = NULL;
    *type = STERNA_KV_F16;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        const char *text = sterna_option_text(options, spellings[i]);
        if (!text) continue;
        if (first && strcmp(first, text) != 0)
            return sterna_fail(fault, STERNA_USAGE,
                               "the KV cache has one type for keys and values, not %s and %s", first, text);
        first = text;
        *type = sterna_option_integer(options, spellings[i]) ? STERNA_KV_F32 : STERNA_KV_F16;
    }
    return STERNA_OK;
}

sterna_status sterna_cli_session(const sterna_options *options, sterna_session_params *params,
                                 sterna_fault *fault)
{
    *params = (sterna_session_params){
        .size = sizeof *params,
        .device = sterna_option_text(options, STERNA_OPT_device),
        .threads = (uint32_t)sterna_option_integer(options, STERNA_OPT_threads),
        .profile =
            sterna_option_integer(options, STERNA_OPT_profile) ? STERNA_PROFILE_FAST : STERNA_PROFILE_EXACT,
        .n_ctx = (uint32_t)sterna_option_integer(options, STERNA_OPT_n_ctx),
        .n_batch = (uint32_t)sterna_option_integer(options, STERNA_OPT_n_batch),
        .page_size = (uint32_t)sterna_option_integer(options, STERNA_OPT_page_size),
        .verify_upload = sterna_option_flag(options, STERNA_OPT_verify_upload),
    };
    /* Before anything is opened: what is invented must not decide how this ends. */
    sterna_status status =
        sterna_option_flag(options, STERNA_OPT_strict) ? sterna_strict_environment(fault) : STERNA_OK;
    return status == STERNA_OK ? kv_type(options, &params->kv_type, fault) : status;
}

sterna_status sterna_cli_policy(const sterna_options *options, sterna_session *session, sterna_fault *fault)
{
    uint64_t values, different;
    const char *device = session->device.spec;
    if (session->device.doubt[0])
        sterna_say("warning: %s is not exact, its bits are not the reference's: %s", device,
                   session->device.doubt);
    if (!sterna_option_flag(options, STERNA_OPT_strict)) return STERNA_OK;
    /* Probed elsewhere: what ran on this device is evidence, and holds nothing but the session's own work. */
    sterna_open_device named = session->device;
    named.device = NULL;
    sterna_status status = sterna_strict_device(&named, session->params.profile, fault);
    if (status == STERNA_OK) status = sterna_session_verify(session, &values, &different, fault);
    if (status != STERNA_OK || (values && !different)) return status;
    if (!values)
        return sterna_fail(fault, STERNA_POLICY,
                           "--strict: %s cannot be compared with the reference: no memory for both", device);
    return sterna_fail(fault, STERNA_POLICY,
                       "--strict: %s differs from the reference in %" PRIu64 " of %" PRIu64
                       " values; `sterna compare` names the operation",
                       device, different, values);
}

sterna_status sterna_cli_strict(const sterna_options *options, const char *spec, sterna_profile profile,
                                sterna_fault *fault)
{
    const sterna_device_request request = {
        .spec = spec, .params = {.size = sizeof request.params, .profile = profile, .threads = 1}};
    sterna_open_device ignored;
    if (!sterna_option_flag(options, STERNA_OPT_strict)) return STERNA_OK;
    return sterna_device_survey(&request, true, &ignored, fault);
}

sterna_status sterna_cli_record(const sterna_cli *cli, sterna_session *session,
                                const sterna_generate_params *params, void **record, sterna_fault *fault)
{
    if (!sterna_option_text(cli->options, STERNA_OPT_receipt)) return STERNA_OK;
    if (!cli->recorder)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "--receipt: this build has no receipts");
    return cli->recorder->begin(cli->options, session, params, record, fault);
}
