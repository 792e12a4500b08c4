/* Sanitizer builds only: what leaks or races in GPU drivers is theirs, and told apart from ours by the library's name. Owns:
 * keeping libraries loaded, so that a report at exit can name them, the list of drivers, and what the leak check of a process
 * with drivers' threads in it needs. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#endif
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#endif
#define VISIBLE __attribute__((visibility("default")))

/* The linker is told to look for it, which takes this file out of its archive (ci/cmake/SternaRooms.cmake). */
extern const int sterna_sanitize;
const int sterna_sanitize = 1;

#ifdef ADDRESS_SANITIZER
/* Called by Vulkan's and OpenCL's loaders, too. */
VISIBLE int dlclose(void *library);
int dlclose(void *library)
{
    (void)library;
    return 0;
}

/* Read by AddressSanitizer. Up to LLVM 16 and GCC 13 its __tls_get_addr takes a block that lies 16 bytes into a page for one
 * of glibc before 2.25, with its size in front, and the leak check then reads what is no memory ("Tracer caught signal 11").
 * Blocks of libraries opened at run time stay unscanned without it: only drivers have any. */
VISIBLE const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "intercept_tls_get_addr=0";
}

/* Read by LeakSanitizer. What C++ allocates is a driver's or a layer's: there is none here. */
VISIBLE const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libvulkan_\n"
           "leak:libvk_swiftshader\n"
           "leak:libVkLayer_\n"
           "leak:libLLVM\n"
           "leak:libstdc++\n";
}
#elif defined(THREAD_SANITIZER)
/* Read by ThreadSanitizer. The validation layer frees locks that its own thread has just left. */
VISIBLE const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libVkLayer_\n";
}
#endif
