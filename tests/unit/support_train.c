#include "support_train.h"

#include <math.h>

gr_dataset *test_points(int64_t n, double spread, uint64_t seed)
{
    static const char *const names[] = {"red", "green", "blue"};
    gr_tensor x;
    gr_dataset *data;
    unit_ok(gr_tensor_new(GR_F32, GR_SHAPE(n, 4), &x));
    int32_t *labels = gr_alloc_array((size_t)n, sizeof *labels);
    assert_non_null(labels);
    gr_rng rng = gr_rng_new(seed, 7);
    for (int64_t i = 0; i < n; i++) {
        float *row = (float *)x.data + 4 * i;
        labels[i] = (int32_t)(i % 3);
        for (int k = 0; k < 4; k++) row[k] = (float)(spread * gr_rng_normal(&rng));
        row[0] += (float)cos(2.1 * labels[i]);
        row[1] += (float)sin(2.1 * labels[i]);
        row[2] += 10;
    }
    unit_ok(gr_dataset_new("points", &x, labels, 3, names, &data));
    gr_tensor_clear(&x);
    gr_free(labels);
    return data;
}

gr_node *test_recipe(gr_scope *scope, gr_node *x, void *hidden_units)
{
    int64_t units = hidden_units ? *(int64_t *)hidden_units : 8;
    x = gr_tanh(gr_dense(scope, "hidden", x, GR_DENSE(units)));
    return gr_dense(scope, "out", x, GR_DENSE(3));
}

gr_node *test_moody_recipe(gr_scope *scope, gr_node *x, void *user)
{
    (void)user;
    x = gr_batch_norm(scope, "norm", gr_dense(scope, "hidden", x, GR_DENSE(16)), NULL);
    x = gr_dropout(scope, "drop", gr_relu(x), 0.25);
    return gr_dense(scope, "out", x, GR_DENSE(3));
}

gr_model *test_model(gr_recipe *recipe, const gr_dataset *data, uint64_t seed)
{
    gr_model *model;
    unit_ok(gr_model_new(
        GR_MODEL(.recipe = recipe ? recipe : test_recipe, .data = data, .seed = seed, .threads = 1),
        &model));
    return model;
}

static char *read_all(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("cannot open %s", path);
    char *data = gr_alloc(1 << 20);
    assert_non_null(data);
    *size = fread(data, 1, 1 << 20, file);
    assert_true(feof(file));
    fclose(file);
    return data;
}

bool test_same_files(const char *a, const char *b)
{
    size_t size_a, size_b;
    char *data_a = read_all(a, &size_a), *data_b = read_all(b, &size_b);
    bool same = size_a == size_b && !memcmp(data_a, data_b, size_a);
    gr_free(data_a);
    gr_free(data_b);
    return same;
}
