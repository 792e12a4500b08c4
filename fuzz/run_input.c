/* The table of targets; inputs beside a guard page; files of a folder. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "run_input.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const sterna_fuzz_target targets[] = {
#define TARGET(name, max, dictionary, mutator, seeds, about)                                                 \
    {#name, sterna_fuzz_##name, max, #dictionary, #mutator, seeds, about},
#include "targets.def"
#undef TARGET
};

const sterna_fuzz_target *sterna_fuzz_targets(uint32_t *count)
{
    *count = STERNA_COUNT(targets);
    return targets;
}

const sterna_fuzz_target *sterna_fuzz_find(const char *name)
{
    for (size_t i = 0; i < STERNA_COUNT(targets); i++)
        if (strcmp(targets[i].name, name) == 0) return &targets[i];
    return NULL;
}

/* Mapped once: as much as the largest input of any target, and the guard page. */
static uint8_t *guard_page(void)
{
    static uint8_t *guard;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = 0;
    if (guard) return guard;
    for (size_t i = 0; i < STERNA_COUNT(targets); i++)
        if (targets[i].max_bytes > room) room = targets[i].max_bytes;
    room = (room + page - 1) / page * page;
    uint8_t *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE) != 0) return NULL;
    return guard = map + room;
}

bool sterna_fuzz_run(const sterna_fuzz_target *target, const uint8_t *data, size_t size)
{
    uint8_t *guard = guard_page();
    if (!guard) return false;
    if (size > target->max_bytes) size = target->max_bytes;
    if (size) memcpy(guard - size, data, size);
    target->entry(guard - size, size);
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void visit_file(const char *path, sterna_fuzz_visit *visit, void *context)
{
    sterna_mapping file = {0};
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return;
    if (sterna_sys_map(path, &file, NULL) != STERNA_OK) return;
    visit(context, path, file.data, (size_t)file.size);
    sterna_sys_unmap(&file);
}

bool sterna_fuzz_each_file(const char *folder, sterna_fuzz_visit *visit, void *context)
{
    char **paths = NULL, path[1024];
    size_t n = 0;
    DIR *directory = opendir(folder);
    if (!directory) return false;
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        char **bigger = sterna_realloc(paths, n + 1, sizeof *paths);
        if (bigger) paths = bigger;
        good = bigger && (paths[n] = sterna_strndup(path, strlen(path)));
        if (good) n++;
    }
    closedir(directory);
    if (n) qsort(paths, n, sizeof *paths, by_name);
    for (size_t i = 0; i < n; i++) {
        if (good) visit_file(paths[i], visit, context);
        sterna_free(paths[i]);
    }
    sterna_free(paths);
    return good;
}
