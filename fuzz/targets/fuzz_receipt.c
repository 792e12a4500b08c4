/* A receipt's payload: refused with a sentence, or one that is written and read back the same, and judged by the gates
 * without surprise. */
#include "base/mem.h"
#include "format/receipt.h"
#include "fuzz.h"
#include "judge/gates.h"
#include <string.h>

static void again(const char *first, size_t bytes)
{
    sterna_receipt receipt;
    sterna_receipt_defect defect;
    sterna_fault fault = {0};
    char *second = NULL;
    size_t second_bytes = 0;
    sterna_status status = sterna_receipt_parse(first, bytes, &receipt, &defect, &fault);
    FUZZ_REQUIRE(status == STERNA_OK, "what was written is not read: %s", fault.text);
    status = sterna_receipt_write(&receipt, &second, &second_bytes, &fault);
    FUZZ_REQUIRE(status == STERNA_OK && bytes == second_bytes && memcmp(first, second, bytes) == 0,
                 "written twice, and not the same: %s", fault.text);
    sterna_free(second);
    sterna_receipt_free(&receipt);
}

static void judge(const sterna_receipt *receipt)
{
    for (int strict = 0; strict < 2; strict++) {
        const sterna_gate_policy policy = {.strict = strict};
        sterna_finding finding = {0};
        uint32_t passed = 0;
        sterna_status status = sterna_gates_ask(receipt, &policy, &finding, &passed);
        FUZZ_REQUIRE(status == STERNA_OK || status == STERNA_INVALID || (strict && status == STERNA_POLICY),
                     "%s", sterna_status_name(status));
        FUZZ_REQUIRE(passed <= STERNA_GATES && (status == STERNA_OK) == (passed == STERNA_GATES),
                     "%u gates passed: %s", passed, sterna_status_name(status));
        FUZZ_REQUIRE(status == STERNA_OK || (finding.defect.field[0] && finding.name),
                     "a finding without a field");
    }
}

int sterna_fuzz_receipt(const uint8_t *data, size_t size)
{
    sterna_receipt receipt;
    sterna_receipt_defect defect;
    sterna_fault fault = {0};
    int64_t before = sterna_mem_bytes();
    sterna_status status = sterna_receipt_parse((const char *)data, size, &receipt, &defect, &fault);
    FUZZ_REQUIRE(status == STERNA_OK || status == STERNA_FILE || status == STERNA_INVALID, "%s",
                 sterna_status_name(status));
    FUZZ_REQUIRE(status == STERNA_OK || fault.text[0], "refused without a sentence");
    FUZZ_REQUIRE(status != STERNA_INVALID || (defect.field[0] && defect.expected[0] && defect.found[0]),
                 "refused without saying where: %s", fault.text);
    if (status == STERNA_OK) {
        char *text = NULL;
        size_t bytes = 0;
        status = sterna_receipt_write(&receipt, &text, &bytes, &fault);
        FUZZ_REQUIRE(status == STERNA_OK, "what was read cannot be written: %s", fault.text);
        again(text, bytes);
        sterna_free(text);
        judge(&receipt);
    }
    sterna_receipt_free(&receipt);
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return 0;
}
