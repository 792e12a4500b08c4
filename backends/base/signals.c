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

/* Of this thread: what it blocked before. Those of the signals that do not tell of a crash wait meanwhile, so that none
 * meets a library's handler; threads that the library starts inherit that and never see one. */
static _Thread_local unsigned own_depth;
static _Thread_local sigset_t own_mask;
static const int waiting[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2};

void sterna_signals_keep(void)
{
    if (own_depth++ == 0) {
        sigset_t block;
        sigemptyset(&block);
        for (size_t i = 0; i < STERNA_COUNT(waiting); i++) sigaddset(&block, waiting[i]);
        pthread_sigmask(SIG_BLOCK, &block, &own_mask);
    }
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
    if (--own_depth == 0) pthread_sigmask(SIG_SETMASK, &own_mask, NULL);
}
