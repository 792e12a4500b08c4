/* What SQLite stands on: our allocator, and a VFS that is the system's own with our fault point before each call.
 * A refused write writes half, as a full disk does. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "store/store_private.h"
#include <pthread.h>
#include <string.h>

/* --- Memory. SQLite asks a block for its size, so that stands before it. --- */

enum { SIZE_BYTES = 16 };

static void *mem_malloc(int bytes)
{
    unsigned char *block = bytes > 0 ? sterna_alloc_aligned((size_t)bytes + SIZE_BYTES, 16) : NULL;
    if (!block) return NULL;
    memcpy(block, &bytes, sizeof bytes);
    return block + SIZE_BYTES;
}

static int mem_size(void *memory)
{
    int bytes = 0;
    if (memory) memcpy(&bytes, (unsigned char *)memory - SIZE_BYTES, sizeof bytes);
    return bytes;
}

static void mem_free(void *memory)
{
    if (memory) sterna_free((unsigned char *)memory - SIZE_BYTES);
}

static void *mem_realloc(void *memory, int bytes)
{
    void *bigger = mem_malloc(bytes);
    int held = mem_size(memory);
    if (!bigger) return NULL;
    if (memory) memcpy(bigger, memory, (size_t)(held < bytes ? held : bytes));
    mem_free(memory);
    return bigger;
}

static int mem_roundup(int bytes)
{
    return bytes > 0x7FFFFFF0 ? bytes : (bytes + 7) & ~7;
}

static int mem_init(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void mem_shutdown(void *context)
{
    (void)context;
}

/* --- Files --- */

bool sterna_store_sync = true;

typedef struct shim_file {
    sqlite3_file base;
    sqlite3_file *real; /* lies behind this struct */
} shim_file;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((shim_file *)file)->real;
}

static int refused(int code)
{
    return sterna_fault_here(STERNA_FAULT_SYS) ? code : SQLITE_OK;
}

#define FORWARD(code, call)                                                                                  \
    do {                                                                                                     \
        int refusal = refused(code);                                                                         \
        return refusal ? refusal : (call);                                                                   \
    } while (0)

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}
static int file_read(sqlite3_file *file, void *data, int bytes, sqlite3_int64 offset)
{
    FORWARD(SQLITE_IOERR_READ, real_of(file)->pMethods->xRead(real_of(file), data, bytes, offset));
}
static int file_write(sqlite3_file *file, const void *data, int bytes, sqlite3_int64 offset)
{
    sqlite3_file *real = real_of(file);
    if (!refused(SQLITE_FULL)) return real->pMethods->xWrite(real, data, bytes, offset);
    if (bytes > 1) (void)real->pMethods->xWrite(real, data, bytes / 2, offset);
    return SQLITE_FULL;
}
static int file_truncate(sqlite3_file *file, sqlite3_int64 bytes)
{
    FORWARD(SQLITE_IOERR_TRUNCATE, real_of(file)->pMethods->xTruncate(real_of(file), bytes));
}
static int file_sync(sqlite3_file *file, int flags)
{
    FORWARD(SQLITE_IOERR_FSYNC,
            sterna_store_sync ? real_of(file)->pMethods->xSync(real_of(file), flags) : SQLITE_OK);
}
static int file_size(sqlite3_file *file, sqlite3_int64 *bytes)
{
    FORWARD(SQLITE_IOERR_FSTAT, real_of(file)->pMethods->xFileSize(real_of(file), bytes));
}
static int file_lock(sqlite3_file *file, int level)
{
    FORWARD(SQLITE_IOERR_LOCK, real_of(file)->pMethods->xLock(real_of(file), level));
}
static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
static int file_reserved(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}
static int file_control(sqlite3_file *file, int op, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}
static int file_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}
static int file_traits(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
static int file_shm_map(sqlite3_file *file, int region, int bytes, int extend, void volatile **memory)
{
    FORWARD(SQLITE_IOERR_SHMMAP,
            real_of(file)->pMethods->xShmMap(real_of(file), region, bytes, extend, memory));
}
static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}
static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}
static int file_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

/* Version 2: shared memory for WAL, no mapped pages. */
static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static sqlite3_vfs shim;
static sqlite3_vfs *system_vfs;

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out)
{
    shim_file *opened = (shim_file *)file;
    (void)vfs;
    opened->base.pMethods = NULL; /* not to be closed */
    opened->real = (sqlite3_file *)(opened + 1);
    if (refused(SQLITE_CANTOPEN)) return SQLITE_CANTOPEN;
    int code = system_vfs->xOpen(system_vfs, name, opened->real, flags, out);
    if (code == SQLITE_OK) opened->base.pMethods = &file_methods;
    return code;
}
static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    FORWARD(SQLITE_IOERR_DELETE, system_vfs->xDelete(system_vfs, name, sync && sterna_store_sync));
}
static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    FORWARD(SQLITE_IOERR_ACCESS, system_vfs->xAccess(system_vfs, name, flags, out));
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int users;

static int initialise(void)
{
    static const sqlite3_mem_methods memory = {mem_malloc,  mem_free, mem_realloc,  mem_size,
                                               mem_roundup, mem_init, mem_shutdown, NULL};
    int code = sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
    if (code == SQLITE_OK) code = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (code == SQLITE_OK) code = sqlite3_initialize();
    if (code != SQLITE_OK) return code;
    system_vfs = sqlite3_vfs_find(NULL);
    if (!system_vfs) return SQLITE_CANTOPEN;
    shim = *system_vfs;
    shim.szOsFile = (int)sizeof(shim_file) + system_vfs->szOsFile;
    shim.zName = STERNA_STORE_VFS;
    shim.pNext = NULL;
    shim.xOpen = vfs_open;
    shim.xDelete = vfs_delete;
    shim.xAccess = vfs_access;
    return sqlite3_vfs_register(&shim, 0);
}

sterna_status sterna_store_begin_use(sterna_fault *fault)
{
    int code = SQLITE_OK;
    pthread_mutex_lock(&lock);
    if (users == 0) code = initialise();
    if (code == SQLITE_OK)
        users++;
    else
        sqlite3_shutdown();
    pthread_mutex_unlock(&lock);
    if (code == SQLITE_OK) return STERNA_OK;
    return sterna_fail(fault, code == SQLITE_NOMEM ? STERNA_MEMORY : STERNA_INTERNAL,
                       "SQLite cannot start: %s", sqlite3_errstr(code));
}

void sterna_store_end_use(void)
{
    pthread_mutex_lock(&lock);
    if (--users == 0) {
        sqlite3_vfs_unregister(&shim);
        sqlite3_shutdown();
    }
    pthread_mutex_unlock(&lock);
}
