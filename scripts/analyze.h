/* For scripts/check-static: what an analyser cannot see from one file, that gr_fail returns the
 * status that it is given, which is never GR_OK, and that gr_infer_fail returns false. */
#include "base/base.h"
#include "graph/op.h"
#define ANALYZE_FAIL(function, status, ...)                                                        \
    __extension__({                                                                                \
        const gr_status analyze_status = (status);                                                 \
        function(analyze_status, __VA_ARGS__);                                                     \
        analyze_status;                                                                            \
    })
#define gr_fail(status, ...) ANALYZE_FAIL((gr_fail), status, __VA_ARGS__)
#define gr_fail_prefix(status, ...) ANALYZE_FAIL((gr_fail_prefix), status, __VA_ARGS__)
#define gr_infer_fail(...) ((void)(gr_infer_fail)(__VA_ARGS__), false)
