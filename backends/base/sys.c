/* Files, mappings, clock, environment and dlopen, each behind the fault point. */
#define _GNU_SOURCE /* sched_getaffinity, O_CLOEXEC */
#include "base/sys.h"
#include "base/fault_point.h"
#include "base/mem.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* An injected failure looks like a device error. */
static bool injected(void)
{
    if (!sterna_fault_here(STERNA_FAULT_SYS)) return false;
    errno = EIO;
    return true;
}

static int open_read(const char *path)
{
    if (injected()) return -1;
    int descriptor;
    do descriptor = open(path, O_RDONLY | O_CLOEXEC);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

static sterna_status file_fault(sterna_fault *fault, const char *path, const char *what)
{
    return sterna_fail(fault, STERNA_FILE, "%s: cannot %s: %s", path, what, strerror(errno));
}

static const uint8_t empty_file[1];

sterna_status sterna_sys_map(const char *path, sterna_mapping *mapping, sterna_fault *fault)
{
    struct stat info;
    int descriptor = open_read(path);
    if (descriptor < 0) return file_fault(fault, path, "open");
    if (injected() || fstat(descriptor, &info) != 0) {
        file_fault(fault, path, "stat");
        close(descriptor);
        return STERNA_FILE;
    }
    if (!S_ISREG(info.st_mode)) {
        close(descriptor);
        return sterna_fail(fault, STERNA_FILE, "%s: not a regular file", path);
    }
    if (info.st_size == 0) {
        close(descriptor);
        *mapping = (sterna_mapping){empty_file, 0, false};
        return STERNA_OK;
    }
    void *data =
        injected() ? MAP_FAILED : mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    int saved = errno;
    close(descriptor);
    errno = saved;
    if (data == MAP_FAILED) return file_fault(fault, path, "map");
    *mapping = (sterna_mapping){data, (uint64_t)info.st_size, true};
    return STERNA_OK;
}

sterna_status sterna_sys_read(const char *path, uint64_t limit, sterna_mapping *mapping, sterna_fault *fault)
{
    bool standard_input = strcmp(path, "-") == 0;
    int descriptor = standard_input ? STDIN_FILENO : open_read(path);
    if (descriptor < 0) return file_fault(fault, path, "open");
    uint8_t *data = NULL;
    uint64_t size = 0, capacity = 0;
    sterna_status status = STERNA_OK;
    for (;;) {
        if (size == capacity) {
            capacity = capacity ? capacity * 2 : 65536;
            uint8_t *bigger = sterna_realloc(data, (size_t)capacity, 1);
            if (!bigger) {
                status = sterna_fail(fault, STERNA_MEMORY, "%s: out of memory after %llu bytes", path,
                                     (unsigned long long)size);
                break;
            }
            data = bigger;
        }
        ssize_t n = injected() ? -1 : read(descriptor, data + size, (size_t)(capacity - size));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            status = file_fault(fault, path, "read");
            break;
        }
        if (n == 0) break;
        size += (uint64_t)n;
        if (size > limit) {
            status = sterna_fail(fault, STERNA_FILE, "%s: larger than the %llu bytes allowed here", path,
                                 (unsigned long long)limit);
            break;
        }
    }
    if (!standard_input) close(descriptor);
    if (status != STERNA_OK) {
        sterna_free(data);
        return status;
    }
    data[size] = 0; /* the read that found the end had room */
    *mapping = (sterna_mapping){data, size, false};
    return STERNA_OK;
}

void sterna_sys_unmap(sterna_mapping *mapping)
{
    if (mapping->mapped)
        munmap((void *)(uintptr_t)mapping->data, (size_t)mapping->size);
    else if (mapping->data != empty_file)
        sterna_free((void *)(uintptr_t)mapping->data);
    *mapping = (sterna_mapping){0};
}

bool sterna_sys_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

void sterna_sys_drop(const sterna_mapping *mapping, uint64_t offset, uint64_t bytes)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t first = (offset + page - 1) / page * page, end = (offset + bytes) / page * page;
    if (mapping->mapped && end > first && end <= mapping->size)
        madvise((void *)(uintptr_t)(mapping->data + first), (size_t)(end - first), MADV_DONTNEED);
}

struct sterna_writer {
    int descriptor;
    uint64_t offset;
    char *path, *temporary;
};

static void writer_free(sterna_writer *writer)
{
    sterna_free(writer->path);
    sterna_free(writer->temporary);
    sterna_free(writer);
}

static sterna_status open_writer(const char *path, int flags, mode_t mode, sterna_writer **out,
                                 sterna_fault *fault)
{
    size_t length = strlen(path);
    sterna_writer *writer = sterna_alloc(1, sizeof *writer);
    if (!writer) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", path);
    writer->path = sterna_strndup(path, length);
    writer->temporary = sterna_alloc(length + 32, 1);
    if (!writer->path || !writer->temporary) {
        writer_free(writer);
        return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", path);
    }
    snprintf(writer->temporary, length + 32, "%s.tmp-%ld", path, (long)getpid());
    writer->descriptor =
        injected() ? -1 : open(writer->temporary, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
    if (writer->descriptor < 0) {
        file_fault(fault, writer->temporary, "create");
        writer_free(writer);
        return STERNA_FILE;
    }
    *out = writer;
    return STERNA_OK;
}

sterna_status sterna_writer_open(const char *path, sterna_writer **writer, sterna_fault *fault)
{
    return open_writer(path, O_TRUNC, 0666, writer, fault);
}

sterna_status sterna_writer_open_private(const char *path, sterna_writer **writer, sterna_fault *fault)
{
    return open_writer(path, O_EXCL, 0600, writer, fault);
}

static bool write_all(int descriptor, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    while (bytes > 0) {
        ssize_t n = injected() ? -1 : write(descriptor, at, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

sterna_status sterna_writer_write(sterna_writer *writer, const void *data, size_t bytes, sterna_fault *fault)
{
    if (!write_all(writer->descriptor, data, bytes)) return file_fault(fault, writer->temporary, "write");
    writer->offset += bytes;
    return STERNA_OK;
}

uint64_t sterna_writer_offset(const sterna_writer *writer)
{
    return writer->offset;
}

sterna_status sterna_writer_commit(sterna_writer *writer, sterna_fault *fault)
{
    int flushed = injected() ? -1 : fsync(writer->descriptor);
    /* A pipe or a special file has nothing to flush. */
    if (flushed != 0 && (errno == EINVAL || errno == EROFS)) flushed = 0;
    int closed = close(writer->descriptor);
    writer->descriptor = -1;
    if (flushed != 0 || closed != 0 || injected() || rename(writer->temporary, writer->path) != 0) {
        file_fault(fault, writer->path, "finish writing");
        unlink(writer->temporary);
        writer_free(writer);
        return STERNA_FILE;
    }
    writer_free(writer);
    return STERNA_OK;
}

void sterna_writer_abandon(sterna_writer *writer)
{
    if (!writer) return;
    close(writer->descriptor);
    unlink(writer->temporary);
    writer_free(writer);
}

sterna_status sterna_sys_make_folder(const char *path, sterna_fault *fault)
{
    size_t length = strlen(path);
    char *part = sterna_strndup(path, length);
    if (!part) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", path);
    sterna_status status = STERNA_OK;
    for (size_t i = 1; i <= length && status == STERNA_OK; i++) {
        char end = part[i];
        if (end != '/' && end != 0) continue;
        part[i] = 0;
        if (injected() || (mkdir(part, 0777) != 0 && errno != EEXIST))
            status = file_fault(fault, part, "make the folder");
        part[i] = end;
    }
    sterna_free(part);
    return status;
}

sterna_status sterna_sys_list_files(const char *folder, sterna_file_visit *visit, void *context,
                                    sterna_fault *fault)
{
    DIR *directory = injected() ? NULL : opendir(folder);
    if (!directory) return file_fault(fault, folder, "list");
    for (struct dirent *entry; (entry = readdir(directory));) {
        struct stat info;
        if (fstatat(dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(info.st_mode))
            continue;
        const sterna_file_info file = {entry->d_name, (uint64_t)info.st_size,
                                       (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec};
        visit(context, &file);
    }
    closedir(directory);
    return STERNA_OK;
}

sterna_status sterna_sys_remove(const char *path, sterna_fault *fault)
{
    if (!injected() && (unlink(path) == 0 || errno == ENOENT)) return STERNA_OK;
    return file_fault(fault, path, "remove");
}

sterna_status sterna_sys_write(int descriptor, const void *data, size_t bytes, sterna_fault *fault)
{
    if (write_all(descriptor, data, bytes)) return STERNA_OK;
    if (errno == EPIPE)
        return sterna_fail(fault, STERNA_INTERRUPTED, "the reader of file descriptor %d is gone", descriptor);
    return sterna_fail(fault, STERNA_FILE, "cannot write to %s: %s",
                       descriptor == STDOUT_FILENO ? "standard output" : "file descriptor", strerror(errno));
}

double sterna_sys_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void sterna_sys_sleep(double seconds)
{
    struct timespec span = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&span, NULL);
}

void sterna_sys_date(char text[24])
{
    time_t now = time(NULL);
    struct tm parts;
    if (!gmtime_r(&now, &parts) || strftime(text, 24, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        memcpy(text, "1970-01-01T00:00:00Z", 21);
}

void sterna_sys_platform(char *system, size_t system_bytes, char *machine, size_t machine_bytes)
{
    struct utsname names;
    bool known = uname(&names) == 0;
    snprintf(system, system_bytes, "%s%s%s", known ? names.sysname : "unknown", known ? " " : "",
             known ? names.release : "");
    snprintf(machine, machine_bytes, "%s", known ? names.machine : "unknown");
}

const char *sterna_sys_getenv(const char *name)
{
    return getenv(name);
}
bool sterna_sys_is_tty(int descriptor)
{
    return isatty(descriptor) == 1;
}

uint32_t sterna_sys_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (uint32_t)count : 1;
}

void sterna_sys_huge_pages(void *memory, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t page = (uintptr_t)2 << 20;
    uintptr_t first = ((uintptr_t)memory + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)memory + bytes) & ~(page - 1);
    if (end > first) (void)madvise((void *)first, (size_t)(end - first), MADV_HUGEPAGE);
#else
    (void)memory, (void)bytes;
#endif
}

uint64_t sterna_sys_memory_available(void)
{
    char text[4096];
    int descriptor = open_read("/proc/meminfo");
    if (descriptor < 0) return 0;
    ssize_t n = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    if (n <= 0) return 0;
    text[n] = 0;
    const char *line = strstr(text, "MemAvailable:");
    return line ? strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024 : 0;
}

sterna_status sterna_sys_dlopen(const char *path, void **library, sterna_fault *fault)
{
    void *handle = injected() ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        const size_t n = strlen(path);
        if (why && strncmp(why, path, n) == 0 && why[n] == ':') why += n + 1 + strspn(why + n + 1, " ");
        return sterna_fail(fault, STERNA_FILE, "%s: cannot load: %s", path, why ? why : "injected failure");
    }
    *library = handle;
    return STERNA_OK;
}

void *sterna_sys_dlsym(void *library, const char *symbol)
{
    return dlsym(library, symbol);
}
void sterna_sys_dlclose(void *library)
{
    dlclose(library);
}
