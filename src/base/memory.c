/* Memory: every block goes through one hook and remembers its size. */
#include "base/base.h"

#include <stdalign.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

static void *memory_system_resize(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

static const gr_allocator memory_system = {memory_system_resize, NULL};
static gr_allocator memory_hook = {memory_system_resize, NULL};

void gr_set_allocator(const gr_allocator *allocator)
{
    memory_hook = allocator ? *allocator : memory_system;
}

/* In front of every block of gr_alloc; as large as malloc's alignment, so that the block keeps it.
 */
typedef struct memory_header {
    alignas(max_align_t) size_t total; /* bytes asked of the hook */
} memory_header;

static memory_header *memory_header_of(void *block)
{
    return (memory_header *)block - 1;
}

/* `total` bytes of the hook, zeroed. The system's calloc need not touch fresh pages. */
static void *memory_zeroed(size_t total)
{
    if (memory_hook.resize == memory_system_resize) return calloc(1, total);
    void *block = memory_hook.resize(memory_hook.user, NULL, 0, total);
    if (block) memset(block, 0, total);
    return block;
}

void *gr_alloc(size_t size)
{
    size_t total;
    memory_header *header = NULL;
    if (gr_add_size(size, sizeof *header, &total)) header = memory_zeroed(total);
    if (!header) {
        gr_no_memory(size);
        return NULL;
    }
    header->total = total;
    return header + 1;
}

void *gr_alloc_array(size_t count, size_t size)
{
    size_t bytes;
    if (!gr_mul_size(count, size, &bytes)) {
        gr_fail(GR_NO_MEMORY, "out of memory: %zu elements of %zu bytes exceed the address space",
                count, size);
        return NULL;
    }
    return gr_alloc(bytes);
}

void *gr_realloc(void *block, size_t size)
{
    memory_header *header = block ? memory_header_of(block) : NULL;
    memory_header *moved = NULL;
    size_t total;
    if (gr_add_size(size, sizeof *header, &total)) {
        moved = memory_hook.resize(memory_hook.user, header, header ? header->total : 0, total);
    }
    if (!moved) {
        gr_no_memory(size);
        return NULL;
    }
    moved->total = total;
    return moved + 1;
}

void gr_free(void *block)
{
    if (!block) return;
    memory_header *header = memory_header_of(block);
    memory_hook.resize(memory_hook.user, header, header->total, 0);
}

/* In front of every aligned block. */
typedef struct memory_aligned_header {
    void *raw; /* as the hook returned it */
    size_t total;
} memory_aligned_header;

/* Asks for pages of 2 MiB inside of a large fresh block: fewer page faults, and fewer misses where
 * kernels walk with large strides. Whether there are any is the system's business. */
static void memory_ask_huge_pages(char *block, size_t total)
{
#if defined(MADV_HUGEPAGE)
    const uintptr_t page = (uintptr_t)1 << 21;
    const uintptr_t begin = ((uintptr_t)block + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)block + total) / page * page;
    if (total >= 2 * page && begin < end && memory_hook.resize == memory_system_resize)
        (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)block;
    (void)total;
#endif
}

void *gr_alloc_aligned(size_t size)
{
    /* whole cache lines: no two blocks share one, which threads would then take from each other */
    const size_t fill = (GR_ALIGN - size % GR_ALIGN) % GR_ALIGN;
    const size_t extra = sizeof(memory_aligned_header) + GR_ALIGN - 1 + fill;
    size_t total;
    char *raw = NULL;
    if (gr_add_size(size, extra, &total)) raw = memory_zeroed(total);
    if (!raw) {
        gr_no_memory(size);
        return NULL;
    }
    memory_ask_huge_pages(raw, total);
    uintptr_t first = (uintptr_t)raw + sizeof(memory_aligned_header);
    size_t skip = (GR_ALIGN - first % GR_ALIGN) % GR_ALIGN;
    char *block = raw + sizeof(memory_aligned_header) + skip;
    ((memory_aligned_header *)(void *)block)[-1] = (memory_aligned_header){raw, total};
    return block;
}

void gr_free_aligned(void *block)
{
    if (!block) return;
    memory_aligned_header header = ((memory_aligned_header *)block)[-1];
    memory_hook.resize(memory_hook.user, header.raw, header.total, 0);
}

char *gr_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = gr_alloc(size);
    if (copy) memcpy(copy, text, size);
    return copy;
}

bool gr_grow(void *array_pointer, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) return true;
    size_t wanted, bytes;
    if (!gr_mul_size(*capacity, 2, &wanted)) wanted = SIZE_MAX;
    if (wanted < 8) wanted = 8;
    if (!gr_mul_size(wanted, size, &bytes)) {
        gr_no_memory(SIZE_MAX);
        return false;
    }
    void *array; /* copied in and out: it may be a pointer to any type */
    memcpy(&array, array_pointer, sizeof array);
    array = gr_realloc(array, bytes);
    if (!array) return false;
    memcpy(array_pointer, &array, sizeof array);
    *capacity = wanted;
    return true;
}

bool gr_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool gr_add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
