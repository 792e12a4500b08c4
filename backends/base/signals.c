/* Actions of the signals that libraries are known to take, saved and set again. */
#include "base/signals.h"
#include "base/size.h"
#include "base/thread.h"
#include <signal.h>

static const int taken[] = {SIGHUP,  SIGINT, SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,
                            SIGSEGV, SIGSYS, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned depth;
static struct sigaction kept[STERNA_COUNT(taken)];

void sterna_signals_keep(void)
{
    pthread_mutex_lock(&lock);
    if (depth++ == 0)
        for (size_t i = 0; i < STERNA_COUNT(taken); i++) sigaction(taken[i], NULL, &kept[i]);
    pthread_mutex_unlock(&lock);
}

void sterna_signals_restore(void)
{
    pthread_mutex_lock(&lock);
    if (--depth == 0)
        for (size_t i = 0; i < STERNA_COUNT(taken); i++) sigaction(taken[i], &kept[i], NULL);
    pthread_mutex_unlock(&lock);
}
