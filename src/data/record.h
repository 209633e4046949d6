/* Record files: examples after each other, with an index and checksums. Internal.
 *
 * All numbers are little-endian. At byte 0 the header, GR_RECORD_WORDS words of 8 bytes in the
 * order of gr_record_word; at byte GR_RECORD_HEADER the records; then the index, GR_RECORD_ENTRY
 * bytes for each record: where it is (u64), its size (u64), its checksum (u64), its class (i32; -1:
 * none), the size of its name (u32), which is what it begins with; then texts that end in a NUL:
 * the name of the set and those of its classes. A record holds an example's elements or a JPEG or
 * PNG file. Checksums are CRC-64/XZ. */
#ifndef GR_DATA_RECORD_H
#define GR_DATA_RECORD_H

#include "data/dataset.h"

#define GR_RECORD_MAGIC "GRADUSRD"
#define GR_RECORD_VERSION 1
#define GR_RECORD_HEADER 192
#define GR_RECORD_ENTRY 32

typedef enum gr_record_word {
    GR_RECORD_AT_MAGIC,
    GR_RECORD_AT_VERSION,
    GR_RECORD_AT_PICTURES, /* 1: records are encoded pictures */
    GR_RECORD_AT_TRAIN,    /* records of the training part, which come first, */
    GR_RECORD_AT_TEST,     /* and of the test part */
    GR_RECORD_AT_INDEX,    /* where the index is, */
    GR_RECORD_AT_TEXTS,    /* and the texts, right behind it, */
    GR_RECORD_AT_SIZE,     /* and the end of the file */
    GR_RECORD_AT_DTYPE,    /* of an example: 0 u8, 1 f32, 2 i32 */
    GR_RECORD_AT_RANK,
    GR_RECORD_AT_SHAPE, /* GR_MAX_RANK sizes */
    GR_RECORD_AT_CLASSES = GR_RECORD_AT_SHAPE + GR_MAX_RANK,
    GR_RECORD_AT_INDEX_SUM,  /* of index and texts */
    GR_RECORD_AT_HEADER_SUM, /* of the words before it */
    GR_RECORD_WORDS
} gr_record_word;

/* Does the file begin as a record file? Faults as of gr_file_read. */
gr_status gr_is_record_file(const char *path, bool *is);
/* Opens the training or the test part; *dataset stays NULL if there are no records of the part. */
gr_status gr_read_record_file(const char *name, const char *path, const gr_data_options *options,
                              gr_class_list classes, bool test, gr_dataset **dataset);

#endif
