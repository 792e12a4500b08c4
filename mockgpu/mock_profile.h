/* Settings of a mock device: the variant string, profiles by name and profile files. Owns: their syntax
 * (docs/mockgpu.md). */
#ifndef STERNA_MOCK_PROFILE_H
#define STERNA_MOCK_PROFILE_H

#include "base/status.h"

enum { MOCK_TEXT_MAX = 256 };

typedef struct mock_settings {
#define KEY(name, low, high, preset, sentence) uint64_t name;
#define CHOICE(name, words, sentence)          uint64_t name;
#define TEXT(name, sentence)                   char name[MOCK_TEXT_MAX];
#include "mock_keys.def"
    char profile[24]; /* the named profile that the variant began with, or "" */
} mock_settings;

/* Places of the words of CHOICE rows that code asks for. */
enum { MOCK_LIE_DROP, MOCK_LIE_SHIFT, MOCK_LIE_CUT };
enum { MOCK_OFFSET_READ_WORKS, MOCK_OFFSET_READ_STALE, MOCK_OFFSET_READ_ERROR };

/* Defaults, then the pieces of `variant` from left to right: "wave8,seed=3,profile=FILE". What a profile sets counts
 * from where it stands. USAGE for a bad variant, FILE for a profile that cannot be read or understood (file:line). */
sterna_status sterna_mock_settings(const char *variant, mock_settings *settings, sterna_fault *fault);

/* Name of the i-th profile, NULL behind the last. */
const char *sterna_mock_profile_name(uint32_t i);

#endif
