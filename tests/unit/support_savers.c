#include "support_savers.h"

#include <gradus/gradus.h>
#include <gradus/image.h>

#include "support_faults.h"

static gr_status file_write_npy(const char *path, uint64_t variant)
{
    float x[6] = {(float)variant, 2, 3, 4, 5, 6};
    return gr_npy_write(path, &(gr_tensor){GR_F32, GR_SHAPE(2, 3), x});
}

static gr_status file_read_npy(const char *path, uint64_t *hash)
{
    gr_tensor x;
    GR_TRY(gr_npy_read(path, &x));
    *hash = test_hash_tensor(&x, 1);
    gr_tensor_clear(&x);
    return GR_OK;
}

static gr_status file_fill_store(gr_store *store, uint64_t variant)
{
    float x[6] = {(float)variant};
    int64_t step = (int64_t)variant;
    GR_TRY(gr_store_add(store, "w", &(gr_tensor){GR_F32, GR_SHAPE(2, 3), x}));
    return gr_store_add(store, "step", &(gr_tensor){GR_I64, GR_SCALAR, &step});
}

static gr_status file_write_store(const char *path, uint64_t variant)
{
    gr_store *store = gr_store_new(), *copy = NULL;
    gr_meta *meta = gr_meta_new();
    gr_status status = store && meta ? file_fill_store(store, variant) : GR_NO_MEMORY;
    if (status == GR_OK) status = gr_meta_set_int(meta, "n", (int64_t)variant);
    if (status == GR_OK) status = gr_meta_set_texts(meta, "t", (const char *[]){"a", "\"b\n"}, 2);
    if (status == GR_OK) status = gr_store_snapshot(store, &copy);
    if (status == GR_OK) status = gr_store_save(copy, path, meta);
    gr_meta_free(meta);
    gr_store_free(store);
    gr_store_free(copy);
    return status;
}

static gr_status file_read_store(const char *path, uint64_t *hash)
{
    gr_store *store;
    gr_meta *meta;
    char **texts = NULL;
    int n;
    GR_TRY(gr_store_load(path, &store, &meta));
    gr_status status = gr_meta_get_texts(meta, "t", &texts, &n);
    *hash = test_hash_store(store);
    gr_meta_release(texts);
    gr_store_free(store);
    gr_meta_free(meta);
    return status;
}

static gr_status file_write_png(const char *path, uint64_t variant)
{
    unsigned char x[3 * 4 * 5] = {(unsigned char)variant};
    return gr_image_write_png(path, &(gr_tensor){GR_U8, GR_SHAPE(3, 4, 5), x});
}

static gr_status file_read_png(const char *path, uint64_t *hash)
{
    gr_tensor image, fitted;
    GR_TRY(gr_image_read(path, &image));
    gr_status status = gr_image_fit(&image, GR_SHAPE(1, 3, 3), NULL, &fitted);
    if (status == GR_OK) *hash = test_hash_tensor(&fitted, test_hash_tensor(&image, 1));
    gr_tensor_clear(&image);
    gr_tensor_clear(&fitted);
    return status;
}

static gr_status file_hash_set(gr_dataset *set, uint64_t *hash)
{
    unsigned char x[16];
    int32_t y;
    gr_status status = GR_OK;
    *hash = (uint64_t)gr_dataset_size(set);
    for (int64_t i = 0; status == GR_OK && i < gr_dataset_size(set); i++) {
        status = gr_dataset_read(set, i, 0, x, &y);
        *hash = gr_hash(x, 3, *hash + (uint64_t)y);
    }
    gr_dataset_free(set);
    return status;
}

static gr_status file_write_record(const char *path, uint64_t variant)
{
    unsigned char x[4 * 3] = {(unsigned char)variant};
    const int32_t y[4] = {0, 1, 1, 0};
    gr_dataset *set;
    GR_TRY(gr_dataset_new("made", &(gr_tensor){GR_U8, GR_SHAPE(4, 3), x}, y, 2, NULL, &set));
    gr_status status = gr_data_pack(set, NULL, path);
    gr_dataset_free(set);
    return status;
}

static gr_status file_read_record(const char *path, uint64_t *hash)
{
    gr_dataset *set;
    GR_TRY(gr_data_open(path, NULL, &set, NULL));
    return file_hash_set(set, hash);
}

static gr_status file_write_figure(const char *path, uint64_t variant)
{
    const double x[] = {1, 2, 3}, y[] = {(double)variant, 5, 2};
    gr_figure *figure;
    GR_TRY(gr_figure_new(NULL, &figure));
    gr_status status =
        gr_figure_add(figure, 0, GR_SERIES(GR_SERIES_LINE, .label = "y", .x = x, .y = y, .n = 3));
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

static gr_status file_write_model(const char *path, uint64_t variant)
{
    gr_model *model;
    GR_TRY(gr_model_new(GR_MODEL(.net = "fc(3) |> tanh |> fc(2)", .input = GR_SHAPE(4),
                                 .classes = 2, .seed = variant),
                        &model));
    gr_status status = gr_model_save(model, path);
    gr_model_free(model);
    return status;
}

static gr_status file_read_model(const char *path, uint64_t *hash)
{
    gr_model *model;
    GR_TRY(gr_model_load(path, NULL, &model));
    *hash = test_hash_store(gr_model_store(model));
    gr_model_free(model);
    return GR_OK;
}

static const test_saver savers[] = {
    {"npy", file_write_npy, file_read_npy},
    {"store", file_write_store, file_read_store},
    {"model", file_write_model, file_read_model},
    {"record.grr", file_write_record, file_read_record},
    {"picture.png", file_write_png, file_read_png},
    {"figure.svg", file_write_figure, NULL},
};

const test_saver *test_saver_of(int i)
{
    return i < (int)GR_LEN(savers) ? &savers[i] : NULL;
}
