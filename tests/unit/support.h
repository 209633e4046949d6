/* What every unit test includes: cmocka, which needs these headers before it, and the base. */
#ifndef GR_TEST_SUPPORT_H
#define GR_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

#endif
