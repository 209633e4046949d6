/* Small data and nets for tests of models and of training. */
#ifndef GR_TEST_SUPPORT_TRAIN_H
#define GR_TEST_SUPPORT_TRAIN_H

#include <gradus/train.h>

#include "support_files.h"

/* n points around the corners of a triangle, f32 [n,4], of the classes "red", "green", "blue" in
 * turn; `spread` 0.3 keeps them apart, 2 mixes them. */
gr_dataset *test_points(int64_t n, double spread, uint64_t seed);
/* 4 → hidden tanh units → 3 scores; *hidden_units (an int64_t) may be NULL: 8. */
gr_node *test_recipe(gr_scope *scope, gr_node *x, void *hidden_units);
/* With batch norm and dropout, which have state and draws. */
gr_node *test_moody_recipe(gr_scope *scope, gr_node *x, void *user);
/* A model of `recipe` (NULL: test_recipe) for test_points. */
gr_model *test_model(gr_recipe *recipe, const gr_dataset *data, uint64_t seed);
/* Are two files equal, byte by byte? */
bool test_same_files(const char *a, const char *b);

#endif
