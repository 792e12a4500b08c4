/* What fuzz targets, drivers and the replay test share.
 * Owns: the shape of a target, the table of them, how a target says "wrong". Leaves to others: what is
 * checked (targets/), where inputs come from (driver_*.c).
 *
 * A target is one function that takes any bytes, checks what must hold for all of them, and returns 0. It
 * keeps nothing from one input to the next but what it built once from files of the repository. It says that
 * something is wrong by FUZZ_REQUIRE, which prints a sentence and aborts: fuzzers and the test runner both
 * take that for a finding. The bytes end where memory ends, as far as the driver can arrange it (a
 * sanitizer's red zone, a guard page). */
#ifndef STERNA_FUZZ_H
#define STERNA_FUZZ_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int sterna_fuzz_entry(const uint8_t *data, size_t size);

#define TARGET(name, max, dictionary, mutator, seeds, about) sterna_fuzz_entry sterna_fuzz_##name;
#include "targets.def"
#undef TARGET

typedef struct sterna_fuzz_target {
    const char *name;
    sterna_fuzz_entry *entry;
    uint32_t max_bytes;
    const char *dictionary, *mutator, *seeds, *about;
} sterna_fuzz_target;

/* Prints "target: sentence" and aborts. */
void sterna_fuzz_wrong(const char *where, const char *format, ...) STERNA_PRINTF(2, 3)
    __attribute__((noreturn));
#define FUZZ_REQUIRE(condition, ...)                                                                         \
    do {                                                                                                     \
        if (!(condition)) sterna_fuzz_wrong(__func__, __VA_ARGS__);                                          \
    } while (0)
/* A status that the input may cause: FILE or UNSUPPORTED, with a sentence. MEMORY means that a size of the
 * input was believed. */
void sterna_fuzz_refusal(const char *where, sterna_status status, const sterna_fault *fault);

/* For a target that built something: `release` is called once by sterna_fuzz_release, which is for callers that count
 * live memory at the end. */
void sterna_fuzz_on_release(void (*release)(void));
void sterna_fuzz_release(void);

/* The bytes as a file in memory, for interfaces that take a path. The path is always the same one; the file
 * stays until the next call. */
const char *sterna_fuzz_file(const uint8_t *data, size_t size);

/* The path of a file of this process alone, for interfaces that write one; in memory where the system offers that. */
void sterna_fuzz_scratch_path(const char *what, char *path, size_t size);

/* Takes values off the front of the input; zeros once it is empty. */
typedef struct sterna_fuzz_bytes {
    const uint8_t *data;
    size_t left;
} sterna_fuzz_bytes;
uint8_t sterna_fuzz_take_u8(sterna_fuzz_bytes *in);
uint32_t sterna_fuzz_take_u32(sterna_fuzz_bytes *in);
/* At most `most` bytes; *bytes says how many. */
const uint8_t *sterna_fuzz_take(sterna_fuzz_bytes *in, size_t most, size_t *bytes);

/* The two readers on the same bytes; aborts where they disagree (gguf_agree.c). True when both accept. */
bool sterna_fuzz_gguf_agree(const uint8_t *data, size_t size);

/* One structure-aware edit of a GGUF file in place, at most `max` bytes long afterwards; the new size. The
 * same seed gives the same edit. `other` (may be NULL) is a second file to take pieces from. */
size_t sterna_fuzz_mutate_gguf(uint8_t *data, size_t size, size_t max, const uint8_t *other,
                               size_t other_size, uint32_t seed);

/* The seeds that are made rather than kept: calls `give` for each one of a target. False when memory is
 * refused. */
typedef void sterna_fuzz_give(void *context, const char *name, const uint8_t *data, size_t size);
bool sterna_fuzz_seeds(const char *target, sterna_fuzz_give *give, void *context);

/* Writes a dictionary in libFuzzer's and AFL++'s format; false for a name that is none. */
typedef void sterna_fuzz_line(void *context, const char *text);
bool sterna_fuzz_dictionary(const char *name, sterna_fuzz_line *line, void *context);

#endif
