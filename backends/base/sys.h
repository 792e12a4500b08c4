/* The one door to the operating system. Owns: files, mappings, clocks, environment, dynamic libraries, and
 * the fault point under each of them. Everything above calls these instead of libc (ci/tidy). POSIX. */
#ifndef STERNA_SYS_H
#define STERNA_SYS_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A read-only view of a whole file. Zero-initialise. */
typedef struct sterna_mapping {
    const uint8_t *data; /* not NULL, even when size is 0 */
    uint64_t size;
    bool mapped; /* mmap; else read into memory */
} sterna_mapping;

/* Maps a regular file. FILE when it cannot be opened or is not a regular file. Do not let the file shrink
 * while it is mapped: reading the lost pages would be a bus error, as with every mmap reader. */
sterna_status sterna_sys_map(const char *path, sterna_mapping *mapping, sterna_fault *fault);
/* Reads a whole file (or "-": standard input, up to `limit` bytes) into memory, with a NUL behind its bytes. */
sterna_status sterna_sys_read(const char *path, uint64_t limit, sterna_mapping *mapping, sterna_fault *fault);
void sterna_sys_unmap(sterna_mapping *mapping);
/* Is there anything of that name, readable or not? */
bool sterna_sys_exists(const char *path);
/* Advises the kernel that [offset, offset + bytes) will not be needed again. Never fails. */
void sterna_sys_drop(const sterna_mapping *mapping, uint64_t offset, uint64_t bytes);

/* A file being written under a temporary name and renamed into place on commit, so that a reader sees all or
 * nothing. */
typedef struct sterna_writer sterna_writer;
sterna_status sterna_writer_open(const char *path, sterna_writer **writer, sterna_fault *fault);
/* The same, readable and writable for its owner alone: secret keys. */
sterna_status sterna_writer_open_private(const char *path, sterna_writer **writer, sterna_fault *fault);
sterna_status sterna_writer_write(sterna_writer *writer, const void *data, size_t bytes, sterna_fault *fault);
uint64_t sterna_writer_offset(const sterna_writer *writer);
/* Flushes, renames and frees; on failure removes the temporary file and frees. */
sterna_status sterna_writer_commit(sterna_writer *writer, sterna_fault *fault);
/* Removes the temporary file and frees. NULL is allowed. */
void sterna_writer_abandon(sterna_writer *writer);

/* Makes a folder and the folders it stands in; one that is there already is well. */
sterna_status sterna_sys_make_folder(const char *path, sterna_fault *fault);
/* Calls visit for each regular file that stands in the folder itself, in no order; links and folders are left out, and
 * so are files that go away meanwhile. */
typedef struct sterna_file_info {
    const char *name; /* without the folder */
    uint64_t bytes;
    int64_t modified; /* nanoseconds since 1970 */
} sterna_file_info;
typedef void sterna_file_visit(void *context, const sterna_file_info *file);
sterna_status sterna_sys_list_files(const char *folder, sterna_file_visit *visit, void *context,
                                    sterna_fault *fault);
/* Removes a file; one that is gone already is well. */
sterna_status sterna_sys_remove(const char *path, sterna_fault *fault);

/* Writes all bytes to a file descriptor (1: standard output), restarting after short writes and signals.
 * INTERRUPTED when the reader of a pipe is gone (with SIGPIPE ignored), FILE for other failures. */
sterna_status sterna_sys_write(int descriptor, const void *data, size_t bytes, sterna_fault *fault);

/* Monotonic seconds. */
double sterna_sys_now(void);
/* Lets the thread rest for about so long, from 0 to a few seconds; a signal ends it. */
void sterna_sys_sleep(double seconds);
/* The date, UTC: "2026-01-31T12:00:00Z" (RFC 3339). */
void sterna_sys_date(char text[24]);
/* "Linux 6.1.0" and "x86_64", cut to fit. */
void sterna_sys_platform(char *system, size_t system_bytes, char *machine, size_t machine_bytes);
/* NULL when unset. Use env.h, which knows the names; this is for env.c and for foreign names (NO_COLOR). */
const char *sterna_sys_getenv(const char *name);
bool sterna_sys_is_tty(int descriptor);
/* Processors this process may run on, at least 1. */
uint32_t sterna_sys_processors(void);
/* Asks the kernel to back the whole 2 MiB pages inside [memory, memory + bytes) with huge pages: streaming
 * reads of weights then miss the TLB 512 times less. A wish, never a failure. */
void sterna_sys_huge_pages(void *memory, size_t bytes);
/* Bytes of physical memory the kernel calls available; 0 when unknown. */
uint64_t sterna_sys_memory_available(void);

/* Dynamic libraries. */
sterna_status sterna_sys_dlopen(const char *path, void **library, sterna_fault *fault);
void *sterna_sys_dlsym(void *library, const char *symbol);
void sterna_sys_dlclose(void *library);

#endif
