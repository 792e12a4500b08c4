/* Threads, mutexes and conditions over pthreads, with the fault point under creation.
 * Owns: nothing but the mapping. The compute pool lives in cpu/cpu_pool.c. */
#ifndef STERNA_THREAD_H
#define STERNA_THREAD_H

#include "base/status.h"
#include <pthread.h>
#include <stdbool.h>

typedef struct sterna_thread {
    pthread_t handle;
} sterna_thread;

/* Runs body(argument) on a new thread with all signals blocked. MEMORY when the system refuses. */
sterna_status sterna_thread_start(sterna_thread *thread, void *(*body)(void *), void *argument);
void sterna_thread_join(sterna_thread *thread);
/* Lets another thread of this processor run. */
void sterna_thread_yield(void);

#endif
