/* The order of preference of --device auto. */
#include "auto_choice.h"
#include "base/size.h"
#include <stdio.h>
#include <string.h>

/* Through which API a discrete GPU is best used: its vendor's first. */
static const char *const preference[] = {"cuda", "hip", "vulkan", "opencl"};

/* 0: not to be taken unasked. */
static uint32_t rank(const sterna_candidate *c)
{
    if (c->info->kind == STERNA_KIND_CPU) return 1;
    for (uint32_t i = 0; i < STERNA_COUNT(preference); i++)
        if (strcmp(c->backend, preference[i]) == 0) return 2 + (uint32_t)STERNA_COUNT(preference) - i;
    return 2;
}

static double gib(uint64_t bytes)
{
    return (double)bytes / (1024.0 * 1024.0 * 1024.0);
}

/* What speaks against it whatever the others are, as a sentence in text; NULL: nothing. */
static const char *objection(sterna_candidate *c, uint64_t memory)
{
    const sterna_device_info *info = c->info;
    char *text = c->text;
    const size_t room = sizeof c->text;
    if (!info->usable)
        snprintf(text, room, "not usable: %s", info->why);
    else if (info->is_mock)
        snprintf(text, room, "a mock is never taken unasked");
    else if (info->kind == STERNA_KIND_EMULATED)
        snprintf(text, room, "runs on the processor, for which the CPU backend is faster");
    else if (info->kind == STERNA_KIND_INTEGRATED)
        snprintf(text, room, "shares the processor's memory, whose bandwidth bounds the speed of both");
    else if (info->kind != STERNA_KIND_CPU && info->kind != STERNA_KIND_DISCRETE)
        snprintf(text, room, "does not tell that it is a discrete GPU");
    else if (c->refused)
        snprintf(text, room, "could not be opened: %s", c->why);
    else if (c->exact == STERNA_AUTO_NOT_EXACT)
        snprintf(text, room, "not exact: %s", c->why);
    else if (info->kind == STERNA_KIND_DISCRETE && info->memory_bytes && memory > info->memory_bytes)
        snprintf(text, room, "has %.1f GiB of memory, and %.1f GiB are needed", gib(info->memory_bytes),
                 gib(memory));
    else
        return NULL;
    return text;
}

/* What was found wrong with the GPUs, for the sentence of a CPU that is taken instead. */
static void word_cpu(sterna_candidate *all, uint32_t n, sterna_candidate *taken)
{
    size_t used = (size_t)snprintf(taken->text, sizeof taken->text, "the best level of this processor");
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        if (all[i].info->kind != STERNA_KIND_DISCRETE) continue;
        any = true;
        int more =
            snprintf(taken->text + used, sizeof taken->text - used, "; %s: %s", all[i].name, all[i].text);
        used += more > 0 ? (size_t)more : 0;
        if (used >= sizeof taken->text) return;
    }
    if (!any) snprintf(taken->text + used, sizeof taken->text - used, "; no discrete GPU was found");
}

static void word_gpu(sterna_candidate *taken, uint64_t memory)
{
    const uint64_t has = taken->info->memory_bytes;
    size_t used = (size_t)snprintf(taken->text, sizeof taken->text, "a discrete GPU, %s",
                                   taken->exact == STERNA_AUTO_EXACT ? "exact by its probe"
                                                                     : "if its probe finds it exact");
    if (has && memory)
        snprintf(taken->text + used, sizeof taken->text - used,
                 ", with %.1f GiB of memory for the %.1f GiB needed", gib(has), gib(memory));
    else if (has)
        snprintf(taken->text + used, sizeof taken->text - used, ", with %.1f GiB of memory", gib(has));
}

uint32_t sterna_auto_choose(sterna_candidate *candidates, uint32_t n, uint64_t memory)
{
    uint32_t best = n;
    for (uint32_t i = 0; i < n; i++) {
        candidates[i].text[0] = 0;
        if (objection(&candidates[i], memory)) continue;
        /* Of one backend the first: the best level of the CPU, GPU 0. */
        if (best == n || rank(&candidates[i]) > rank(&candidates[best])) best = i;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!candidates[i].text[0] && i != best)
            snprintf(candidates[i].text, sizeof candidates[i].text, "%s comes first", candidates[best].name);
    if (best == n) return n;
    if (candidates[best].info->kind == STERNA_KIND_CPU)
        word_cpu(candidates, n, &candidates[best]);
    else
        word_gpu(&candidates[best], memory);
    return best;
}
