/* Test cases that CUDA and HIP share, on the mock driver libraries (mockgpu/vendor) and on what is no driver at all.
 * Owns: the cases. Leaves to others: which backend they are run on (cuda/tests, hip/tests), kernels' shapes
 * (gpu/tests/op_shapes.h). */
#ifndef STERNA_STREAM_CASES_H
#define STERNA_STREAM_CASES_H

#include "gpu/tests/op_shapes.h"

/* A backend and its mock library. */
typedef struct stream_subject {
    const char *name;     /* "cuda" */
    const char *variable; /* "STERNA_CUDA_LIBRARY" */
    const char *library;  /* below the build folder */
    const char *arch;     /* of the mock device */
    bool keeps_context;   /* nothing in the API ends it */
    const char *visible;  /* the vendor's variable that hides devices */
    const char *unseen;   /* what is said to look at when there is none */
    bool graphs;          /* are they used unasked? */
    const sterna_backend_api *(*entry)(uint32_t abi_version);
} stream_subject;

/* Defined by the test program. */
extern const stream_subject stream_tested;

#define STREAM_CASES(X)                                                                                      \
    X(is_listed, 20)                                                                                         \
    X(opens_by_number_and_name, 20)                                                                          \
    X(refuses_what_it_does_not_know, 20)                                                                     \
    X(absent_library, 20)                                                                                    \
    X(library_that_is_no_driver, 20)                                                                         \
    X(every_row_runs, 60)                                                                                    \
    X(small_grids, 60)                                                                                       \
    X(graphs_are_used, 20)                                                                                   \
    X(lists_that_begin_alike, 20)                                                                            \
    X(many_lists, 20) X(submissions_in_flight, 20) X(large_copies, 20) X(allocations_refused, 60)            \
        X(kernels_not_built, 60) X(null_kernels, 60) X(launches_refused, 60) X(device_lost_in_launch, 60)    \
            X(device_lost_in_copy, 60) X(launch_hangs, 60) X(host_memory_refused, 60)                        \
                X(system_calls_refused, 60) X(sync_names_the_node, 20) X(freed_memory_is_found, 20)          \
                    X(kernels_are_marked, 20) X(agrees_with_a_model, 60) X(leaks_are_told, 20)               \
                        X(silence_ends, 20) X(no_device_is_told, 20) X(kernels_that_do_not_load, 20)         \
                            X(lost_device_is_closed_elsewhere, 20) X(marks_are_their_own, 20)                \
                                X(short_lists, 20) X(graphs_refused, 20) X(without_graphs, 20)

#define STREAM_CASE(name, seconds) void stream_##name(sterna_test *t);
STREAM_CASES(STREAM_CASE)
#undef STREAM_CASE

/* Every operation's shapes under these settings of the mock. */
void stream_shapes(sterna_test *t,
                   bool (*shapes)(sterna_test *t, const sterna_backend_api *api, sterna_device *device),
                   const char *settings);

/* The table of a test program: the shared cases, and one per group of shapes. */
#define STREAM_SHAPES_CASE(name)                                                                             \
    static void shapes_##name(sterna_test *t)                                                                \
    {                                                                                                        \
        stream_shapes(t, op_shapes_##name, STREAM_SETTINGS);                                                 \
    }
#define STREAM_CASE_ROW(name, seconds) {#name, stream_##name, seconds},
#define STREAM_SHAPES_ROW(name)        {"shapes_" #name, shapes_##name, 60},
#define STREAM_TEST_PROGRAM                                                                                  \
    OP_GROUPS(STREAM_SHAPES_CASE)                                                                            \
    const sterna_test_case sterna_test_cases[] = {STREAM_CASES(STREAM_CASE_ROW)                              \
                                                      OP_GROUPS(STREAM_SHAPES_ROW){0}};

#endif
