/* What a device's work would cost, and the log of its calls. Owns: counts, prices, JSON lines (docs/mockgpu.md).
 * Counts depend on what was asked of the device, not on its seed. */
#ifndef STERNA_MOCK_BILL_H
#define STERNA_MOCK_BILL_H

#include "base/sys.h"
#include "mock_item.h"
#include "mock_profile.h"

typedef struct mock_sum {
    uint64_t launches, marks, uploads, downloads;
    uint64_t uploaded, downloaded; /* bytes */
    uint64_t read, written;        /* bytes of device memory that kernels accessed, each access counted */
    uint64_t shared;               /* accesses */
    uint64_t picoseconds;
} mock_sum;

typedef struct mock_bill {
    mock_sum all, open; /* from the device's begin; since the last mark that was reached */
    sterna_writer *log; /* NULL without one */
    uint64_t lines;
    sterna_fault log_fault; /* the first line that could not be written */
} mock_bill;

/* Opens the log when the settings name one. */
sterna_status sterna_mock_bill_begin(mock_bill *bill, const mock_settings *settings, sterna_fault *fault);
/* Writes the sum behind `counts` (members of the line) and closes the log; what could not be written is said to the host. */
void sterna_mock_bill_end(mock_bill *bill, const char *counts, const sterna_host *host);

/* One call: the members of a JSON object behind "call", as printf wants them. */
void sterna_mock_log(mock_bill *bill, const char *call, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Costs, in picoseconds. */
uint64_t sterna_mock_bill_copy(mock_bill *bill, const mock_settings *settings, bool up, uint64_t bytes);
uint64_t sterna_mock_bill_launch(mock_bill *bill, const mock_settings *settings, const mock_traffic *traffic);
/* A mark was reached: gives what was done since the last one and begins anew. */
mock_sum sterna_mock_bill_mark(mock_bill *bill, const mock_settings *settings);

#endif
