/* Compares a net's outputs with those that another program got from the same parameters: FILE is a
 * safetensors file with the net's variables, an input "x" and the expected output "y"; NET the text
 * of the net. Prints the largest difference as a line of JSON; exits with 1 if it is above 1e-5 of
 * the largest output. peers/outputs.py writes such files. */
#include <gradus/gradus.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double OUTPUTS_TOLERANCE = 1e-5;

/* Copies the store's variable of f32; the caller frees it. NULL if it is not there or of another
 * type, with the message set. */
static float *outputs_read(const gr_store *store, const char *name, gr_tensor *type)
{
    const int i = gr_store_find(store, name);
    if (i < 0) {
        fprintf(stderr, "outputs: no \"%s\" in the file\n", name);
        return NULL;
    }
    *type = gr_store_type(store, i);
    const size_t bytes = (size_t)gr_shape_count(type->shape) * gr_dtype_size(type->dtype);
    float *data = type->dtype == GR_F32 ? malloc(bytes) : NULL;
    if (data && gr_store_read(store, name, data, bytes) == GR_OK) return data;
    fprintf(stderr, "outputs: cannot read \"%s\" as f32\n", name);
    free(data);
    return NULL;
}

/* The outputs y[n] of the net for x. */
static gr_status outputs_run(gr_store *store, const char *net, const gr_tensor *x, float *y,
                             size_t bytes)
{
    gr_graph *graph = gr_graph_new();
    gr_scope *scope =
        gr_scope_new(graph, store, &(gr_scope_options){.size = sizeof(gr_scope_options)});
    gr_program *program = NULL;
    gr_session *session = NULL;
    gr_node *out = gr_net(scope, gr_input(graph, "x", GR_F32, x->shape), net);
    const size_t x_bytes = (size_t)gr_shape_count(x->shape) * sizeof(float);
    gr_status status = gr_compile(graph, &out, 1, NULL, &program);
    if (status == GR_OK) status = gr_session_new(program, store, NULL, &session);
    if (status == GR_OK) status = gr_session_write(session, 0, x->data, x_bytes);
    if (status == GR_OK) status = gr_session_step(session);
    if (status == GR_OK) status = gr_session_read(session, 0, y, bytes);
    gr_session_free(session);
    gr_program_free(program);
    gr_scope_free(scope);
    gr_graph_free(graph);
    return status;
}

static int outputs_compare(gr_store *store, const char *net)
{
    gr_tensor x_type, y_type;
    float *x = outputs_read(store, "x", &x_type), *y = outputs_read(store, "y", &y_type);
    const int64_t n = y ? gr_shape_count(y_type.shape) : 0;
    const size_t bytes = (size_t)n * sizeof(float);
    float *got = malloc(bytes + 1);
    int exit_status = 1;
    if (x && y && got) {
        x_type.data = x;
        if (outputs_run(store, net, &x_type, got, bytes) == GR_OK) {
            double worst = 0, largest = 0;
            for (int64_t i = 0; i < n; i++) {
                const double difference = fabs((double)got[i] - (double)y[i]);
                if (!(difference <= worst)) worst = difference; /* a NaN stays */
                largest = fmax(largest, fabs((double)y[i]));
            }
            printf("{\"difference\":%.3g,\"largest\":%.3g}\n", worst, largest);
            exit_status = worst <= OUTPUTS_TOLERANCE * largest ? 0 : 1;
        } else {
            fprintf(stderr, "outputs: %s\n", gr_message());
        }
    }
    free(x);
    free(y);
    free(got);
    return exit_status;
}

int main(int argc, char **argv)
{
    gr_store *store;
    if (argc != 3) {
        fprintf(stderr, "usage: outputs FILE.safetensors NET\n");
        return 2;
    }
    if (gr_store_load(argv[1], &store, NULL) != GR_OK) {
        fprintf(stderr, "outputs: %s\n", gr_message());
        return 1;
    }
    const int exit_status = outputs_compare(store, argv[2]);
    gr_store_free(store);
    return exit_status;
}
