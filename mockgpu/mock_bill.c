/* Prices times counts, and the lines of the log. All sums are of whole picoseconds, so that they are the same on every
 * host. */
#include "mock_bill.h"
#include "base/size.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static uint64_t product(uint64_t a, uint64_t b)
{
    uint64_t value;
    return sterna_mul_u64(a, b, &value) ? value : UINT64_MAX;
}

static uint64_t nanoseconds(uint64_t ns)
{
    return product(ns, 1000);
}

static void add(mock_sum *sum, const mock_sum *more)
{
    sum->launches += more->launches;
    sum->marks += more->marks;
    sum->uploads += more->uploads;
    sum->downloads += more->downloads;
    sum->uploaded += more->uploaded;
    sum->downloaded += more->downloaded;
    sum->read += more->read;
    sum->written += more->written;
    sum->shared += more->shared;
    sum->picoseconds = sterna_sat_add(sum->picoseconds, more->picoseconds);
}

static uint64_t charge(mock_bill *bill, const mock_sum *one)
{
    add(&bill->all, one);
    add(&bill->open, one);
    return one->picoseconds;
}

uint64_t sterna_mock_bill_copy(mock_bill *bill, const mock_settings *settings, bool up, uint64_t bytes)
{
    const mock_sum one = {
        .uploads = up,
        .downloads = !up,
        .uploaded = up ? bytes : 0,
        .downloaded = up ? 0 : bytes,
        .picoseconds = sterna_sat_add(nanoseconds(settings->ns_copy), product(bytes, settings->ps_copied))};
    return charge(bill, &one);
}

uint64_t sterna_mock_bill_launch(mock_bill *bill, const mock_settings *settings, const mock_traffic *traffic)
{
    mock_sum one = {
        .launches = 1, .read = traffic->loads * 4, .written = traffic->stores * 4, .shared = traffic->shared};
    one.picoseconds = sterna_sat_add(nanoseconds(settings->ns_launch),
                                     sterna_sat_add(product(one.read + one.written, settings->ps_byte),
                                                    product(one.shared, settings->ps_shared)));
    return charge(bill, &one);
}

mock_sum sterna_mock_bill_mark(mock_bill *bill, const mock_settings *settings)
{
    const mock_sum one = {.marks = 1, .picoseconds = nanoseconds(settings->ns_submit)};
    charge(bill, &one);
    mock_sum done = bill->open;
    bill->open = (mock_sum){0};
    return done;
}

sterna_status sterna_mock_bill_begin(mock_bill *bill, const mock_settings *settings, sterna_fault *fault)
{
    sterna_status status =
        settings->log[0] ? sterna_writer_open(settings->log, &bill->log, fault) : STERNA_OK;
    if (status == STERNA_OK)
        sterna_mock_log(bill, "open", "\"warp\":%" PRIu64 ",\"seed\":%" PRIu64 ",\"memory\":%" PRIu64,
                        settings->warp, settings->seed, settings->memory);
    return status;
}

void sterna_mock_log(mock_bill *bill, const char *call, const char *format, ...)
{
    char line[2000];
    if (!bill->log || bill->log_fault.status != STERNA_OK) return;
    int n = snprintf(line, sizeof line, "{\"n\":%" PRIu64 ",\"call\":\"%s\",", ++bill->lines, call);
    va_list list;
    va_start(list, format);
    n += vsnprintf(line + n, sizeof line - (size_t)n - 2, format, list);
    va_end(list);
    if (n > (int)sizeof line - 3) n = (int)sizeof line - 3;
    line[n++] = '}';
    line[n++] = '\n';
    sterna_writer_write(bill->log, line, (size_t)n, &bill->log_fault);
}

void sterna_mock_bill_end(mock_bill *bill, const char *counts, const sterna_host *host)
{
    const mock_sum *s = &bill->all;
    if (!bill->log) return;
    sterna_mock_log(bill, "close",
                    "%s,\"launches\":%" PRIu64 ",\"marks\":%" PRIu64 ",\"uploads\":%" PRIu64
                    ",\"uploaded\":%" PRIu64 ",\"downloads\":%" PRIu64 ",\"downloaded\":%" PRIu64
                    ",\"read\":%" PRIu64 ",\"written\":%" PRIu64 ",\"shared\":%" PRIu64 ",\"ns\":%" PRIu64,
                    counts, s->launches, s->marks, s->uploads, s->uploaded, s->downloads, s->downloaded,
                    s->read, s->written, s->shared, s->picoseconds / 1000);
    if (bill->log_fault.status == STERNA_OK)
        sterna_writer_commit(bill->log, &bill->log_fault);
    else
        sterna_writer_abandon(bill->log);
    bill->log = NULL;
    if (bill->log_fault.status != STERNA_OK && host->log) {
        char text[560];
        snprintf(text, sizeof text, "mock: its log: %s", bill->log_fault.text);
        host->log(host->context, 0, text);
    }
}
