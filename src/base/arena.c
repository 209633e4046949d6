/* Arenas: a chain of blocks that grow with what was asked of them. */
#include "base/base.h"

#include <stdalign.h>
#include <stdio.h>

#define ARENA_ALIGN 16
#define ARENA_FIRST 1024     /* bytes of the first block: a small graph fits in it */
#define ARENA_LARGEST 262144 /* blocks double up to this */

struct gr_arena_block {
    struct gr_arena_block *next;
    size_t size, used; /* bytes of data */
    alignas(ARENA_ALIGN) unsigned char data[];
};

static struct gr_arena_block *arena_add_block(gr_arena *arena, size_t least)
{
    size_t size = arena->head ? arena->head->size * 2 : ARENA_FIRST;
    if (size > ARENA_LARGEST) size = ARENA_LARGEST;
    bool large = least > size;
    if (large) size = least;

    size_t total;
    if (!gr_add_size(size, sizeof(struct gr_arena_block), &total)) {
        gr_no_memory(size);
        return NULL;
    }
    struct gr_arena_block *block = gr_alloc(total);
    if (!block) return NULL;
    block->size = size;
    if (large && arena->head) { /* it will be full at once: keep filling the present head */
        block->next = arena->head->next;
        arena->head->next = block;
    } else {
        block->next = arena->head;
        arena->head = block;
    }
    return block;
}

void *gr_arena_alloc(gr_arena *arena, size_t size)
{
    size_t rounded;
    if (!gr_add_size(size, ARENA_ALIGN - 1, &rounded)) {
        gr_no_memory(size);
        return NULL;
    }
    rounded &= ~(size_t)(ARENA_ALIGN - 1);
    struct gr_arena_block *block = arena->head;
    if (!block || block->size - block->used < rounded) block = arena_add_block(arena, rounded);
    if (!block) return NULL;
    void *result = block->data + block->used;
    block->used += rounded;
    return result;
}

void *gr_arena_copy(gr_arena *arena, const void *data, size_t size)
{
    void *copy = gr_arena_alloc(arena, size);
    if (copy && size > 0) memcpy(copy, data, size);
    return copy;
}

char *gr_arena_strdup(gr_arena *arena, const char *text)
{
    return text ? gr_arena_copy(arena, text, strlen(text) + 1) : NULL;
}

char *gr_arena_printf(gr_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : gr_arena_alloc(arena, (size_t)length + 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void gr_arena_free(gr_arena *arena)
{
    struct gr_arena_block *block = arena->head;
    while (block) {
        struct gr_arena_block *next = block->next;
        gr_free(block);
        block = next;
    }
    arena->head = NULL;
}
