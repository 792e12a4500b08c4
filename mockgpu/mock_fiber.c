/* Context switch in assembly for x86-64 and AArch64 (callee-saved registers of the System V and AAPCS64
 * calling conventions), ucontext elsewhere; annotations for AddressSanitizer and ThreadSanitizer. */
#define _GNU_SOURCE
#include "mock_fiber.h"
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MOCK_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define MOCK_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define MOCK_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define MOCK_TSAN 1
#endif

#ifdef MOCK_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef MOCK_TSAN
#include <sanitizer/tsan_interface.h>
#endif

enum { CANARY_BYTES = 64, CANARY = 0x5c };

#if !MOCK_FIBER_UCONTEXT
void sterna_mock_swap(void **save, void *load) __attribute__((visibility("hidden")));
void sterna_mock_enter(void) __attribute__((visibility("hidden")));
#endif

#if defined(__x86_64__) && !MOCK_FIBER_UCONTEXT
enum { FRAME_WORDS = 9, SLOT_BODY = 2, SLOT_ARGUMENT = 3, SLOT_RETURN = 6 };
__asm__(".text\n"
        ".p2align 4\n"
        ".hidden sterna_mock_swap\n"
        ".globl sterna_mock_swap\n"
        ".type sterna_mock_swap,@function\n"
        "sterna_mock_swap:\n"
        "  pushq %rbp\n"
        "  pushq %rbx\n"
        "  pushq %r12\n"
        "  pushq %r13\n"
        "  pushq %r14\n"
        "  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n"
        "  popq %r14\n"
        "  popq %r13\n"
        "  popq %r12\n"
        "  popq %rbx\n"
        "  popq %rbp\n"
        "  ret\n"
        ".size sterna_mock_swap,.-sterna_mock_swap\n"
        ".hidden sterna_mock_enter\n"
        ".globl sterna_mock_enter\n"
        ".type sterna_mock_enter,@function\n"
        "sterna_mock_enter:\n" /* the stack is aligned to 16 here; call makes it what a function expects */
        "  movq %r12, %rdi\n"
        "  callq *%r13\n"
        "  ud2\n"
        ".size sterna_mock_enter,.-sterna_mock_enter\n");
#elif defined(__aarch64__) && !MOCK_FIBER_UCONTEXT
enum { FRAME_WORDS = 20, SLOT_BODY = 0, SLOT_ARGUMENT = 1, SLOT_RETURN = 11 };
__asm__(".text\n"
        ".p2align 4\n"
        ".hidden sterna_mock_swap\n"
        ".globl sterna_mock_swap\n"
        ".type sterna_mock_swap,%function\n"
        "sterna_mock_swap:\n"
        "  sub sp, sp, #160\n"
        "  stp x19, x20, [sp, #0]\n"
        "  stp x21, x22, [sp, #16]\n"
        "  stp x23, x24, [sp, #32]\n"
        "  stp x25, x26, [sp, #48]\n"
        "  stp x27, x28, [sp, #64]\n"
        "  stp x29, x30, [sp, #80]\n"
        "  stp d8, d9, [sp, #96]\n"
        "  stp d10, d11, [sp, #112]\n"
        "  stp d12, d13, [sp, #128]\n"
        "  stp d14, d15, [sp, #144]\n"
        "  mov x2, sp\n"
        "  str x2, [x0]\n"
        "  mov sp, x1\n"
        "  ldp x19, x20, [sp, #0]\n"
        "  ldp x21, x22, [sp, #16]\n"
        "  ldp x23, x24, [sp, #32]\n"
        "  ldp x25, x26, [sp, #48]\n"
        "  ldp x27, x28, [sp, #64]\n"
        "  ldp x29, x30, [sp, #80]\n"
        "  ldp d8, d9, [sp, #96]\n"
        "  ldp d10, d11, [sp, #112]\n"
        "  ldp d12, d13, [sp, #128]\n"
        "  ldp d14, d15, [sp, #144]\n"
        "  add sp, sp, #160\n"
        "  ret\n"
        ".size sterna_mock_swap,.-sterna_mock_swap\n"
        ".hidden sterna_mock_enter\n"
        ".globl sterna_mock_enter\n"
        ".type sterna_mock_enter,%function\n"
        "sterna_mock_enter:\n"
        "  mov x0, x20\n"
        "  blr x19\n"
        "  brk #1\n"
        ".size sterna_mock_enter,.-sterna_mock_enter\n");
#endif

#if MOCK_FIBER_UCONTEXT
/* makecontext passes ints: two halves of each pointer. */
static void enter_ucontext(unsigned body_high, unsigned body_low, unsigned high, unsigned low)
{
    uintptr_t body = (uintptr_t)((uint64_t)body_high << 32 | body_low);
    ((void (*)(void *))body)((void *)(uintptr_t)((uint64_t)high << 32 | low));
}
#endif

void sterna_mock_fiber_make(mock_fiber *fiber, void *stack, size_t bytes, void (*body)(void *),
                            void *argument)
{
    *fiber = (mock_fiber){.stack = stack, .bytes = bytes};
    memset(stack, CANARY, CANARY_BYTES);
#if MOCK_FIBER_UCONTEXT
    uint64_t code = (uint64_t)(uintptr_t)body, data = (uint64_t)(uintptr_t)argument;
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = stack;
    fiber->context.uc_stack.ss_size = bytes;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, (void (*)(void))enter_ucontext, 4, (unsigned)(code >> 32), (unsigned)code,
                (unsigned)(data >> 32), (unsigned)data);
#else
    uintptr_t top = ((uintptr_t)stack + bytes) & ~(uintptr_t)15;
    uint64_t *frame = (uint64_t *)top - FRAME_WORDS;
    memset(frame, 0, FRAME_WORDS * sizeof *frame);
    frame[SLOT_BODY] = (uint64_t)(uintptr_t)body;
    frame[SLOT_ARGUMENT] = (uint64_t)(uintptr_t)argument;
    frame[SLOT_RETURN] = (uint64_t)(uintptr_t)sterna_mock_enter;
    fiber->stack_pointer = frame;
#endif
#ifdef MOCK_TSAN
    fiber->tsan = __tsan_create_fiber(0);
#endif
}

void sterna_mock_fiber_adopt(mock_fiber *fiber)
{
    *fiber = (mock_fiber){0};
#ifdef MOCK_TSAN
    fiber->tsan = __tsan_get_current_fiber();
#endif
}

void sterna_mock_fiber_switch(mock_fiber *from, mock_fiber *to)
{
#ifdef MOCK_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack ? to->stack : to->bottom,
                                   to->stack ? to->bytes : to->size);
#endif
#ifdef MOCK_TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
#if MOCK_FIBER_UCONTEXT
    swapcontext(&from->context, &to->context);
#else
    sterna_mock_swap(&from->stack_pointer, to->stack_pointer);
#endif
}

void sterna_mock_fiber_arrive(mock_fiber *fiber, mock_fiber *last)
{
    (void)fiber;
    (void)last;
#ifdef MOCK_ASAN
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(fiber->fake_stack, &bottom, &size);
    if (!last->stack) {
        last->bottom = bottom;
        last->size = size;
    }
#endif
}

void sterna_mock_fiber_drop(mock_fiber *fiber)
{
#ifdef MOCK_TSAN
    if (fiber->stack && fiber->tsan) __tsan_destroy_fiber(fiber->tsan);
#endif
#ifdef MOCK_ASAN
    if (fiber->stack) __asan_unpoison_memory_region(fiber->stack, fiber->bytes);
#endif
    *fiber = (mock_fiber){0};
}

bool sterna_mock_fiber_sound(const mock_fiber *fiber)
{
    for (size_t i = 0; i < CANARY_BYTES; i++)
        if (fiber->stack[i] != CANARY) return false;
    return true;
}
