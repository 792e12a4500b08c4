/* The two limits every figure is held against: how fast memory can be read, and how many int8 multiply-adds
 * per second the registers allow. Owns: measuring them, through the pool and at the level of an open device.
 * Used by bench_cpu and `sterna bench`. */
#ifndef STERNA_CPU_ROOFLINE_H
#define STERNA_CPU_ROOFLINE_H

#include "base/status.h"
#include "cpu/cpu_features.h"

typedef struct sterna_cpu_roofline {
    double read_bytes_per_second; /* best piece of several passes over 512 MiB in huge pages */
    double int8_macs_per_second;  /* 0 at level scalar */
} sterna_cpu_roofline;

/* About a second. MEMORY when the buffer is refused. */
sterna_status sterna_cpu_measure_roofline(const sterna_host *host, sterna_cpu_level level, uint32_t threads,
                                          sterna_cpu_roofline *out, sterna_fault *fault);

#endif
