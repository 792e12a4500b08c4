/* Smaller calls out of a larger one: fewer rows, fewer outputs, shorter rows, smaller caches and tables.
 * Owns: what can be left out of a call without changing what the rest of it computes (docs/compare.md). Leaves to
 * others: where the large call comes from (compare/capture.h) and whether the small one still fails
 * (compare/reduce.h). */
#ifndef STERNA_CUT_H
#define STERNA_CUT_H

#include "gen/call.h"

/* A call whose data are somebody else's: laid out as sterna_call lays them out, NULL for outputs that are only
 * written. */
typedef struct sterna_source {
    sterna_op op;
    uint32_t format;
    sterna_act act;
    uint32_t scalars[STERNA_MAX_ARGS];
    const uint8_t *data[STERNA_MAX_ARGS];
} sterna_source;

typedef struct sterna_window {
    uint32_t first, count;
} sterna_window;

typedef struct sterna_cut {
    sterna_window rows;    /* of the batch */
    sterna_window outputs; /* rows of a matmul's weight */
    /* Values of a row. From 0 on where a row is summed or normed: that changes what is computed, so the shorter call is
     * another case, and only as good as its failing in the same way. */
    sterna_window width;
    /* What no row refers to is left out: entries of an embedding, source rows, angles, slots of a cache. */
    bool compact;
} sterna_cut;

/* How the dimensions of an operation can be cut. */
typedef struct sterna_cut_room {
    uint32_t rows, outputs, width; /* sizes; outputs and width are 1 where nothing can be cut */
    uint32_t unit;                 /* width's windows begin and end at multiples of it */
    bool elementwise;              /* values of a row do not depend on each other: any window */
    bool compacts;
} sterna_cut_room;

sterna_source sterna_source_of(const sterna_call *call);
sterna_cut_room sterna_cut_room_of(const sterna_source *source);
sterna_cut sterna_cut_whole(const sterna_source *source);
/* Makes the smaller call. False when memory is refused, a window is not legal, or compacting meets an index out of
 * range. */
bool sterna_cut_apply(const sterna_source *source, const sterna_cut *cut, sterna_call *call);
/* Bytes of data it would hold; UINT64_MAX when it cannot be made. */
uint64_t sterna_cut_bytes(const sterna_source *source, const sterna_cut *cut);

#endif
