/* What the readers and writers of files need of metadata beyond io.h. Internal. */
#ifndef GR_IO_META_H
#define GR_IO_META_H

#include <gradus/io.h>

#include "base/base.h"

/* The keys that the file format keeps for itself. */
#define GR_META_CHECKSUM "gradus.checksum"
#define GR_META_FORMAT "gradus.format"

#endif
