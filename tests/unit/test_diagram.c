/* Diagrams of circuits, small and large. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "plot/diagram.h"
#include "support_files.h"
#include "support_memory.h"
#include "support_plot.h"

/* A chain of gates, each of which also reads an input; the first input is read by every third. */
static gr_status sample(int gates, gr_diagram **out)
{
    gr_diagram *diagram;
    int x, fork = 0;
    *out = NULL;
    GR_TRY(gr_diagram_new("A circuit", 0, &diagram));
    gr_status status =
        gr_diagram_add(diagram, GR_DIAGRAM_NODE(.kind = GR_DIAGRAM_LEAF, .text = "x"), &x);
    if (status == GR_OK) {
        status = gr_diagram_add(diagram, GR_DIAGRAM_NODE(.kind = GR_DIAGRAM_FORK), &fork);
    }
    if (status == GR_OK) {
        status = gr_diagram_connect(
            diagram, GR_DIAGRAM_WIRE(.from = x, .to = fork, .value = "1.5", .gradient = "-3"));
    }
    int last = fork;
    for (int i = 0; i < gates && status == GR_OK; i++) {
        char name[16];
        int leaf = fork, gate = 0;
        snprintf(name, sizeof name, "w%d", i);
        if (i % 3)
            status = gr_diagram_add(diagram, GR_DIAGRAM_NODE(.kind = GR_DIAGRAM_LEAF, .text = name),
                                    &leaf);
        if (status == GR_OK) {
            status = gr_diagram_add(
                diagram,
                GR_DIAGRAM_NODE(.kind = i + 1 < gates ? GR_DIAGRAM_GATE : GR_DIAGRAM_RESULT,
                                .text = i % 2 ? "+" : "sigmoid", .name = i % 5 ? NULL : "q"),
                &gate);
        }
        if (status == GR_OK) {
            status = gr_diagram_connect(diagram, GR_DIAGRAM_WIRE(.from = leaf, .to = gate,
                                                                 .value = "[[0.1, 0.2],\n[3, 4]]",
                                                                 .gradient = "0.25"));
        }
        if (status == GR_OK) {
            status = gr_diagram_connect(
                diagram, GR_DIAGRAM_WIRE(.from = last, .to = gate, .value = "-0.731"));
        }
        last = gate;
    }
    if (status == GR_OK) {
        status = gr_diagram_connect(
            diagram, GR_DIAGRAM_WIRE(.from = last, .to = -1, .value = "4", .gradient = "1"));
    }
    if (status == GR_OK) {
        *out = diagram;
    } else {
        gr_diagram_free(diagram);
    }
    return status;
}

static void texts_never_overlap(void **state)
{
    (void)state;
    static const int sizes[] = {1, 3, 20, 60};
    plot_box box[2048];
    for (size_t i = 0; i < GR_LEN(sizes); i++) {
        gr_diagram *diagram;
        int n;
        double width, height;
        assert_int_equal(sample(sizes[i], &diagram), GR_OK);
        gr_status status = gr_diagram_text_boxes(diagram, box, 2048, &n, &width, &height);
        gr_diagram_free(diagram);
        if (status == GR_UNSUPPORTED) skip();
        assert_int_equal(status, GR_OK);
        assert_in_range(n, 3 * sizes[i], 2048);
        test_boxes_apart(box, n, width, height);
    }
}

static gr_status saved(void *path)
{
    gr_diagram *diagram;
    gr_status status = sample(4, &diagram);
    if (status == GR_OK) status = gr_diagram_save(diagram, path);
    gr_diagram_free(diagram);
    return status == GR_UNSUPPORTED ? GR_OK : status;
}

static void equal_diagrams_give_equal_bytes(void **state)
{
    (void)state;
    char *data[2];
    size_t size[2];
    if (gr_diagram_check() != GR_OK || gr_figure_check("a.svg") != GR_OK) skip();
    for (int i = 0; i < 2; i++) {
        const char *path = test_files_path("diagram.svg");
        assert_int_equal(saved((char *)path), GR_OK);
        assert_int_equal(gr_file_read(path, 0, &data[i], &size[i]), GR_OK);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(data[0], data[1], size[0]);
    gr_free(data[0]);
    gr_free(data[1]);
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    test_memory_sweep(saved, (char *)test_files_path("memory.svg"));
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    gr_diagram *diagram;
    int node;
    assert_int_equal(gr_diagram_new(NULL, 0, &diagram), GR_OK);
    gr_status status = gr_diagram_save(diagram, test_files_path("none.svg"));
    assert_true(status == GR_INVALID || status == GR_UNSUPPORTED);
    assert_int_equal(access(test_files_path("none.svg"), F_OK), -1);
    assert_int_equal(gr_diagram_save(diagram, "none.gif"), GR_UNSUPPORTED);
    assert_int_equal(gr_diagram_add(diagram, GR_DIAGRAM_NODE(.text = "+"), &node), GR_OK);
    assert_int_equal(gr_diagram_connect(diagram, GR_DIAGRAM_WIRE(.from = 0, .to = 1)), GR_RANGE);
    assert_string_equal(gr_message(), "diagram: there is no wire from 0 to 1 among 1 nodes");
    assert_int_equal(gr_diagram_add(diagram, GR_DIAGRAM_NODE(.color = 99), &node), GR_INVALID);
    gr_diagram_free(diagram);
    gr_diagram_free(NULL);
}

/* A net of many layers, one after the other and with a way around each second one, goes on in rows,
 * in which no layer is lost, cut or drawn twice. */
static void wide_nets_have_rows(void **state)
{
    (void)state;
    enum { LAYERS = 80, LINES = 2 };
    gr_diagram *diagram;
    plot_box box[LAYERS * LINES + 2];
    double width, height;
    int n, number;
    assert_int_equal(gr_diagram_new("A net", 0, &diagram), GR_OK);
    for (int i = 0; i < LAYERS; i++) {
        assert_int_equal(gr_diagram_add(diagram,
                                        GR_DIAGRAM_NODE(.kind = GR_DIAGRAM_LAYER,
                                                        .text = "layer\n128 parameters"),
                                        &number),
                         GR_OK);
        if (i > 0)
            assert_int_equal(gr_diagram_connect(diagram, GR_DIAGRAM_WIRE(.from = i - 1, .to = i)),
                             GR_OK);
        if (i > 2 && i % 2 == 0)
            assert_int_equal(gr_diagram_connect(diagram, GR_DIAGRAM_WIRE(.from = i - 3, .to = i)),
                             GR_OK);
    }
    gr_status status = gr_diagram_text_boxes(diagram, box, (int)GR_LEN(box), &n, &width, &height);
    gr_diagram_free(diagram);
    if (status == GR_UNSUPPORTED) skip();
    assert_int_equal(status, GR_OK);
    assert_int_equal(n, LAYERS * LINES + 1);
    assert_true(width < 3 * height && height < 3 * width);
    test_boxes_apart(box, n, width, height);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_never_overlap),
        cmocka_unit_test(wide_nets_have_rows),
        cmocka_unit_test(equal_diagrams_give_equal_bytes),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
