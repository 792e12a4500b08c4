/* The bench over every device that `make check` has: all laws of all operations and formats, a few cases of
 * each, with a fixed seed. Longer runs are `sterna check --budget`. */
#include "bench_device.h"

#define DEVICE_CASE(name, device, profile, cases)                                                            \
    static void name(sterna_test *t)                                                                         \
    {                                                                                                        \
        bench(t, device, STERNA_PROFILE_##profile, cases, 0);                                                \
    }
DEVICE_CASE(direct, "direct", EXACT, 20)
DEVICE_CASE(direct_fast, "direct", FAST, 8) /* the oracle alone, with bounds for any order */
DEVICE_CASE(scalar, "cpu:scalar", EXACT, 8)
DEVICE_CASE(avx2, "cpu:avx2", EXACT, 20)
DEVICE_CASE(avx512bw, "cpu:avx512bw", EXACT, 20)
DEVICE_CASE(avx512vnni, "cpu:avx512vnni", EXACT, 20)
DEVICE_CASE(mock, "mock", EXACT, 10)
DEVICE_CASE(mock_warp4, "mock:warp=4,seed=11", EXACT, 4)
DEVICE_CASE(mock_warp64, "mock:warp=64,seed=12", EXACT, 4)

#define ROW(name)                                                                                            \
    {                                                                                                        \
#name, name, 120                                                                                     \
    }
const sterna_test_case sterna_test_cases[] = {
    ROW(direct),     ROW(direct_fast), ROW(scalar),     ROW(avx2),        ROW(avx512bw),
    ROW(avx512vnni), ROW(mock),        ROW(mock_warp4), ROW(mock_warp64), {0}};
