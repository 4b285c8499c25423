/* What the compiler expects of a C library, for a module that has none: memory and nothing else.
   Blocks come in powers of two and return to a list of their size, so a page that asks for hours
   needs no more than at its busiest moment. */

#include <stddef.h>
#include <stdint.h>

extern uint8_t __heap_base;

#define CLASSES 28       /* 16 bytes to 2 GiB */
#define PAGE 65536u

struct head {
    struct head *next;   /* while it is free */
    uint32_t class;
    uint32_t spare;      /* keeps what follows aligned to 16 */
    uint32_t spares[1];
};
_Static_assert(sizeof(struct head) == 16, "a block begins at a multiple of 16");

static struct head *lists[CLASSES];
static uintptr_t end;

static struct head *grow(uint32_t class) {
    if (end == 0) end = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
    uintptr_t start = end, size = sizeof(struct head) + ((uintptr_t)16 << class);
    uintptr_t have = __builtin_wasm_memory_size(0) * (uintptr_t)PAGE;
    if (start + size > have) {
        uintptr_t pages = (start + size - have + PAGE - 1) / PAGE;
        if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) __builtin_trap();
    }
    end = start + size;
    struct head *block = (struct head *)start;
    block->class = class;
    return block;
}

void *malloc(size_t size) {
    uint32_t class = 0;
    while (((size_t)16 << class) < size) {
        if (++class == CLASSES) __builtin_trap();
    }
    struct head *block = lists[class];
    if (block) lists[class] = block->next;
    else block = grow(class);
    return block + 1;
}

void free(void *pointer) {
    if (!pointer) return;
    struct head *block = (struct head *)pointer - 1;
    block->next = lists[block->class];
    lists[block->class] = block;
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment > 16) return 22;  /* EINVAL: nothing here asks for more. */
    *result = malloc(size);
    return 0;
}

void *memmove(void *to, const void *from, size_t count) {
    uint8_t *target = to;
    const uint8_t *source = from;
    if (target < source) {
        for (size_t index = 0; index < count; index++) target[index] = source[index];
    } else {
        while (count-- > 0) target[count] = source[count];
    }
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    return memmove(to, from, count);
}

void *memset(void *to, int value, size_t count) {
    uint8_t *target = to;
    for (size_t index = 0; index < count; index++) target[index] = (uint8_t)value;
    return to;
}
