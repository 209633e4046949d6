/* For scripts/check-static: what an analyser cannot see from one file, that gr_fail returns the
 * status that it is given, which is never GR_OK. */
#include "base/base.h"
#define gr_fail(status, ...) ((void)(gr_fail)(status, __VA_ARGS__), (status))
#define gr_fail_prefix(status, ...) ((void)(gr_fail_prefix)(status, __VA_ARGS__), (status))
