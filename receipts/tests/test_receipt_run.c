/* Receipts of real runs: they hold, replay finds their bits again, and each way to fool a verifier fails.
 * Owns: the whole way from session to verdict. Leaves to others: the text form (test_receipt_text),
 * tampering. */
#include "receipt_rig.h"
#include <stdio.h>

static sterna_receipt recorded;
static sterna_verify_report report;
static sterna_fault fault;

static void holds(sterna_test *t)
{
    sterna_verify_params params = {
        .model = sterna_test_repo(t, RIG_MODEL), .replay = true, .program = "/proc/self/exe"};
    sterna_status status = rig_record(t, RIG_MODEL, "cpu", 12, 0.8f, &recorded, &fault);
    CHECK_MSG(t, status == STERNA_OK, "%s", fault.text);
    status = rig_verify(&recorded, &params, &report);
    CHECK_MSG(t, status == STERNA_OK, "%s", report.fault.text);
    CHECK(t, report.gates_passed == 8 && report.key_holds && report.model_holds && report.replayed);
    CHECK(t, report.replay.steps == 12);
    sterna_verify_free(&report);
    sterna_receipt_free(&recorded);
}

const sterna_test_case sterna_test_cases[] = {
    {"holds", holds, 0},
    {0},
};
