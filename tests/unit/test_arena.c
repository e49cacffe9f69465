/* SPDX-License-Identifier: MIT */
/* arena: memory is zeroed, aligned and apart; deferred functions run once, in reverse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/arena.h"

static int
set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int
tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static void
null_can_be_freed(void **state)
{
    (void)state;
    arena_free(NULL);
    arena_free(arena_new());
}

static void
memory_is_zeroed_and_aligned(void **state)
{
    for (size_t n = 0; n < 5000; n += 37) {
        char *p = arena_alloc(*state, n);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(p[i], 0);
        }
        memset(p, 0xff, n);
    }
}

static void
the_first_chunk_may_have_any_size(void **state)
{
    (void)state;
    for (size_t size = 16; size <= 4096; size *= 4) {
        struct arena *a = arena_new_of(size);
        char *p[8];

        for (int i = 0; i < 8; i++) {
            p[i] = arena_alloc(a, size / 4 * (size_t)(i + 1));
            memset(p[i], i, size / 4 * (size_t)(i + 1));
        }
        for (int i = 0; i < 8; i++) {
            assert_int_equal(p[i][0], i);
            assert_int_equal(p[i][size / 4 * (size_t)(i + 1) - 1], i);
        }
        arena_free(a);
    }
}

/* Random sizes, each block filled with its own number; none may have been overwritten at the end. */
static void
blocks_do_not_overlap(void **state)
{
    enum { BLOCKS = 3000 };
    static unsigned char *block[BLOCKS];
    static size_t size[BLOCKS];
    unsigned seed = (unsigned)time(NULL);

    print_message("# seed %u\n", seed);
    srand(seed);
    for (int i = 0; i < BLOCKS; i++) {
        size[i] = (size_t)(rand() % 100 == 0 ? rand() % 200000 : rand() % 200);
        block[i] = arena_alloc(*state, size[i]);
        memset(block[i], i & 0xff, size[i]);
    }
    for (int i = 0; i < BLOCKS; i++) {
        for (size_t j = 0; j < size[i]; j++) {
            assert_int_equal(block[i][j], i & 0xff);
        }
    }
}

static void
texts_are_copied_and_terminated(void **state)
{
    char not_terminated[3] = {'a', 'b', 'c'};
    char *long_text = arena_printf(*state, "%05000d|%s", 0, "end");

    assert_null(arena_strdup(*state, NULL));
    assert_string_equal(arena_strdup(*state, ""), "");
    assert_string_equal(arena_strndup(*state, not_terminated, 3), "abc");
    assert_string_equal(arena_strndup(*state, "ab", 10), "ab");
    assert_int_equal(strlen(long_text), 5004);
    assert_string_equal(long_text + 5000, "|end");
    assert_string_equal(arena_printf(*state, "%s", ""), "");
}

static char order[16];
static struct arena *freeing;

static void
note(void *arg)
{
    order[strlen(order)] = *(const char *)arg;
}

static void
note_and_defer_more(void *arg)
{
    note(arg);
    arena_defer(freeing, note, arena_strdup(freeing, "x"));
}

static void
deferred_functions_run_in_reverse_also_late_ones(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    memset(order, 0, sizeof(order));
    freeing = a;
    arena_defer(a, note, arena_strdup(a, "1"));
    arena_defer(a, note_and_defer_more, arena_strdup(a, "2"));
    arena_defer(a, note, arena_strdup(a, "3"));
    arena_free(a);
    assert_string_equal(order, "32x1");
}

static void
arrays_have_room_for_all(void **state)
{
    int64_t *numbers = ARENA_ARRAY(*state, 1000, int64_t);

    for (int i = 0; i < 1000; i++) {
        assert_int_equal(numbers[i], 0);
        numbers[i] = -1;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_can_be_freed),
        cmocka_unit_test_setup_teardown(memory_is_zeroed_and_aligned, set_up, tear_down),
        cmocka_unit_test(the_first_chunk_may_have_any_size),
        cmocka_unit_test_setup_teardown(blocks_do_not_overlap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_are_copied_and_terminated, set_up, tear_down),
        cmocka_unit_test(deferred_functions_run_in_reverse_also_late_ones),
        cmocka_unit_test_setup_teardown(arrays_have_room_for_all, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
