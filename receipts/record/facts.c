/* What can be found out about device, program and machine without asking anybody who could lie. */
#include "base/mem.h"
#include "base/sys.h"
#include "judge/elf_sections.h"
#include "judge/gates_text.h"
#include "record/record.h"
#include <stdio.h>
#include <string.h>

#define PROGRAM "/proc/self/exe"

/* Copies text[0, n) into a field. */
static void put_part(char *field, size_t bytes, const char *text, size_t n)
{
    char part[sizeof((sterna_receipt_device *)NULL)->detected]; /* the longest of them */
    if (n >= sizeof part) n = sizeof part - 1;
    memcpy(part, text, n);
    part[n] = '\0';
    sterna_receipt_text(field, bytes, part);
}

/* "requested=auto detected=[cpu:scalar] selected=cpu:scalar" (registry.h). */
static sterna_status split_snapshot(const char *snapshot, sterna_receipt_device *d, sterna_fault *fault)
{
    static const char first[] = "requested=", second[] = " detected=[", third[] = "] selected=";
    const char *detected = strstr(snapshot, second), *selected = detected ? strstr(detected, third) : NULL;
    if (strncmp(snapshot, first, sizeof first - 1) != 0 || !selected)
        return sterna_fail(fault, STERNA_INTERNAL, "the snapshot '%.200s' has another form", snapshot);
    const char *requested = snapshot + sizeof first - 1;
    put_part(d->requested, sizeof d->requested, requested, (size_t)(detected - requested));
    detected += sizeof second - 1;
    put_part(d->detected, sizeof d->detected, detected, (size_t)(selected - detected));
    sterna_receipt_text(d->selected, sizeof d->selected, selected + sizeof third - 1);
    return STERNA_OK;
}

static sterna_status describe_build(const sterna_build *build, sterna_receipt_build *b, sterna_fault *fault)
{
    sterna_mapping file = {0};
    sterna_receipt_text(b->version, sizeof b->version, build->version);
    sterna_receipt_text(b->commit, sizeof b->commit, build->commit[0] ? build->commit : "unknown");
    sterna_receipt_text(b->compiler, sizeof b->compiler, build->compiler);
    sterna_receipt_text(b->type, sizeof b->type, build->type);
    sterna_receipt_text(b->flags, sizeof b->flags, build->flags);
    b->backend_abi = STERNA_ABI_VERSION;
    sterna_status status = sterna_sys_map(PROGRAM, &file, fault);
    if (status != STERNA_OK) return status;
    sterna_sha256_once(file.data, (size_t)file.size, b->program_sha256);
    b->program_bytes = file.size;
    sterna_elf_build_id(&file, b->build_id, sizeof b->build_id);
    sterna_sys_unmap(&file);
    return STERNA_OK;
}

static sterna_status copy_kernels(const sterna_kernel_use *uses, uint32_t n, sterna_receipt *r,
                                  sterna_fault *fault)
{
    if (n == 0) return STERNA_OK;
    r->kernels = sterna_alloc(n, sizeof *r->kernels);
    if (!r->kernels) return sterna_fail(fault, STERNA_MEMORY, "receipt: out of memory for %u kernels", n);
    r->n_kernels = n;
    for (uint32_t i = 0; i < n; i++) {
        sterna_receipt_kernel *k = &r->kernels[i];
        put_part(k->name, sizeof k->name, uses[i].name, strnlen(uses[i].name, sizeof uses[i].name));
        k->launches = uses[i].launches;
        k->has_code = uses[i].has_hash != 0;
        if (k->has_code) memcpy(k->code_sha256, uses[i].code_hash, sizeof k->code_sha256);
    }
    return STERNA_OK;
}

/* A mock is one by its own word, by its kernels' names or by how it was selected. */
static bool any_mock(const sterna_receipt *r)
{
    bool mock = r->device.is_mock || sterna_text_has(r->device.selected, "mock");
    for (uint32_t i = 0; i < r->n_kernels; i++) mock = mock || sterna_text_has(r->kernels[i].name, "mock");
    return mock;
}

sterna_status sterna_record_facts(const char *snapshot, const sterna_device_info *info,
                                  sterna_profile profile, const sterna_kernel_use *uses, uint32_t n_uses,
                                  const sterna_build *build, bool strict, sterna_receipt *r,
                                  sterna_fault *fault)
{
    sterna_receipt_device *d = &r->device;
    snprintf(r->head.schema, sizeof r->head.schema, "%s", STERNA_RECEIPT_SCHEMA);
    sterna_sys_date(r->head.created);
    sterna_status status = split_snapshot(snapshot, d, fault);
    put_part(d->description, sizeof d->description, info->description,
             strnlen(info->description, sizeof info->description));
    d->is_mock = info->is_mock != 0;
    d->threads = info->threads;
    snprintf(d->profile, sizeof d->profile, "%s", profile == STERNA_PROFILE_EXACT ? "exact" : "fast");
    sterna_sys_platform(r->host.system, sizeof r->host.system, r->host.machine, sizeof r->host.machine);
    r->host.processors = sterna_sys_processors();
    r->host.strict = strict ? 1 : 0;
    if (status == STERNA_OK) status = describe_build(build, &r->build, fault);
    if (status == STERNA_OK) status = copy_kernels(uses, n_uses, r, fault);
    snprintf(r->head.compute_path, sizeof r->head.compute_path, "%s", any_mock(r) ? "mock" : "real");
    return status;
}
