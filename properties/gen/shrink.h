/* Shrinking a failing choice stream to a simpler one that still fails.
 * Owns: the passes. Leaves to others: replaying a candidate and saying whether it fails in the same way. */
#ifndef STERNA_SHRINK_H
#define STERNA_SHRINK_H

#include "gen/choice.h"

/* Replays `c` (already set to replay a candidate) and tells whether the failure is still the same one.
 * Afterwards c->value holds what was really drawn. */
typedef bool sterna_still_fails(void *context, sterna_choices *c);

typedef struct sterna_shrink_stats {
    uint32_t attempts, improvements;
} sterna_shrink_stats;

/* `c` holds a failing stream and is left holding the simplest found (shortlex), replayed once more at the
 * end. Ends after a full round without progress, after `max_attempts` replays or after `seconds`. */
void sterna_shrink(sterna_choices *c, sterna_still_fails *fails, void *context, uint32_t max_attempts,
                   double seconds, sterna_shrink_stats *stats);

#endif
