/* Whole training graphs: the bytes are the choices of the generator that test_random_graphs draws
 * from. All that it builds is right, so nothing may be refused. */
#include "fuzz.h"

#include "support_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    random_graph r;
    fuzz_start();
    const gr_status status = random_graph_of_bytes(data, size, &r);
    if (fuzz_status(status)) {
        FUZZ_REQUIRE(fuzz_status(gr_graph_verify(r.graph)));
        if (fuzz_small(r.graph)) fuzz_compare(r.graph, r.target, r.n_results, r.store, 1);
    } else {
        FUZZ_REQUIRE(status == GR_NO_MEMORY);
    }
    random_graph_clear(&r);
    return 0;
}
