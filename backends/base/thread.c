/* Thread creation with blocked signals, so that Ctrl-C always reaches the main thread. */
#include "base/thread.h"
#include "base/fault_point.h"
#include <sched.h>
#include <signal.h>

sterna_status sterna_thread_start(sterna_thread *thread, void *(*body)(void *), void *argument)
{
    if (sterna_fault_here(STERNA_FAULT_SYS)) return STERNA_MEMORY;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&thread->handle, NULL, body, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == 0 ? STERNA_OK : STERNA_MEMORY;
}

void sterna_thread_join(sterna_thread *thread)
{
    pthread_join(thread->handle, NULL);
}

void sterna_thread_yield(void)
{
    sched_yield();
}
