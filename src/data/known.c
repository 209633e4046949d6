/* Looking for the files of a data set that has a name. */
#include "data/dataset.h"

#include <stdio.h>

#include "data/source.h"

const gr_data_info *gr_data_known(int i)
{
    return i >= 0 && i < gr_known_count ? &gr_known_sets[i].info : NULL;
}

const gr_known_set *gr_known_find(const char *name)
{
    for (int i = 0; i < gr_known_count; i++) {
        if (strcmp(gr_known_sets[i].info.name, name) == 0) return &gr_known_sets[i];
    }
    return NULL;
}

const gr_data_file *gr_data_known_file(const char *name, int i)
{
    const gr_known_set *set = gr_known_find(name);
    if (!set || !set->files || i < 0) return NULL;
    for (int k = 0; set->files[k].path; k++) {
        if (k == i) return &set->files[k];
    }
    return NULL;
}

/* Looks under one root; writes the path of what was found. */
static bool known_look_in(const gr_known_set *set, const char *root, char *found)
{
    static const char *const first_file[] = {
        [GR_DATA_IDX] = "train-images-idx3-ubyte",
        [GR_DATA_CIFAR10] = "data_batch_1.bin",
        [GR_DATA_CIFAR100] = "train.bin",
    };
    for (size_t i = 0; i < GR_LEN(set->places) && set->places[i]; i++) {
        char path[GR_SOURCE_PATH];
        if (set->kind == GR_DATA_TABLE || set->kind == GR_DATA_TEXT) {
            if (gr_source_locate(root, set->places[i], found)) return true;
            continue;
        }
        int length = snprintf(found, GR_SOURCE_PATH, "%s/%s", root, set->places[i]);
        if (length < 0 || length >= GR_SOURCE_PATH) continue;
        if (gr_source_locate(found, first_file[set->kind], path)) return true;
    }
    return false;
}

/* $GRADUS_DATA is a list, as PATH is. */
static bool known_look_in_list(const gr_known_set *set, const char *list, char *found)
{
    while (*list) {
        char root[GR_SOURCE_PATH];
        size_t length = strcspn(list, ":");
        if (length > 0 && length < sizeof root) {
            memcpy(root, list, length);
            root[length] = '\0';
            if (known_look_in(set, root, found)) return true;
        }
        list += length;
        if (*list) list++;
    }
    return false;
}

/* By the XDG base directory specification. */
gr_status gr_data_cache(char *path, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length;
    if (cache && *cache) {
        length = snprintf(path, size, "%s/gradus", cache);
    } else if (home && *home) {
        length = snprintf(path, size, "%s/.cache/gradus", home);
    } else {
        return gr_fail(GR_NOT_FOUND, "no cache folder: neither XDG_CACHE_HOME nor HOME is set");
    }
    if (length >= 0 && (size_t)length < size) return GR_OK;
    return gr_fail(GR_INVALID, "the cache folder's path is too long");
}

gr_status gr_data_find(const char *name, char *path, size_t size)
{
    static const char debian[] = "/usr/share/datasets";
    const gr_known_set *set = gr_known_find(name);
    if (!set) return gr_fail(GR_INVALID, "no data set is called '%s'", name);

    if (set->kind == GR_DATA_TASK || set->kind == GR_DATA_POINTS) {
        static const char made[] = "(made)";
        if (size < sizeof made) return gr_fail(GR_INVALID, "%s: the path is too long", made);
        memcpy(path, made, sizeof made);
        return GR_OK;
    }
    char found[GR_SOURCE_PATH], cache[GR_SOURCE_PATH];
    const char *list = getenv("GRADUS_DATA");
    bool has_list = list && *list, has_cache = gr_data_cache(cache, sizeof cache) == GR_OK;
    if ((has_list && known_look_in_list(set, list, found)) ||
        (has_cache && known_look_in(set, cache, found)) || known_look_in(set, debian, found)) {
        size_t length = strlen(found);
        if (length >= size) return gr_fail(GR_INVALID, "%s: the path is too long", found);
        memcpy(path, found, length + 1);
        return GR_OK;
    }
    return gr_fail(GR_NOT_FOUND,
                   "data set '%s': no %s in GRADUS_DATA (%.500s), %s%.500s or %s. To get it: %s",
                   name, set->places[0], has_list ? list : "not set", has_cache ? "" : "no cache",
                   has_cache ? cache : "", debian, set->info.get);
}
