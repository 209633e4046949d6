/* Sets of encoded pictures, of many sizes, that are decoded as they are needed. Internal. */
#ifndef GR_DATA_PICTURES_H
#define GR_DATA_PICTURES_H

#include "data/source.h"
#include "data/view.h"

/* The bytes of a JPEG or PNG file. */
typedef struct gr_encoded {
    const void *data;
    size_t size;
    void *block;                     /* what gr_free frees when it is done with, or NULL */
    char name[GR_SOURCE_PATH + 256]; /* for messages */
} gr_encoded;

struct gr_pictures {
    gr_picture_decoder decoder;
    gr_status (*fetch)(void *user, int64_t i, gr_encoded *encoded);
    void (*free)(void *user);
    void *user;
    bool skip;            /* another picture of its class stands in for one that is bad */
    atomic_uchar *is_bad; /* [count], if skip: has been told */
};

/* Makes a storage, whose name, count, labels and classes are there, one of pictures: u8 [3,h,w] of
 * any size. Takes `user`, on failure too. GR_UNSUPPORTED without a decoder. */
gr_status gr_storage_pictures(gr_storage *storage, const gr_picture_decoder *decoder, bool skip,
                              const gr_pictures *pictures);
void gr_pictures_free(gr_pictures *pictures); /* accepts NULL */

/* Decodes what a view shows of picture i: y, f32 [3,rows,columns], not normalised. */
gr_status gr_pictures_view(const gr_storage *storage, int64_t i, const gr_view *view, uint64_t draw,
                           gr_view_scratch *scratch, gr_frame *frame, float *y);
/* Decodes picture i whole. */
gr_status gr_pictures_read(const gr_storage *storage, int64_t i, gr_tensor *picture);

/* Reads the class folders at `folder` (unlabelled: also the pictures in it) as a set. */
gr_status gr_read_picture_folder(const char *name, const char *folder,
                                 const gr_data_options *options, gr_class_list classes,
                                 gr_dataset **dataset);
/* Reads one JPEG or PNG file as an unlabelled set of one. */
gr_status gr_read_picture_file(const char *name, const char *path, const gr_data_options *options,
                               gr_dataset **dataset);
/* By the end of its name, in any case: .jpg, .jpeg, .png. */
bool gr_is_picture_name(const char *name);

#endif
