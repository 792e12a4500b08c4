/* The choice stream: every random decision of a test case is a number in [0, max], recorded in order.
 * Owns: drawing, recording, replay, bytes. Leaves to others: what is decided (gen_*.c) and shrinking
 * (shrink.c).
 *
 * A recorded stream is the test case: replaying it gives the same case on any machine, editing it gives
 * smaller cases (the shrinker), and reading it from bytes makes it a fuzzer's input. Rules for generators:
 *   - 0 is the simplest decision;
 *   - a list draws a continue bit before each item, and each item stands in a span, so that it can be
 * deleted;
 *   - a stream that runs dry gives 0 for ever, so every stream is a legal one.
 * The idea is Hypothesis's (MacIver and Donaldson, "Test-case reduction via test-case generation", ECOOP
 * 2020). */
#ifndef STERNA_CHOICE_H
#define STERNA_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STERNA_CHOICE_LIMIT = 4096, STERNA_SPAN_LIMIT = 512 };

typedef struct sterna_span {
    uint32_t first, end; /* choices [first, end) */
} sterna_span;

typedef struct sterna_choices {
    /* What has been drawn. */
    uint32_t value[STERNA_CHOICE_LIMIT], max[STERNA_CHOICE_LIMIT];
    uint32_t count;
    sterna_span span[STERNA_SPAN_LIMIT];
    uint32_t spans, open[16], depth;
    bool overrun; /* more than STERNA_CHOICE_LIMIT draws were asked for; those past it were 0 */
    /* Where draws come from: the generator (seed, stream) or a recording. */
    bool replaying, from_bytes;
    uint32_t seed, stream, counter;
    uint32_t replay[STERNA_CHOICE_LIMIT], replay_count;
} sterna_choices;

/* Fresh random choices; the same seed and stream give the same ones. */
void sterna_choice_random(sterna_choices *c, uint32_t seed, uint32_t stream);
/* Replays values; each is lowered to the max asked for. Values past STERNA_CHOICE_LIMIT are ignored. */
void sterna_choice_replay(sterna_choices *c, const uint32_t *values, uint32_t count);
/* Reads choices from bytes as sterna_choice_bytes writes them: 1, 2 or 4 bytes each, by the size of max. */
void sterna_choice_from_bytes(sterna_choices *c, const uint8_t *bytes, size_t count);

/* A number in [0, max], uniform when random. */
uint32_t sterna_choose(sterna_choices *c, uint32_t max);
/* The same with a say in the random distribution only: `suggest` is called with fresh random words and its
 * answer is recorded as a plain number, so that biased choices shrink like any other. */
typedef uint32_t sterna_suggest(uint32_t max, uint32_t word0, uint32_t word1);
uint32_t sterna_choose_biased(sterna_choices *c, uint32_t max, sterna_suggest *suggest);
/* True with a probability of one in `n` when random; false is the simpler one. */
bool sterna_choose_rarely(sterna_choices *c, uint32_t n);

void sterna_span_begin(sterna_choices *c);
void sterna_span_end(sterna_choices *c);

/* The recorded choices as bytes; returns how many there are and writes at most `capacity` of them. */
size_t sterna_choice_bytes(const sterna_choices *c, uint8_t *bytes, size_t capacity);
/* Shortlex: fewer choices are simpler, then the smaller first difference. Negative, 0 or positive. */
int sterna_choice_compare(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count);

#endif
