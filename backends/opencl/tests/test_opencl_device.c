/* OpenCL devices that are there: names, refusals, what opening leaves behind, the cache, whole plans. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "gpu/tests/tiny_plan.h"
#include "opencl_testing.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = TINY_ROWS * TINY_WIDTH };

static void on_interrupt(int number)
{
    (void)number;
}

/* LLVM inside a driver must not take over what the program does on signals; it tries when devices are asked for. */
static void signals_stay(sterna_test *t)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGSEGV, SIGABRT, SIGUSR1};
    static float out[MOST];
    struct sigaction action = {.sa_handler = on_interrupt}, now;
    tiny_plan p;
    for (size_t i = 0; i < STERNA_COUNT(numbers); i++) sigaction(numbers[i], &action, NULL);
    NEEDS_OPENCL(t);
    CHECK_MSG(t, tiny_make(&p, opencl_backend(), op_case_host(), "") == STERNA_OK, "%s", p.fault.text);
    CHECK(t, tiny_run(&p, TINY_ROWS, out, NULL) == STERNA_OK);
    tiny_close(&p);
    for (size_t i = 0; i < STERNA_COUNT(numbers); i++) {
        sigaction(numbers[i], NULL, &now);
        CHECK_MSG(t, now.sa_handler == on_interrupt, "signal %d has another handler", numbers[i]);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"signals_stay", signals_stay, 60},
    {0},
};
