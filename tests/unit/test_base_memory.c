/* Allocation through the hook, its failure at every place, growing arrays, arenas, tensors. */
#include "support_memory.h"

static void assert_zero(const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++) assert_int_equal(((const unsigned char *)data)[i], 0);
}

static void blocks_are_zeroed_and_aligned(void **state)
{
    (void)state;
    test_memory memory;
    test_memory_start(&memory, 0);
    for (size_t size = 0; size < 300; size += 7) {
        void *plain = gr_alloc(size), *aligned = gr_alloc_aligned(size);
        assert_non_null(plain);
        assert_non_null(aligned);
        assert_zero(plain, size);
        assert_zero(aligned, size);
        assert_int_equal((uintptr_t)plain % _Alignof(max_align_t), 0);
        assert_int_equal((uintptr_t)aligned % GR_ALIGN, 0);
        memset(plain, 1, size);
        memset(aligned, 1, size);
        gr_free(plain);
        gr_free_aligned(aligned);
    }
    gr_free(NULL);
    gr_free_aligned(NULL);
    test_memory_stop(&memory);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    assert_null(gr_alloc(SIZE_MAX));
    assert_non_null(strstr(gr_message(), "out of memory"));
    assert_null(gr_alloc_aligned(SIZE_MAX - 8));
    assert_null(gr_alloc_array(SIZE_MAX / 2, 3));
    assert_non_null(strstr(gr_message(), "elements of 3 bytes"));
    gr_arena arena = {0};
    assert_null(gr_arena_alloc(&arena, SIZE_MAX));
    assert_null(gr_arena_alloc(&arena, SIZE_MAX - 40));
    gr_arena_free(&arena);
    size_t out;
    assert_false(gr_mul_size(SIZE_MAX, 2, &out));
    assert_false(gr_add_size(SIZE_MAX, 1, &out));
    assert_true(gr_mul_size(6, 7, &out));
    assert_int_equal(out, 42);
}

static void a_failed_realloc_keeps_the_block(void **state)
{
    (void)state;
    test_memory memory;
    test_memory_start(&memory, 0);
    char *block = gr_strdup("kept");
    memory.fail_at = memory.calls + 1;
    assert_null(gr_realloc(block, 100000));
    assert_string_equal(block, "kept");
    memory.fail_at = 0;
    block = gr_realloc(block, 100000);
    assert_string_equal(block, "kept");
    gr_free(block);
    test_memory_stop(&memory);
}

static void arrays_grow(void **state)
{
    (void)state;
    test_memory memory;
    test_memory_start(&memory, 0);
    int *items = NULL;
    size_t count = 0, capacity = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(gr_grow(&items, count, &capacity, sizeof *items));
        items[count++] = i;
    }
    for (int i = 0; i < 1000; i++) assert_int_equal(items[i], i);
    assert_true(memory.calls < 12);
    while (count < capacity) items[count++] = 0;
    memory.fail_at = memory.calls + 1;
    size_t before = capacity;
    assert_false(gr_grow(&items, count, &capacity, sizeof *items));
    assert_int_equal(capacity, before);
    assert_int_equal(items[999], 999);
    gr_free(items);
    test_memory_stop(&memory);
}

/* Uses most of the base; false when memory ran out. */
static bool work(void)
{
    bool done = false;
    gr_arena arena = {0};
    gr_text text = {0};
    gr_tensor tensor = {0};
    char *copy = gr_strdup("name");
    if (!copy) goto out;
    for (int i = 0; i < 300; i++) {
        if (!gr_arena_printf(&arena, "node %d", i)) goto out;
        gr_text_printf(&text, "%d,", i);
        gr_text_real(&text, i / 7.0);
    }
    if (!gr_arena_alloc(&arena, 1000000) || text.failed) goto out;
    if (gr_tensor_new(GR_F32, GR_SHAPE(3, 4), &tensor) != GR_OK) goto out;
    done = true;
out:
    gr_tensor_clear(&tensor);
    gr_text_free(&text);
    gr_arena_free(&arena);
    gr_free(copy);
    return done;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    test_memory memory;
    long n = 1;
    for (;; n++) {
        test_memory_start(&memory, n);
        bool done = work();
        test_memory_stop(&memory);
        if (done) break;
        assert_true(n < 10000);
        assert_non_null(strstr(gr_message(), "out of memory"));
    }
    assert_true(n > 10);
}

static void arenas_hold_what_they_are_given(void **state)
{
    (void)state;
    test_memory memory;
    test_memory_start(&memory, 0);
    gr_arena arena = {0};
    char *texts[2000];
    for (int i = 0; i < 2000; i++) {
        size_t size = (size_t)i % 97;
        unsigned char *block = gr_arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)block % 16, 0);
        assert_zero(block, size);
        memset(block, 0xFF, size);
        texts[i] = gr_arena_printf(&arena, "text %d", i);
        if (i == 1000) memset(gr_arena_alloc(&arena, 3000000), 0xFF, 3000000);
    }
    for (int i = 0; i < 2000; i++) {
        char want[32];
        snprintf(want, sizeof want, "text %d", i);
        assert_string_equal(texts[i], want);
    }
    assert_null(gr_arena_strdup(&arena, NULL));
    assert_string_equal(gr_arena_strdup(&arena, "abc"), "abc");
    assert_memory_equal(gr_arena_copy(&arena, "xyz", 3), "xyz", 3);
    assert_true(memory.blocks < 20);
    gr_arena_free(&arena);
    test_memory_stop(&memory);
}

static void tensors(void **state)
{
    (void)state;
    gr_tensor tensor;
    for (int i = 0; i < GR_DTYPE_COUNT; i++) {
        gr_dtype dtype = (gr_dtype)i;
        assert_int_equal(gr_tensor_new(dtype, GR_SHAPE(2, 3), &tensor), GR_OK);
        assert_int_equal((uintptr_t)tensor.data % GR_ALIGN, 0);
        assert_int_equal(gr_tensor_bytes(&tensor), 6 * gr_dtype_size(dtype));
        for (int64_t j = 0; j < 6; j++) assert_true(gr_tensor_at(&tensor, j) == 0);
        gr_tensor_clear(&tensor);
        assert_null(tensor.data);
        gr_tensor_clear(&tensor);
    }
    assert_int_equal(gr_tensor_new(GR_F64, GR_SHAPE(0, 5), &tensor), GR_OK);
    assert_non_null(tensor.data);
    gr_tensor_clear(&tensor);

    assert_int_equal(gr_tensor_new(GR_F64, GR_SHAPE(2, -1), &tensor), GR_INVALID);
    assert_string_equal(gr_message(),
                        "tensor: shape [2,-1] has a negative size or too many elements");
    assert_int_equal(gr_tensor_new(GR_F64, GR_SHAPE(INT64_MAX / 2, 1), &tensor), GR_INVALID);
    assert_int_equal(gr_tensor_new(GR_DTYPE_COUNT, GR_SCALAR, &tensor), GR_INVALID);
    assert_int_equal(gr_tensor_new(GR_F32, (gr_shape){.rank = 9}, &tensor), GR_INVALID);
    assert_string_equal(gr_message(), "tensor: rank 9 is not between 0 and 8");
    assert_null(tensor.data);
}

static void tensor_elements(void **state)
{
    (void)state;
    assert_true(gr_tensor_at(&(gr_tensor){GR_F64, GR_SCALAR, (double[]){0.1}}, 0) == 0.1);
    assert_true(gr_tensor_at(&(gr_tensor){GR_F32, GR_SCALAR, (float[]){1, 2.5f}}, 1) == 2.5);
    assert_true(gr_tensor_at(&(gr_tensor){GR_BF16, GR_SCALAR, (uint16_t[]){0xC000}}, 0) == -2);
    assert_true(gr_tensor_at(&(gr_tensor){GR_F16, GR_SCALAR, (uint16_t[]){0xC000}}, 0) == -2);
    assert_true(gr_tensor_at(&(gr_tensor){GR_I64, GR_SCALAR, (int64_t[]){-5}}, 0) == -5);
    assert_true(gr_tensor_at(&(gr_tensor){GR_I32, GR_SCALAR, (int32_t[]){-6}}, 0) == -6);
    assert_true(gr_tensor_at(&(gr_tensor){GR_I8, GR_SCALAR, (int8_t[]){-7}}, 0) == -7);
    assert_true(gr_tensor_at(&(gr_tensor){GR_U8, GR_SCALAR, (uint8_t[]){200}}, 0) == 200);
    assert_true(gr_tensor_at(&(gr_tensor){GR_BOOL, GR_SCALAR, (uint8_t[]){1}}, 0) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_and_aligned),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(a_failed_realloc_keeps_the_block),
        cmocka_unit_test(arrays_grow),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(arenas_hold_what_they_are_given),
        cmocka_unit_test(tensors),
        cmocka_unit_test(tensor_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
