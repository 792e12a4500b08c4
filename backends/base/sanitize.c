/* Sanitizer builds only: what leaks in GPU drivers is theirs, and told apart from ours by the library's name. Owns: keeping
 * libraries loaded, so that a report at exit can name them, and the list of drivers. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#endif

#ifdef ADDRESS_SANITIZER
#define VISIBLE __attribute__((visibility("default")))

/* Called by Vulkan's and OpenCL's loaders, too. */
VISIBLE int dlclose(void *library);
int dlclose(void *library)
{
    (void)library;
    return 0;
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
#else
typedef int sterna_sanitize_nothing; /* a translation unit needs a declaration */
#endif
