/* The program receipt-verify: judges receipts, offline. Owns: its command line, what it prints, the exit code
 * of several files. Leaves to others: the judgement (judge/verify.h). */
#include "base/env.h"
#include "base/mem.h"
#include "base/sys.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/say.h"
#include "judge/verify.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_FILE "ci/inference.json"

static const char usage[] =
    "usage: receipt-verify [FILE...] [OPTION...]\n"
    "Judges receipts of `sterna --receipt`, offline. Without a file: " DEFAULT_FILE "\n\n"
    "  --key PUB            the signer's public key (minisign's format): the signature must hold\n"
    "  --model FILE         the model: its Merkle root must be the receipt's\n"
    "  --program FILE       the program that wrote the receipt: its hash and its kernels' code must be the "
    "receipt's\n"
    "  --replay             compute every step again and compare bits; needs --model\n"
    "  --device DEVICE      what computes the replay (default: cpu)\n"
    "  -t, --threads N      threads of it (default: the device's choice)\n"
    "  --strict             a mock, a fallback, a device that was not compared with the reference, or a "
    "kernel without\n"
    "                       its code's hash ends with 8; STERNA_STRICT=1 does the same\n"
    "  --allow-corrections  let a model pass whose values were corrected\n"
    "  --json               one JSON object on standard output\n"
    "  --help, --version\n\n"
    "Exit: 0 valid and proven, 2 usage, 4 nothing was verified (no key, no replay), 6 unreadable, 7 "
    "invalid,\n"
    "8 against strict policy; of several files the first that is not valid decides.\n";

typedef struct arguments {
    const char **files;
    int n_files;
    const char *key;
    sterna_verify_params params;
    bool json, help, version;
} arguments;

static sterna_status read_threads(const char *text, uint32_t *threads, sterna_fault *fault)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || end == text || n > 1024 || text[0] == '-')
        return sterna_fail(fault, STERNA_USAGE, "--threads '%.40s': want 0 to 1024", text);
    *threads = (uint32_t)n;
    return STERNA_OK;
}

static sterna_status read_arguments(int argc, char **argv, arguments *a, sterna_fault *fault)
{
    const char *threads = NULL;
    struct {
        const char *name;
        const char **value;
        bool *flag;
    } const options[] = {{"--key", &a->key, NULL},
                         {"--model", &a->params.model, NULL},
                         {"-m", &a->params.model, NULL},
                         {"--program", &a->params.program, NULL},
                         {"--device", &a->params.device, NULL},
                         {"--threads", &threads, NULL},
                         {"-t", &threads, NULL},
                         {"--replay", NULL, &a->params.replay},
                         {"--strict", NULL, &a->params.policy.strict},
                         {"--allow-corrections", NULL, &a->params.policy.allow_corrections},
                         {"--json", NULL, &a->json},
                         {"--help", NULL, &a->help},
                         {"-h", NULL, &a->help},
                         {"--version", NULL, &a->version}};
    enum { N = sizeof options / sizeof options[0] };
    for (int i = 1; i < argc; i++) {
        size_t o = 0, name = strcspn(argv[i], "=");
        const char *joined = argv[i][name] ? argv[i] + name + 1 : NULL; /* --key=release.pub */
        if (argv[i][0] != '-' || !argv[i][1]) {
            a->files[a->n_files++] = argv[i];
            continue;
        }
        while (o < N && (strlen(options[o].name) != name || memcmp(argv[i], options[o].name, name) != 0)) o++;
        if (o == N) return sterna_fail(fault, STERNA_USAGE, "%.60s: unknown option", argv[i]);
        if (options[o].flag && joined)
            return sterna_fail(fault, STERNA_USAGE, "%.60s: takes no value", argv[i]);
        if (options[o].flag) {
            *options[o].flag = true;
        } else if (joined) {
            *options[o].value = joined;
        } else if (i + 1 == argc) {
            return sterna_fail(fault, STERNA_USAGE, "%s: a value is missing", argv[i]);
        } else {
            *options[o].value = argv[++i];
        }
    }
    if (a->params.replay && !a->params.model)
        return sterna_fail(fault, STERNA_USAGE, "--replay needs the model: --model FILE");
    if (a->n_files == 0) a->files[a->n_files++] = DEFAULT_FILE;
    return threads ? read_threads(threads, &a->params.threads, fault) : STERNA_OK;
}

/* "valid: run of golden on cpu:avx2, 8 tokens; signature, model, replay of 8 steps on cpu:avx2" */
static void print_line(sterna_out *out, const char *path, const sterna_verify_report *r)
{
    sterna_out_text(out, path);
    if (r->status != STERNA_OK) {
        sterna_out_print(out, ": %s: %s\n",
                         r->status == STERNA_NOTHING   ? "not verified"
                         : r->status == STERNA_FILE    ? "unreadable"
                         : r->status == STERNA_POLICY  ? "refused by strict policy"
                         : r->status == STERNA_INVALID ? "invalid"
                                                       : "error",
                         r->fault.text);
        return;
    }
    const sterna_receipt *receipt = &r->receipt;
    sterna_out_print(out, ": valid: %s on %.200s", receipt->head.kind, receipt->device.selected);
    if (receipt->generated)
        sterna_out_print(out, ", %u tokens at %.1f tokens/s", receipt->n_tokens,
                         receipt->speed.tokens_per_second);
    sterna_out_print(out, "; %u gates%s%s%s", r->gates_passed, r->key_holds ? ", signature" : "",
                     r->model_holds ? ", model" : "", r->program_holds ? ", program" : "");
    if (r->replayed)
        sterna_out_print(out, ", replay of %u steps on %.100s in %.2f s", r->replay.steps, r->replay.device,
                         r->replay.seconds);
    sterna_out_text(out, "\n");
}

static void put_json(sterna_json *json, cJSON *list, const char *path, const sterna_verify_report *r)
{
    cJSON *item = sterna_json_object(json, list, NULL);
    sterna_json_string(json, item, "file", path);
    sterna_json_string(json, item, "status", sterna_status_name(r->status));
    sterna_json_u64(json, item, "exit_code", (uint64_t)sterna_status_exit_code(r->status));
    sterna_json_u64(json, item, "gates_passed", r->gates_passed);
    sterna_json_bool(json, item, "signed", r->is_signed);
    sterna_json_bool(json, item, "signature_holds", r->key_holds);
    sterna_json_bool(json, item, "model_holds", r->model_holds);
    sterna_json_bool(json, item, "program_holds", r->program_holds);
    sterna_json_u64(json, item, "replayed_steps", r->replayed ? r->replay.steps : 0);
    sterna_json_string(json, item, "replay_device", r->replayed ? r->replay.device : NULL);
    sterna_json_string(json, item, "why", r->status == STERNA_OK ? NULL : r->fault.text);
    bool found = r->status == STERNA_INVALID || r->status == STERNA_POLICY;
    if (!found) return;
    sterna_json_u64(json, item, "gate", r->finding.gate);
    sterna_json_string(json, item, "gate_name", r->finding.name);
    sterna_json_string(json, item, "field", r->finding.defect.field);
    sterna_json_string(json, item, "expected", r->finding.defect.expected);
    sterna_json_string(json, item, "found", r->finding.defect.found);
}

static sterna_status verify_all(const arguments *a, sterna_out *out, sterna_fault *fault)
{
    sterna_status first = STERNA_OK;
    sterna_json json = {0};
    cJSON *list = NULL;
    if (a->json) {
        sterna_json_begin(&json, "verify");
        list = sterna_json_array(&json, json.root, "receipts");
    }
    for (int i = 0; i < a->n_files; i++) {
        sterna_verify_report report;
        sterna_verify_file(a->files[i], &a->params, &report);
        if (first == STERNA_OK) first = report.status;
        if (a->json)
            put_json(&json, list, a->files[i], &report);
        else
            print_line(out, a->files[i], &report);
        sterna_verify_free(&report);
    }
    sterna_status printed = a->json ? sterna_json_print(&json, out, fault) : STERNA_OK;
    return printed == STERNA_OK ? first : printed;
}

static sterna_status run(int argc, char **argv, arguments *a, sterna_out *out, sterna_fault *fault)
{
    sterna_public_key key;
    sterna_status status = read_arguments(argc, argv, a, fault);
    if (status != STERNA_OK) return status;
    if (a->help || a->version) {
        sterna_out_text(out, a->help ? usage : "receipt-verify " STERNA_VERSION "\n");
        return STERNA_OK;
    }
    bool strict = false;
    status = sterna_env_check(fault);
    if (status == STERNA_OK) status = sterna_env_flag(STERNA_ENV_STRICT, &strict, fault);
    a->params.policy.strict |= strict;
    if (status == STERNA_OK && a->key) {
        status = sterna_public_key_read(a->key, &key, fault);
        a->params.key = &key;
    }
    return status == STERNA_OK ? verify_all(a, out, fault) : status;
}

int main(int argc, char **argv)
{
    static sterna_out out;
    sterna_fault fault = {0}, flushed = {0};
    arguments a = {0};
    signal(SIGPIPE, SIG_IGN);
    sterna_out_init(&out, NULL, NULL);
    sterna_env_warn_unknown(sterna_say_unknown_variable);
    a.files = (const char **)sterna_alloc((size_t)argc + 1, sizeof *a.files);
    sterna_status status =
        a.files ? run(argc, argv, &a, &out, &fault) : sterna_fail(&fault, STERNA_MEMORY, "out of memory");
    sterna_free(a.files);
    sterna_status end = sterna_out_flush(&out, &flushed);
    if (fault.text[0]) sterna_say_failure("receipt-verify", &fault, status);
    if (status == STERNA_USAGE) sterna_say("`receipt-verify --help` explains.");
    if (status == STERNA_OK && end != STERNA_OK) {
        if (end != STERNA_INTERRUPTED) sterna_say_failure("receipt-verify", &flushed, end);
        status = end;
    }
    return sterna_status_exit_code(status);
}
