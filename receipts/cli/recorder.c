/* --receipt of the program sterna: from the command's generation to the signed file. Owns: the options --receipt, --key
 * and what --strict means for a record. Leaves to others: recording (record/), judging (judge/). */
#include "base/mem.h"
#include "cli/about.h"
#include "cli/command.h"
#include "judge/gates.h"
#include "record/record.h"

typedef struct recorder {
    sterna_record *record;
    sterna_secret_key key;
    const char *path;
    bool with_key, strict;
} recorder;

static void release(void *context)
{
    recorder *r = context;
    if (!r) return;
    sterna_record_free(r->record);
    sterna_secret_key_wipe(&r->key);
    sterna_free(r);
}

static sterna_status begin(const sterna_options *options, sterna_session *session,
                           const sterna_generate_params *params, void **out, sterna_fault *fault)
{
    const char *key = sterna_option_text(options, STERNA_OPT_key);
    recorder *r = sterna_alloc(1, sizeof *r);
    if (!r) return sterna_fail(fault, STERNA_MEMORY, "receipt: out of memory");
    r->path = sterna_option_text(options, STERNA_OPT_receipt);
    r->with_key = key != NULL;
    r->strict = sterna_option_flag(options, STERNA_OPT_strict);
    /* A key that cannot be read should fail before an hour of computing, not after it. */
    sterna_status status = key ? sterna_secret_key_read(key, &r->key, fault) : STERNA_OK;
    if (status == STERNA_OK)
        status = sterna_record_begin(session, params, options->command == STERNA_CMD_bench ? "bench" : "run",
                                     sterna_build_get(), r->strict, &r->record, fault);
    if (status != STERNA_OK) {
        release(r);
        return status;
    }
    *out = r;
    return STERNA_OK;
}

/* Strict mode writes nothing that its own gates would refuse. */
static sterna_status keep_policy(const sterna_receipt *receipt, sterna_fault *fault)
{
    sterna_gate_policy policy = {.strict = true};
    sterna_finding finding;
    uint32_t passed;
    if (sterna_gates_ask(receipt, &policy, &finding, &passed) == STERNA_OK) return STERNA_OK;
    return sterna_fail(fault, STERNA_POLICY, "--strict: gate %s: %s: expected %s, found %s", finding.name,
                       finding.defect.field, finding.defect.expected, finding.defect.found);
}

static sterna_status end(void *context, const sterna_generate_result *result, sterna_fault *fault)
{
    recorder *r = context;
    sterna_receipt receipt;
    sterna_status status = sterna_record_end(r->record, result, &receipt, fault);
    if (status != STERNA_OK) return status;
    if (r->strict) status = keep_policy(&receipt, fault);
    if (status == STERNA_OK)
        status = sterna_receipt_save(&receipt, r->with_key ? &r->key : NULL, r->path, fault);
    sterna_receipt_free(&receipt);
    return status;
}

static sterna_status check(const sterna_options *options, const sterna_checked *checked, sterna_fault *fault)
{
    const char *path = sterna_option_text(options, STERNA_OPT_key);
    bool strict = sterna_option_flag(options, STERNA_OPT_strict);
    sterna_receipt receipt = {.head = {.kind = "check"},
                              .tests = {.total = checked->passed + checked->failed + checked->skipped,
                                        .passed = checked->passed,
                                        .failed = checked->failed,
                                        .skipped = checked->skipped}};
    sterna_secret_key key;
    sterna_status status = path ? sterna_secret_key_read(path, &key, fault) : STERNA_OK;
    if (status != STERNA_OK) return status;
    /* Each case that passed compared the device with oracle, reference or law. */
    receipt.device.verified_values = checked->passed;
    status = sterna_record_facts(checked->snapshot, checked->device, checked->profile, checked->kernels,
                                 checked->n_kernels, sterna_build_get(), strict, &receipt, fault);
    if (status == STERNA_OK && strict) status = keep_policy(&receipt, fault);
    if (status == STERNA_OK)
        status = sterna_receipt_save(&receipt, path ? &key : NULL,
                                     sterna_option_text(options, STERNA_OPT_receipt), fault);
    if (path) sterna_secret_key_wipe(&key);
    sterna_receipt_free(&receipt);
    return status;
}

const sterna_recorder sterna_receipt_recorder = {begin, end, release, check};
