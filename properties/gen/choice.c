/* The choice stream: recording and its three sources. */
#include "gen/choice.h"
#include "base/philox.h"
#include <string.h>

static void reset(sterna_choices *c)
{
    c->count = c->spans = c->depth = c->counter = c->replay_count = 0;
    c->overrun = c->replaying = c->from_bytes = false;
}

void sterna_choice_random(sterna_choices *c, uint32_t seed, uint32_t stream)
{
    reset(c);
    c->seed = seed;
    c->stream = stream;
}

void sterna_choice_replay(sterna_choices *c, const uint32_t *values, uint32_t count)
{
    reset(c);
    c->replaying = true;
    c->replay_count = count < STERNA_CHOICE_LIMIT ? count : STERNA_CHOICE_LIMIT;
    memmove(c->replay, values, c->replay_count * sizeof *values);
}

/* Bytes that a choice takes in the serialised form. */
static uint32_t width_of(uint32_t max)
{
    return max < 256 ? 1 : max < 65536 ? 2 : 4;
}

/* The widths depend on the draws to come, so bytes are kept as they are, one per word, and
 * joined when drawn. */
void sterna_choice_from_bytes(sterna_choices *c, const uint8_t *bytes, size_t count)
{
    reset(c);
    c->replaying = true;
    c->from_bytes = true;
    c->replay_count = count < STERNA_CHOICE_LIMIT ? (uint32_t)count : STERNA_CHOICE_LIMIT;
    for (uint32_t i = 0; i < c->replay_count; i++) c->replay[i] = bytes[i];
}

static uint32_t next_replayed(sterna_choices *c, uint32_t max)
{
    uint32_t value = 0, width = c->from_bytes ? width_of(max) : 1;
    for (uint32_t i = 0; i < width && c->counter < c->replay_count; i++, c->counter++)
        value |= c->replay[c->counter] << (8 * i);
    if (c->from_bytes) return max == UINT32_MAX ? value : value % (max + 1);
    return value < max ? value : max;
}

static uint32_t record(sterna_choices *c, uint32_t max, uint32_t value)
{
    c->value[c->count] = value;
    c->max[c->count++] = max;
    return value;
}

uint32_t sterna_choose_biased(sterna_choices *c, uint32_t max, sterna_suggest *suggest)
{
    if (c->count == STERNA_CHOICE_LIMIT) {
        c->overrun = true;
        return 0;
    }
    if (c->replaying) return record(c, max, next_replayed(c, max));
    sterna_philox words = sterna_philox4x32(c->seed, c->stream, c->counter++, 0, 0, 0);
    uint32_t value;
    if (suggest) {
        value = suggest(max, words.word[0], words.word[1]);
        if (value > max) value = max;
    } else {
        /* Multiply-shift: the bias is below max / 2^32 and does not matter for test data. */
        value = (uint32_t)(((uint64_t)words.word[0] * ((uint64_t)max + 1)) >> 32);
    }
    return record(c, max, value);
}

uint32_t sterna_choose(sterna_choices *c, uint32_t max)
{
    return sterna_choose_biased(c, max, NULL);
}

static uint32_t one_in(uint32_t max, uint32_t word0, uint32_t word1)
{
    (void)word0;
    return word1 % (max + 1) == 0 ? max : 0;
}

/* Recorded as 0 or n - 1, so that the rare side is the larger number. */
bool sterna_choose_rarely(sterna_choices *c, uint32_t n)
{
    return n <= 1 || sterna_choose_biased(c, n - 1, one_in) == n - 1;
}

void sterna_span_begin(sterna_choices *c)
{
    if (c->depth < 16) c->open[c->depth] = c->count;
    c->depth++;
}

void sterna_span_end(sterna_choices *c)
{
    c->depth--;
    if (c->depth < 16 && c->spans < STERNA_SPAN_LIMIT && c->count > c->open[c->depth])
        c->span[c->spans++] = (sterna_span){c->open[c->depth], c->count};
}

size_t sterna_choice_bytes(const sterna_choices *c, uint8_t *bytes, size_t capacity)
{
    size_t at = 0;
    for (uint32_t i = 0; i < c->count; i++)
        for (uint32_t b = 0; b < width_of(c->max[i]); b++, at++)
            if (at < capacity) bytes[at] = (uint8_t)(c->value[i] >> (8 * b));
    return at;
}

int sterna_choice_compare(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count)
{
    if (a_count != b_count) return a_count < b_count ? -1 : 1;
    for (uint32_t i = 0; i < a_count; i++)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return 0;
}
