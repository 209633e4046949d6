#include "support_faults.h"

#include "run/store.h"

typedef struct support_plan {
    const test_fault *fault;
    bool once;         /* one allocation fails; else all after it as well */
    uint64_t expected; /* the result without failures */
} support_plan;

static void support_fail(const support_plan *plan, long at, const char *what)
{
    fail_msg("%s, allocation %ld%s: %s", plan->fault->name, at, plan->once ? "" : " and after",
             what);
}

/* What a failed call must have left behind; then the call again, with memory. */
static void support_check_failed(const support_plan *plan, long at, gr_status status, void *made,
                                 uint64_t before)
{
    const test_fault *fault = plan->fault;
    uint64_t result = 0;
    if (status != GR_NO_MEMORY || !*gr_message()) {
        print_error("%s: %s\n", gr_status_text(status), gr_message());
        support_fail(plan, at, "not told as a lack of memory");
    }
    if (fault->state && fault->state(made) != before)
        support_fail(plan, at, "what was handed in has changed");
    status = fault->call(made, &result);
    if (status != GR_OK) {
        print_error("%s: %s\n", gr_status_text(status), gr_message());
        support_fail(plan, at, "fails again although memory is there");
    }
    if (result != plan->expected) support_fail(plan, at, "another result when called again");
}

/* Returns the number of allocations that the call made. */
static long support_once(const support_plan *plan, long at, uint64_t *result)
{
    const test_fault *fault = plan->fault;
    test_memory memory;
    test_memory_start(&memory, 0);
    void *made = fault->make ? fault->make(fault->about) : (void *)(uintptr_t)fault->about;
    const uint64_t before = fault->state ? fault->state(made) : 0;
    memory.calls = 0;
    memory.once = plan->once;
    memory.fail_at = at;
    gr_status status = fault->call(made, result);
    const long calls = memory.calls;
    memory.fail_at = 0;
    if (at == 0) unit_ok(status);
    if (status != GR_OK)
        support_check_failed(plan, at, status, made, before);
    else if (at > 0 && *result != plan->expected)
        support_fail(plan, at, "another result, but no status");
    if (fault->clear) fault->clear(made);
    if (memory.blocks != 0) print_error("%s, allocation %ld: leaks\n", fault->name, at);
    test_memory_stop(&memory);
    return calls;
}

/* The allocation to fail after number `at` of `calls`. */
static long support_next(long at, long calls, int most)
{
    const char *all = getenv("GRADUS_FAULTS");
    if (all && strcmp(all, "all") == 0) return at < 2000 ? at + 1 : at + 1 + (calls - 2000) / 500;
    return at < most / 4 ? at + 1 : at + 1 + calls / most;
}

long test_fault_run(const test_fault *fault, int most)
{
    support_plan plan = {.fault = fault};
    uint64_t result = 0;
    support_once(&plan, 0, &plan.expected); /* what is loaded or noted once for the process */
    const long calls = support_once(&plan, 0, &result);
    if (result != plan.expected) fail_msg("%s: two runs, two results", fault->name);
    for (int i = 0; i < 2; i++) {
        plan.once = i == 0;
        for (long at = 1; at <= calls; at = support_next(at, calls, most))
            support_once(&plan, at, &result);
    }
    return calls;
}

uint64_t test_hash_tensor(const gr_tensor *tensor, uint64_t seed)
{
    seed = gr_hash(tensor->shape.dim, (size_t)tensor->shape.rank * sizeof *tensor->shape.dim,
                   seed + (uint64_t)tensor->dtype);
    return gr_hash(tensor->data, gr_tensor_bytes(tensor), seed);
}

uint64_t test_hash_store(const gr_store *store)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < store->count; i++) {
        const gr_store_entry *entry = &store->entries[i];
        assert_int_equal(gr_store_find(store, entry->name), i);
        hash = gr_hash(entry->name, strlen(entry->name), hash);
        hash = test_hash_tensor(&entry->value, hash);
    }
    return hash;
}

uint64_t test_hash_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    char part[4096];
    uint64_t hash = 1;
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;) hash = gr_hash(part, n, hash);
    fclose(file);
    return hash;
}
