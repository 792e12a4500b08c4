/* Ctrl-C. Owns: the signal handler of the program. The library installs none. */
#include "cli/main.h"
#include <signal.h>
#include <stddef.h>

static void (*volatile action_now)(void *context);
static void *volatile context_now;

static void handle(int signal_number)
{
    (void)signal_number;
    if (action_now) action_now(context_now);
}

void sterna_on_interrupt(void (*action)(void *context), void *context)
{
    /* SA_RESETHAND: the second signal finds the default, which kills. */
    struct sigaction handler = {.sa_handler = action ? handle : SIG_DFL, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&handler.sa_mask);
    /* The handler must not see one half of the pair: no signal is handled while it changes. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGINT, &ignore, NULL);
    sigaction(SIGTERM, &ignore, NULL);
    context_now = context;
    action_now = action;
    sigaction(SIGINT, &handler, NULL);
    sigaction(SIGTERM, &handler, NULL);
}
