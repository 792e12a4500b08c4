/* Settings of a mock device: the variant string and profile files. Owns: their syntax (docs/mockgpu.md). */
#ifndef STERNA_MOCK_PROFILE_H
#define STERNA_MOCK_PROFILE_H

#include "base/status.h"

typedef struct mock_settings {
#define KEY(name, low, high, preset, sentence) uint64_t name;
#include "mock_keys.def"
#undef KEY
} mock_settings;

/* Defaults, then the keys of `variant` from left to right: "warp=8,seed=3,profile=FILE". A profile's keys
 * count from where it stands. USAGE for a bad variant, FILE for a profile that cannot be read or understood
 * (file:line). */
sterna_status sterna_mock_settings(const char *variant, mock_settings *settings, sterna_fault *fault);

#endif
