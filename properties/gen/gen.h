/* Generators: from choices to calls of operations.
 * Owns: sizes, values, encoded blocks, and the shapes and indices that make each operation interesting.
 * Leaves to others: running the calls. Generators use no code of the engine's formats: blocks are made of
 * bytes. */
#ifndef STERNA_GEN_H
#define STERNA_GEN_H

#include "gen/call.h"
#include "gen/choice.h"

/* A size in [low, high], drawn often at 1..8, beside powers of two, and prime. */
uint32_t sterna_gen_size(sterna_choices *c, uint32_t low, uint32_t high);

/* How a range of f32 values is filled; the order is that of simplicity. */
typedef enum sterna_fill {
    STERNA_FILL_ONES,
    STERNA_FILL_INTEGERS, /* -4..4: sums and products stay exact in binary32 */
    STERNA_FILL_UNIT,     /* uniform in [-1, 1) */
    STERNA_FILL_NORMAL,   /* near normal, deviation 1 */
    STERNA_FILL_ZEROS,    /* +0 and -0 */
    STERNA_FILL_OUTLIER,  /* unit, one value in a few hundred 1000 times larger */
    STERNA_FILL_RANGE,    /* exponents uniform in [-40, 40] */
    STERNA_FILL_TINY,     /* subnormals and values near the smallest normal */
    STERNA_FILL_ANY,      /* any finite bits */
    STERNA_FILLS
} sterna_fill;

/* Draws a kind of fill up to `last` and a seed, and fills. Value i depends on the seed and i alone. */
sterna_fill sterna_gen_f32(sterna_choices *c, sterna_fill last, void *data, uint64_t count);
/* Puts NaN or infinity at a few drawn places; says whether it did. */
bool sterna_gen_bad_values(sterna_choices *c, void *data, uint64_t count);
/* int8 values in -127..127. */
void sterna_gen_i8(sterna_choices *c, void *data, uint64_t count);
/* Encoded rows of a format: any legal bytes, with scales from simple to extreme but finite. */
void sterna_gen_blocks(sterna_choices *c, uint32_t format, uint8_t *data, uint64_t bytes);
/* The kinds it draws from (LARGEST: every integer at one end of its range, so that sums are as large as they
 * can be), and INTEGERS for laws: quantised blocks with scales of 1, floats in -4..4. */
enum {
    STERNA_BLOCKS_PLAIN,
    STERNA_BLOCKS_ANY,
    STERNA_BLOCKS_SPECIAL,
    STERNA_BLOCKS_UNIFORM,
    STERNA_BLOCKS_LARGEST, /* every integer at its end of the range: sums are as large as they can be */
    STERNA_BLOCKS_INTEGERS
};
void sterna_gen_blocks_kind(uint32_t kind, uint32_t seed, uint32_t format, uint8_t *data, uint64_t bytes);
/* A pure 32-bit hash of (seed, index), for fills. */
uint32_t sterna_gen_word(uint32_t seed, uint64_t index);

typedef enum sterna_gen_mode {
    STERNA_GEN_VALID,  /* indices in range, values finite */
    STERNA_GEN_ERRORS, /* rarely with bad values and indices out of range, whose effect the reference defines */
} sterna_gen_mode;

/* A whole call of an operation. False when memory is refused. */
bool sterna_gen_call(sterna_choices *c, sterna_op op, uint32_t format, sterna_act act, sterna_gen_mode mode,
                     sterna_call *call);

#endif
