/* Signals around a library that takes them: handlers come back, and what arrives meanwhile meets ours. */
#include "base/signals.h"
#include "runner.h"
#include <signal.h>

static volatile sig_atomic_t ours, theirs;

static void our_handler(int number)
{
    (void)number;
    ours++;
}

static void their_handler(int number)
{
    (void)number;
    theirs++;
}

static void set(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigaction(number, &action, NULL);
}

/* What LLVM does. */
static void a_library(void)
{
    set(SIGINT, their_handler);
    set(SIGSEGV, their_handler);
}

static void come_back(sterna_test *t)
{
    struct sigaction before, now;
    sigaction(SIGSEGV, NULL, &before); /* a sanitizer's, perhaps */
    set(SIGINT, our_handler);
    sterna_signals_keep();
    sterna_signals_keep();
    a_library();
    sterna_signals_restore();
    raise(SIGINT);
    CHECK(t, ours == 0 && theirs == 0);
    sterna_signals_restore();
    CHECK(t, ours == 1 && theirs == 0);
    raise(SIGINT);
    CHECK(t, ours == 2 && theirs == 0);
    sigaction(SIGSEGV, NULL, &now);
    CHECK(t, now.sa_handler == before.sa_handler);
}

const sterna_test_case sterna_test_cases[] = {{"come_back", come_back, 0}, {0}};
