/* Settings of a driver behind a device's name: "pocl,max_binding=1m,watchdog=500". Owns: their syntax and the
 * errors about them, which read alike on every backend. Leaves to others: which keys there are (each driver's table). */
#ifndef STERNA_GPU_SETTINGS_H
#define STERNA_GPU_SETTINGS_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct sterna_gpu_key {
    const char *name, *sentence; /* what it means, for messages */
    size_t offset;               /* in the settings' struct: of a uint64_t, or of a text's first character */
    uint64_t low, high;          /* of a number */
    const char *words; /* "drop|shift|cut": the value is one of them, kept as its place; else NULL */
    size_t room;       /* of a text with its NUL; 0: it is none */
} sterna_gpu_key;

/* Rows of a driver's table, whose keys are members of the struct. A number is whole; k, m or g behind it multiplies by a
 * power of 1024. */
#define STERNA_GPU_NUMBER(settings, key, low, high, sentence)                                                \
    {                                                                                                        \
#key, sentence, offsetof(settings, key), low, high, NULL, 0                                          \
    }
#define STERNA_GPU_WORD(settings, key, words, sentence)                                                      \
    {                                                                                                        \
#key, sentence, offsetof(settings, key), 0, 0, words, 0                                              \
    }
#define STERNA_GPU_TEXT(settings, key, sentence)                                                             \
    {                                                                                                        \
#key, sentence, offsetof(settings, key), 0, 0, NULL, sizeof(((settings *)NULL)->key)                 \
    }

/* Sets one key from "key=value", with or without blanks around either. USAGE, beginning with `where` ("opencl") and
 * naming the key. */
sterna_status sterna_gpu_settings_one(const char *where, const char *text, size_t length,
                                      const sterna_gpu_key *keys, size_t n_keys, void *settings,
                                      sterna_fault *fault);

/* Reads "device,key=value,key=value"; each part may be absent, the last of a key wins. `device` gets the first piece
 * when that is no key=value, else "". Errors as above; what was set until then stays. */
sterna_status sterna_gpu_settings_read(const char *where, const char *text, char *device, size_t device_bytes,
                                       const sterna_gpu_key *keys, size_t n_keys, void *settings,
                                       sterna_fault *fault);

#endif
