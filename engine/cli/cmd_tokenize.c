/* `sterna tokenize`: text to ids, as the model's own tokenizer does it. */
#include "base/mem.h"
#include "cli/command.h"
#include "cli/common.h"
#include "cli/json.h"
#include "gguf/gguf.h"

enum { PIECE_BYTES = 512 };

/* The bytes of a token, cut at PIECE_BYTES. */
static size_t piece(const sterna_model *model, uint32_t id, char bytes[PIECE_BYTES])
{
    size_t n = sterna_token_bytes(model, id, bytes, PIECE_BYTES);
    return n < PIECE_BYTES ? n : PIECE_BYTES;
}

static void print_tokens(sterna_out *out, const sterna_model *model, const uint32_t *ids, size_t count,
                         bool ids_only)
{
    char bytes[PIECE_BYTES], quoted[STERNA_GGUF_QUOTE];
    for (size_t i = 0; i < count && out->status == STERNA_OK; i++) {
        if (ids_only) {
            sterna_out_print(out, "%s%u", i ? " " : "", ids[i]);
            continue;
        }
        sterna_gguf_text text = {bytes, piece(model, ids[i], bytes)};
        sterna_out_print(out, "%8u  %s\n", ids[i], sterna_gguf_quote(text, quoted));
    }
    if (ids_only) sterna_out_text(out, "\n");
}

static sterna_status print_json(sterna_out *out, const sterna_model *model, const sterna_cli_text *text,
                                const uint32_t *ids, size_t count, sterna_fault *fault)
{
    char bytes[PIECE_BYTES];
    sterna_json json;
    sterna_json_begin(&json, "tokenize");
    sterna_json_text(&json, json.root, "text", text->data, text->bytes);
    sterna_json_ids(&json, json.root, "ids", ids, count);
    cJSON *pieces = sterna_json_array(&json, json.root, "pieces");
    for (size_t i = 0; i < count && !json.failed; i++)
        sterna_json_text(&json, pieces, NULL, bytes, piece(model, ids[i], bytes));
    return sterna_json_print(&json, out, fault);
}

sterna_status sterna_cmd_tokenize(const sterna_cli *cli, sterna_fault *fault)
{
    const sterna_options *options = cli->options;
    sterna_model *model = NULL;
    sterna_cli_text text = {0};
    uint32_t *ids = NULL;
    size_t count = 0;
    sterna_status status = sterna_model_open(sterna_option_text(options, STERNA_OPT_model), &model, fault);
    if (status == STERNA_OK) status = sterna_cli_prompt(options, &text, fault);
    if (status == STERNA_OK) status = sterna_cli_tokens(options, model, &text, &ids, &count, fault);
    if (status == STERNA_OK && sterna_option_flag(options, STERNA_OPT_json))
        status = print_json(cli->out, model, &text, ids, count, fault);
    else if (status == STERNA_OK)
        print_tokens(cli->out, model, ids, count, sterna_option_flag(options, STERNA_OPT_ids_only));
    sterna_free(ids);
    sterna_sys_unmap(&text.held);
    sterna_model_close(model);
    return status;
}
