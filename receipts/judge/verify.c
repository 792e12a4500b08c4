/* The questions, in the order in which a failure says most: signature, schema, gates, files, replay. */
#include "judge/verify.h"
#include "base/sys.h"
#include "format/envelope.h"
#include "judge/elf_sections.h"
#include <stdio.h>
#include <string.h>

/* The sentence of a finding; keeps the status. */
static sterna_status explain(sterna_verify_report *r, sterna_status status)
{
    const sterna_finding *f = &r->finding;
    if (f->gate)
        sterna_fail(&r->fault, status, "gate %u (%s): %s: expected %s, found %s", f->gate, f->name,
                    f->defect.field, f->defect.expected, f->defect.found);
    else
        sterna_fail(&r->fault, status, "%s: %s: expected %s, found %s", f->name, f->defect.field,
                    f->defect.expected, f->defect.found);
    return status;
}

static sterna_status refuse(sterna_verify_report *r, sterna_status status, const char *name,
                            const char *field, const char *expected, const char *found)
{
    r->finding = (sterna_finding){.name = name};
    sterna_finding_set(&r->finding, field, expected, "%s", found);
    return explain(r, status);
}

static sterna_status check_signature(const sterna_envelope *envelope, const sterna_verify_params *p,
                                     sterna_verify_report *r)
{
    char id[17];
    r->is_signed = envelope->n_signatures > 0;
    if (!p->key) return STERNA_OK;
    sterna_key_id_text(p->key->id, id);
    if (!r->is_signed) return refuse(r, STERNA_INVALID, "gate 0 (signature)", "signatures", id, "none");
    sterna_status status = sterna_envelope_verify(envelope, p->key, &r->key_holds, &r->fault);
    if (status != STERNA_OK || r->key_holds) return status;
    return refuse(r, STERNA_INVALID, "gate 0 (signature)", "signatures",
                  "one that holds for these bytes and this key",
                  strcmp(id, envelope->keyids[0]) ? "a signature of another key" : "changed bytes");
}

static sterna_status check_payload(const sterna_envelope *envelope, sterna_verify_report *r)
{
    sterna_receipt_defect defect;
    sterna_fault fault = {0};
    sterna_status status =
        sterna_receipt_parse(envelope->payload, envelope->payload_bytes, &r->receipt, &defect, &fault);
    if (status == STERNA_INVALID) {
        r->finding = (sterna_finding){.gate = 1, .name = sterna_gate_name(1), .defect = defect};
        return explain(r, status);
    }
    if (status != STERNA_OK) r->fault = fault;
    return status;
}

static sterna_status compare_hash(sterna_verify_report *r, const char *name, const char *field,
                                  const uint8_t want[STERNA_HASH_BYTES], const uint8_t got[STERNA_HASH_BYTES])
{
    char expected[2 * STERNA_HASH_BYTES + 1], found[2 * STERNA_HASH_BYTES + 1];
    if (memcmp(want, got, STERNA_HASH_BYTES) == 0) return STERNA_OK;
    sterna_hash_hex(got, expected);
    sterna_hash_hex(want, found);
    return refuse(r, STERNA_INVALID, name, field, expected, found);
}

static sterna_status check_model(const sterna_verify_params *p, sterna_verify_report *r)
{
    sterna_mapping file = {0};
    uint8_t root[STERNA_HASH_BYTES];
    if (!r->receipt.generated)
        return sterna_fail(&r->fault, STERNA_NOTHING, "%s: a receipt of a check names no model", p->model);
    sterna_status status = sterna_sys_map(p->model, &file, &r->fault);
    if (status != STERNA_OK) return status;
    uint32_t threads = p->threads ? p->threads : sterna_sys_processors();
    if (sterna_merkle_root(file.data, file.size, threads, root) != 0)
        status = sterna_fail(&r->fault, STERNA_MEMORY, "%s: out of memory for the Merkle tree", p->model);
    uint64_t bytes = file.size;
    sterna_sys_unmap(&file);
    if (status == STERNA_OK)
        status = compare_hash(r, "model file", "model.merkle", r->receipt.model.merkle, root);
    if (status == STERNA_OK && bytes != r->receipt.model.file_bytes)
        status = refuse(r, STERNA_INVALID, "model file", "model.file_bytes", "the file's length", "another");
    r->model_holds = status == STERNA_OK;
    return status;
}

static sterna_status check_program(const sterna_verify_params *p, sterna_verify_report *r)
{
    sterna_mapping file = {0};
    uint8_t sum[STERNA_HASH_BYTES];
    sterna_status status = sterna_sys_map(p->program, &file, &r->fault);
    if (status != STERNA_OK) return status;
    sterna_sha256_once(file.data, (size_t)file.size, sum);
    status = compare_hash(r, "program file", "build.program_sha256", r->receipt.build.program_sha256, sum);
    /* The kernels' code is a part of that file, unless a library brought it. */
    for (uint32_t i = 0; status == STERNA_OK && i < r->receipt.n_kernels; i++) {
        const sterna_receipt_kernel *k = &r->receipt.kernels[i];
        if (!k->has_code || strncmp(r->receipt.device.selected, "cpu", 3) != 0) continue;
        if (!sterna_elf_has_section(&file, "sterna_cpu_", k->code_sha256))
            status = refuse(r, STERNA_INVALID, "program file", k->name,
                            "the hash of one of the file's code sections", "a hash of none of them");
    }
    sterna_sys_unmap(&file);
    r->program_holds = status == STERNA_OK;
    return status;
}

static sterna_status check_replay(const sterna_verify_params *p, sterna_verify_report *r)
{
    sterna_model *model = NULL;
    sterna_fault fault = {0};
    sterna_status status = sterna_model_open(p->model, &model, &r->fault);
    if (status != STERNA_OK) return status;
    status = sterna_replay(model, &r->receipt, p->device, p->threads, &r->replay, &r->finding, &fault);
    sterna_model_close(model);
    if (status == STERNA_INVALID) return explain(r, status);
    if (status != STERNA_OK) r->fault = fault;
    r->replayed = status == STERNA_OK;
    return status;
}

static sterna_status judge(const sterna_envelope *envelope, const sterna_verify_params *p,
                           sterna_verify_report *r)
{
    sterna_status status = check_signature(envelope, p, r);
    if (status == STERNA_OK) status = check_payload(envelope, r);
    if (status != STERNA_OK) return status;
    status = sterna_gates_ask(&r->receipt, &p->policy, &r->finding, &r->gates_passed);
    if (status != STERNA_OK) return explain(r, status);
    if (p->model) status = check_model(p, r);
    if (status == STERNA_OK && p->program) status = check_program(p, r);
    if (status == STERNA_OK && p->replay) status = check_replay(p, r);
    if (status == STERNA_OK && !r->key_holds && !r->replayed)
        status = sterna_fail(
            &r->fault, STERNA_NOTHING,
            "consistent, but nothing proves it: give the signer's public key (--key), or the model and "
            "--replay");
    return status;
}

sterna_status sterna_verify_text(const char *text, size_t bytes, const sterna_verify_params *params,
                                 sterna_verify_report *report)
{
    sterna_envelope envelope;
    *report = (sterna_verify_report){0};
    report->status = sterna_envelope_parse(text, bytes, &envelope, &report->fault);
    if (report->status == STERNA_OK) report->status = judge(&envelope, params, report);
    sterna_envelope_free(&envelope);
    return report->status;
}

sterna_status sterna_verify_file(const char *path, const sterna_verify_params *params,
                                 sterna_verify_report *report)
{
    sterna_mapping file = {0};
    *report = (sterna_verify_report){0};
    report->status = sterna_sys_read(path, STERNA_RECEIPT_BYTES_MAX, &file, &report->fault);
    if (report->status != STERNA_OK) return report->status;
    sterna_verify_text((const char *)file.data, (size_t)file.size, params, report);
    sterna_sys_unmap(&file);
    return report->status;
}

void sterna_verify_free(sterna_verify_report *report)
{
    sterna_receipt_free(&report->receipt);
}
