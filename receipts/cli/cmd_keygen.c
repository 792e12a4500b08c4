/* `sterna keygen [NAME]`: a key pair for receipts, in minisign's files. Owns: the two names, and that no key is ever
 * overwritten. */
#include "base/mem.h"
#include "base/sys.h"
#include "cli/command.h"
#include "cli/json.h"
#include "format/keys.h"
#include <stdio.h>
#include <string.h>

typedef struct names {
    char *secret_path, *public_path;
} names;

static sterna_status make_names(const char *name, names *n, sterna_fault *fault)
{
    size_t bytes = strlen(name) + sizeof ".key";
    n->secret_path = sterna_alloc(bytes, 1);
    n->public_path = sterna_alloc(bytes, 1);
    if (!n->secret_path || !n->public_path) return sterna_fail(fault, STERNA_MEMORY, "keygen: out of memory");
    snprintf(n->secret_path, bytes, "%s.key", name);
    snprintf(n->public_path, bytes, "%s.pub", name);
    return STERNA_OK;
}

/* What may be there already, readable or not, stays. */
static sterna_status refuse_existing(const char *path, sterna_fault *fault)
{
    if (!sterna_sys_exists(path)) return STERNA_OK;
    return sterna_fail(fault, STERNA_FILE, "%s: exists; a key is never overwritten: choose another name",
                       path);
}

static sterna_status print(const sterna_cli *cli, const names *n, const sterna_public_key *key,
                           sterna_fault *fault)
{
    char id[17];
    sterna_key_id_text(key->id, id);
    if (!sterna_option_flag(cli->options, STERNA_OPT_json)) {
        sterna_out_print(cli->out, "key %s\nsecret  ", id);
        sterna_out_text(cli->out, n->secret_path);
        sterna_out_text(cli->out, "\npublic  ");
        sterna_out_text(cli->out, n->public_path);
        sterna_out_text(cli->out, "\n");
        return STERNA_OK;
    }
    sterna_json json;
    sterna_json_begin(&json, "keygen");
    sterna_json_string(&json, json.root, "id", id);
    sterna_json_string(&json, json.root, "secret", n->secret_path);
    sterna_json_string(&json, json.root, "public", n->public_path);
    return sterna_json_print(&json, cli->out, fault);
}

sterna_status sterna_cmd_keygen(const sterna_cli *cli, sterna_fault *fault)
{
    const char *name = cli->options->n_arguments ? cli->options->arguments[0] : "sterna";
    sterna_public_key public_key;
    sterna_secret_key secret_key;
    names n = {NULL, NULL};
    sterna_status status = make_names(name, &n, fault);
    if (status == STERNA_OK) status = refuse_existing(n.secret_path, fault);
    if (status == STERNA_OK) status = refuse_existing(n.public_path, fault);
    if (status == STERNA_OK) status = sterna_key_make(&public_key, &secret_key, fault);
    if (status == STERNA_OK) {
        /* The public half first: a secret key without it would be of no use, the reverse does no harm. */
        status = sterna_public_key_write(n.public_path, &public_key, fault);
        if (status == STERNA_OK) status = sterna_secret_key_write(n.secret_path, &secret_key, fault);
        sterna_secret_key_wipe(&secret_key);
    }
    if (status == STERNA_OK) status = print(cli, &n, &public_key, fault);
    sterna_free(n.secret_path);
    sterna_free(n.public_path);
    return status;
}
