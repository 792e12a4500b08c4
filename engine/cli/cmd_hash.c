/* `sterna hash FILE...`: what names a file in digests and receipts. */
#include "base/hash.h"
#include "base/sys.h"
#include "cli/command.h"
#include "cli/json.h"

typedef struct hashes {
    uint64_t bytes;
    uint8_t root[STERNA_HASH_BYTES], sha256[STERNA_HASH_BYTES];
} hashes;

static sterna_status hash_file(const char *path, uint32_t threads, hashes *result, sterna_fault *fault)
{
    sterna_mapping file = {0};
    /* Standard input is read whole: the tree needs its length. */
    bool standard_input = path[0] == '-' && !path[1];
    sterna_status status =
        standard_input ? sterna_sys_read(path, UINT64_MAX, &file, fault) : sterna_sys_map(path, &file, fault);
    if (status != STERNA_OK) return status;
    result->bytes = file.size;
    sterna_sha256_once(file.data, (size_t)file.size, result->sha256);
    if (sterna_merkle_root(file.data, file.size, threads, result->root) != 0)
        status = sterna_fail(fault, STERNA_MEMORY, "%s: out of memory for the Merkle tree", path);
    sterna_sys_unmap(&file);
    return status;
}

static void print_hashes(sterna_out *out, const char *path, const hashes *h)
{
    char root[2 * STERNA_HASH_BYTES + 1], sha256[2 * STERNA_HASH_BYTES + 1];
    sterna_hash_hex(h->root, root);
    sterna_hash_hex(h->sha256, sha256);
    sterna_out_print(out, "merkle  %s  ", root);
    sterna_out_text(out, path);
    sterna_out_print(out, "\nsha256  %s  ", sha256);
    sterna_out_text(out, path);
    sterna_out_text(out, "\n");
}

sterna_status sterna_cmd_hash(const sterna_cli *cli, sterna_fault *fault)
{
    const sterna_options *options = cli->options;
    uint32_t threads = (uint32_t)sterna_option_integer(options, STERNA_OPT_hash_threads);
    bool as_json = sterna_option_flag(options, STERNA_OPT_json);
    sterna_status status = STERNA_OK;
    sterna_json json = {0};
    cJSON *files = NULL;
    if (threads == 0) threads = sterna_sys_processors();
    if (as_json) {
        sterna_json_begin(&json, "hash");
        files = sterna_json_array(&json, json.root, "files");
    }
    for (uint32_t i = 0; i < options->n_arguments && status == STERNA_OK; i++) {
        const char *path = options->arguments[i];
        hashes h;
        status = hash_file(path, threads, &h, fault);
        if (status != STERNA_OK) break;
        if (!as_json) {
            print_hashes(cli->out, path, &h);
            continue;
        }
        cJSON *file = sterna_json_object(&json, files, NULL);
        sterna_json_string(&json, file, "path", path);
        sterna_json_u64(&json, file, "bytes", h.bytes);
        sterna_json_hex(&json, file, "merkle", h.root);
        sterna_json_hex(&json, file, "sha256", h.sha256);
    }
    if (!as_json) return status;
    if (status == STERNA_OK) return sterna_json_print(&json, cli->out, fault);
    sterna_json_release(&json);
    return status;
}
