/* Networks as text: the layers, their names, the same graph as from C, faults, the left-out input.
 */
#include "support.h"
#include "support_memory.h"

#include <gradus/lang.h>
#include <gradus/layers.h>

typedef struct net_test {
    gr_graph *graph;
    gr_store *store;
    gr_scope *scope;
    gr_node *x;
} net_test;

static net_test net_start(gr_shape shape, gr_mode mode)
{
    net_test net = {.graph = gr_graph_new(), .store = gr_store_new()};
    gr_scope_options options = {.size = sizeof options, .mode = mode, .seed = 1};
    net.scope = gr_scope_new(net.graph, net.store, &options);
    net.x = gr_input(net.graph, "x", GR_F32, shape);
    return net;
}

static void net_end(net_test *net)
{
    gr_scope_free(net->scope);
    gr_store_free(net->store);
    gr_graph_free(net->graph);
}

/* "conv1/weight[20,1,5,5] conv1/bias[20] …" */
static char *net_variables(const net_test *net)
{
    gr_text text = {0};
    for (int i = 0; i < gr_store_size(net->store); i++) {
        gr_text_printf(&text, "%s%s%s", i ? " " : "", gr_store_name(net->store, i),
                       gr_shape_text(gr_store_type(net->store, i).shape));
    }
    return text.data;
}

static const char lenet_text[] =
    "conv(20, 5) |> maxpool(2) |> conv(50, 5) |> maxpool(2) |> fc(500) |> relu |> fc(10)";

static gr_node *lenet(gr_scope *s, gr_node *x)
{
    x = gr_max_pool(gr_conv_layer(s, "conv1", x, GR_CONV(20, 5)), GR_WINDOW(2));
    x = gr_max_pool(gr_conv_layer(s, "conv2", x, GR_CONV(50, 5)), GR_WINDOW(2));
    x = gr_relu(gr_dense(s, "fc1", x, GR_DENSE(500)));
    return gr_dense(s, "fc2", x, GR_DENSE(10));
}

/* Op, name and type of every node; attributes by their text. */
static char *net_gates(const net_test *net)
{
    gr_text text = {0};
    char node[400];
    for (int i = 0; i < gr_graph_size(net->graph); i++) {
        const gr_node *n = gr_graph_node(net->graph, i);
        gr_text_printf(&text, "%s %s %s\n", gr_node_name(n) ? gr_node_name(n) : "-",
                       gr_node_text(n, node, sizeof node), gr_shape_text(gr_node_shape(n)));
    }
    return text.data;
}

static void text_and_c_build_the_same_graph(void **state)
{
    (void)state;
    net_test a = net_start(GR_SHAPE(4, 1, 28, 28), GR_EVAL);
    net_test b = net_start(GR_SHAPE(4, 1, 28, 28), GR_EVAL);
    gr_node *y = gr_net(a.scope, a.x, lenet_text);
    if (gr_is_error(y)) fail_msg("%s", gr_graph_message(a.graph));
    assert_string_equal(gr_shape_text(gr_node_shape(y)), "[4,10]");
    lenet(b.scope, b.x);
    char *gates = net_gates(&a), *wanted = net_gates(&b);
    assert_string_equal(gates, wanted);
    gr_free(gates);
    gr_free(wanted);
    char *variables = net_variables(&a);
    assert_string_equal(variables,
                        "conv1/weight[20,1,5,5] conv1/bias[20] conv2/weight[50,20,5,5] "
                        "conv2/bias[50] fc1/weight[500,800] fc1/bias[500] fc2/weight[10,500] "
                        "fc2/bias[10]");
    gr_free(variables);
    net_end(&a);
    net_end(&b);
}

static const struct {
    const char *text, *shape, *variables;
} nets[] = {
    {"relu |> fc(3)", "[2,3]", "fc1/weight[3,192] fc1/bias[3]"},
    {"dense(3, bias=false)", "[2,3]", "fc1/weight[3,192]"},
    {"fc(3, init=\"xavier\", name=\"out\")", "[2,3]", "out/weight[3,192] out/bias[3]"},
    {"fc(3, std=0.01)", "[2,3]", "fc1/weight[3,192] fc1/bias[3]"},
    {"stem = conv(4, 3)\nstem |> conv(5, 3)", "[2,5,4,4]",
     "stem/weight[4,3,3,3] stem/bias[4] conv1/weight[5,4,3,3] conv1/bias[5]"},
    {"h = conv(4, 3) |> relu\nh |> flatten", "[2,144]", "conv1/weight[4,3,3,3] conv1/bias[4]"},
    {"conv(4, [3, 1], stride=2, pad=[1, 0], bias=false)", "[2,4,4,4]", "conv1/weight[4,3,3,1]"},
    {"conv(6, 3, pad=2, dilation=2, groups=3)", "[2,6,8,8]", "conv1/weight[6,1,3,3] conv1/bias[6]"},
    {"maxpool(3, stride=2)", "[2,3,3,3]", ""},
    {"maxpool(3, stride=2, ceil=true)", "[2,3,4,4]", ""},
    {"avgpool([2, 4])", "[2,3,4,2]", ""},
    {"avgpool(3, stride=1, pad=1, count_pad=true)", "[2,3,8,8]", ""},
    {"global_avgpool", "[2,3]", ""},
    {"dropout(0.5)", "[2,3,8,8]", ""},
    {"batchnorm()", "[2,3,8,8]",
     "batchnorm1/mean[3] batchnorm1/variance[3] batchnorm1/gamma[3] batchnorm1/beta[3]"},
    {"prelu", "[2,3,8,8]", "prelu1/slope[3]"},
    {"linear(5) |> gelu |> gelu_tanh", "[2,3,8,5]", "linear1/weight[5,8] linear1/bias[5]"},
    {"layernorm() |> rmsnorm(axes=2)", "[2,3,8,8]",
     "layernorm1/gamma[8] layernorm1/beta[8] rmsnorm1/gamma[8,8]"},
    {"cast(\"i32\") |> embedding(9, 4, bias=true, name=\"tok\") |> positions(length=10)",
     "[2,3,8,8,4]", "tok/weight[9,4] tok/bias[4] positions1/weight[10,4]"},
    {"attention(heads=4, causal=true, key_heads=2, bias=false)", "[2,3,8,8]",
     "attention1/qkv/weight[16,8] attention1/out/weight[8,8]"},
    {"h = linear(4)\nx |> attention(2, memory=h, mask=h[0,0,0,0] > 0, head_width=3)", "[2,3,8,8]",
     "h/weight[4,8] h/bias[4] attention1/q/weight[6,8] attention1/q/bias[6] "
     "attention1/kv/weight[12,4] attention1/kv/bias[12] attention1/out/weight[8,6] "
     "attention1/out/bias[8]"},
    {"sinusoidal_positions |> rotary(interleaved=true) |> attention(2, rotary=true, bias=false, "
     "lengths=[1, 2, 3, 4, 5, 6])",
     "[2,3,8,8]", "attention1/qkv/weight[24,8] attention1/out/weight[8,8]"},
    {"x[:, 0, 0, 0] |> cast(\"i64\") |> sequence_mask(5) |> cast(\"f32\")", "[2,5]", ""},
    {"leaky_relu(0.1) |> elu(1) |> tanh |> softmax(axis=1)", "[2,3,8,8]", ""},
    {"reshape(-1, 24) |> fc(2)", "[16,2]", "fc1/weight[2,24] fc1/bias[2]"},
    {"h = conv(3, 3, pad=1)\nh + x |> relu", "[2,3,8,8]", "h/weight[3,3,3,3] h/bias[3]"},
    {"a = x |> conv(2, 1); b = x |> conv(3, 1); concat(a, b, axis=1)", "[2,5,8,8]",
     "a/weight[2,3,1,1] a/bias[2] b/weight[3,3,1,1] b/bias[3]"},
};

static void layers_and_variables(void **state)
{
    (void)state;
    for (size_t i = 0; i < GR_LEN(nets); i++) {
        net_test net = net_start(GR_SHAPE(2, 3, 8, 8), GR_EVAL);
        gr_node *y = gr_net(net.scope, net.x, nets[i].text);
        if (gr_is_error(y)) fail_msg("%s\n%s", nets[i].text, gr_graph_message(net.graph));
        char *variables = net_variables(&net);
        assert_string_equal(gr_shape_text(gr_node_shape(y)), nets[i].shape);
        assert_string_equal(variables ? variables : "", nets[i].variables);
        assert_int_equal(gr_graph_verify(net.graph), GR_OK);
        gr_free(variables);
        net_end(&net);
    }
}

static const struct {
    const char *text, *message;
} faults[] = {
    {"convv(20, 5) |> relu",
     "net:1:1: unknown layer 'convv'; did you mean 'conv'?\n  convv(20, 5) |> relu\n  ^"},
    {"conv(20, 5, stirde=2)",
     "net:1:13: 'conv' has no option 'stirde'; did you mean 'stride'? The form is conv(x, "
     "channels: int, kernel: ints, "},
    {"conv(20)", "net:1:1: 'conv' lacks 'kernel': the form is conv(x, "},
    {"spp(2) > relu", "net:1:1: 'spp' lacks 'levels': the form is spp(x, levels: int, average: "
                      "bool = false); behind '|>' the x is what stands before it"},
    {"conv(0, 3)", "net:1:6: 'conv': channels must be at least 1, not 0\n"},
    {"conv(4.5, 3)", "net:1:6: 'conv': channels must be a whole number, not 4.5\n"},
    {"conv(4, [1, 2, 3])",
     "net:1:9: 'conv': kernel has 3 numbers, but the input has 2 spatial axes\n"},
    {"flatten |> conv(4, 3)",
     "net:1:12: 'conv': takes [N, C, space...] with 1 to 3 spatial axes, not [2,192]\n"},
    {"fc(3, init=\"hee\")", "net:1:7: 'fc': there is no init \"hee\"; did you mean \"he\"?"},
    {"fc(3, init=\"uniform(1)\")",
     "net:1:7: 'fc': init \"uniform(1)\": should be uniform(LOW, HIGH)"},
    {"fc(3, init=\"uniform(1, -1)\")",
     "net:1:7: 'fc': init \"uniform(1, -1)\": should be uniform(LOW, HIGH)"},
    {"fc(3, init=\"constant(0.1) \")",
     "net:1:7: 'fc': init \"constant(0.1) \": should be constant(NUMBER)"},
    {"fc(3, init=\"he(2)\")", "net:1:7: 'fc': init \"he(2)\": should be he"},
    {"fc(3, init=\"he\", std=1)", "net:1:7: 'fc': std stands for a normal distribution"},
    {"fc(3, name=\"\")", "net:1:7: 'fc': a layer's name is not empty"},
    {"fc(3, name=\"a/b\")", "net:1:7: 'fc': a layer's name is not empty and has no '/'"},
    {"fc(3, name=\"a\") |> fc(4, name=\"a\")",
     "net:1:26: 'fc': another layer is called 'a': give this one a name of its own (name=\"…\")\n"},
    {"fc(3, name=\"fc1\") |> fc(4)", "net:1:22: 'fc': another layer is called 'fc1'"},
    {"dropout(1)", "net:1:9: 'dropout': rate is in [0, 1), not 1\n"},
    {"batchnorm(momentum=2)", "net:1:11: 'batchnorm': momentum is in (0, 1], not 2\n"},
    {"global_avgpool |> global_avgpool",
     "net:1:19: 'global_avgpool': takes [N, C, space...], not [2,3]\n"},
    {"fc(3) |> fc(4", "net:1:14: expected ',' or ')' to close the '(' at 1:12\n"},
    {"y |> fc(3)", "net:1:1: 'y' has no value\n"},
    {"fc(3, init=he)", "net:1:12: 'he' has no value; a text, as init takes, stands in quotes: "
                       "init=\"he\"\n"},
    {"fc(3, std=he)", "net:1:11: 'he' has no value\n"},
};

static void faults_are_kept_by_the_graph(void **state)
{
    (void)state;
    for (size_t i = 0; i < GR_LEN(faults); i++) {
        net_test net = net_start(GR_SHAPE(2, 3, 8, 8), GR_TRAIN);
        assert_true(gr_is_error(gr_net(net.scope, net.x, faults[i].text)));
        const char *message = gr_graph_message(net.graph);
        if (strncmp(message, faults[i].message, strlen(faults[i].message)) != 0) {
            assert_string_equal(message, faults[i].message);
        }
        net_end(&net);
    }
    /* Shapes that do not fit: the layer, the place in the text, the shapes. */
    net_test net = net_start(GR_SHAPE(2, 3, 8, 8), GR_TRAIN);
    gr_net(net.scope, net.x, "conv(4, 3)\n|> conv(5, 9)");
    assert_int_equal(gr_graph_status(net.graph), GR_SHAPE);
    assert_non_null(strstr(gr_graph_message(net.graph), "conv2"));
    assert_non_null(strstr(gr_graph_message(net.graph), "(net:2:4)"));
    net_end(&net);
}

static void layers_need_a_scope(void **state)
{
    (void)state;
    gr_graph *graph = gr_graph_new();
    gr_binding x = {"x", gr_input(graph, "x", GR_F32, GR_SHAPE(2, 3))};
    gr_expr_env env = {.size = sizeof env, .bindings = &x, .n_bindings = 1};
    gr_expr *expr;
    gr_node *y;
    assert_int_equal(gr_expr_parse("x |> fc(3)", NULL, &expr), GR_OK);
    assert_int_equal(gr_expr_build(expr, graph, &env, &y), GR_SYNTAX);
    assert_non_null(strstr(gr_message(), "expression:1:6: 'fc': layers with parameters"));
    gr_expr_free(expr);
    gr_graph_free(graph);
}

/* A canonical text builds what the text built. */
static void canonical_nets(void **state)
{
    (void)state;
    gr_expr *expr;
    char *print;
    assert_int_equal(gr_expr_parse(lenet_text, NULL, &expr), GR_OK);
    assert_int_equal(gr_expr_check(expr, NULL), GR_OK);
    assert_int_equal(gr_expr_print(expr, &print), GR_OK);
    assert_string_equal(print, "x |> conv(20, 5) |> maxpool(2) |> conv(50, 5) |> maxpool(2) |> "
                               "fc(500) |> relu |> fc(10)");
    net_test a = net_start(GR_SHAPE(4, 1, 28, 28), GR_TRAIN);
    net_test b = net_start(GR_SHAPE(4, 1, 28, 28), GR_TRAIN);
    gr_net(a.scope, a.x, lenet_text);
    gr_net(b.scope, b.x, print);
    char *gates = net_gates(&a), *again = net_gates(&b);
    assert_string_equal(gates, again);
    gr_free(gates);
    gr_free(again);
    gr_text_release(print);
    gr_expr_free(expr);
    net_end(&a);
    net_end(&b);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    gr_status status = GR_NO_MEMORY;
    for (long n = 1; status != GR_OK; n++) {
        test_memory memory;
        test_memory_start(&memory, 0);
        net_test net = net_start(GR_SHAPE(2, 3, 8, 8), GR_TRAIN);
        memory.fail_at = memory.calls + n;
        gr_node *y = gr_net(net.scope, net.x,
                            "h = conv(4, [3, 3]) |> batchnorm() |> dropout(0.5)\n"
                            "h |> maxpool(2) |> prelu |> fc(3, name=\"out\")");
        status = gr_graph_status(net.graph);
        if (status != GR_OK && status != GR_NO_MEMORY) {
            fail_msg("%ld: %s", n, gr_graph_message(net.graph));
        }
        assert_int_equal(gr_is_error(y), status != GR_OK);
        net_end(&net);
        test_memory_stop(&memory);
        assert_true(n < 3000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_c_build_the_same_graph),
        cmocka_unit_test(layers_and_variables),
        cmocka_unit_test(faults_are_kept_by_the_graph),
        cmocka_unit_test(layers_need_a_scope),
        cmocka_unit_test(canonical_nets),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
