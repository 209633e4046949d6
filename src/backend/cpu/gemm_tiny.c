/* Products of a few elements. Each matrix is a vector or two: an element of c is Σ_k a[·]·b[·], so
 * that for each k one permutation of a's elements and one of b's put the factors of all of c side
 * by side. A product costs two permutations and a multiply-add for each k, and no loop over rows.
 */
#include "backend/cpu/gemm.h"

#if defined(GR_X86_LEVELS)
#include <immintrin.h>

enum { TINY_LANES = 16, TINY_MOST = 2 * TINY_LANES, TINY_VECTORS = 4, TINY_STEPS = 16 };

typedef struct tiny_plan {
    int steps, vectors; /* k; vectors of c */
    __mmask16 a[2], b[2], c[TINY_VECTORS];
    int32_t index[][2][TINY_LANES]; /* for each vector and step: which elements of a, of b */
} tiny_plan;

#define TINY_FN __attribute__((target("avx512f,fma"))) static

/* a, b and c of one vector each. */
TINY_FN gr_status tiny_run_one(const gr_call *call)
{
    const tiny_plan *p = call->ctx;
    const __m512 a = _mm512_maskz_loadu_ps(p->a[0], call->in[0]);
    const __m512 b = _mm512_maskz_loadu_ps(p->b[0], call->in[1]);
    __m512 sum = _mm512_setzero_ps();
    for (int s = 0; s < p->steps; s++) {
        const __m512i from_a = _mm512_loadu_si512(p->index[s][0]);
        const __m512i from_b = _mm512_loadu_si512(p->index[s][1]);
        sum = _mm512_fmadd_ps(_mm512_permutexvar_ps(from_a, a), _mm512_permutexvar_ps(from_b, b),
                              sum);
    }
    _mm512_mask_storeu_ps(call->out[0], p->c[0], sum);
    return GR_OK;
}

/* a and b of up to two vectors, c of some. */
TINY_FN gr_status tiny_run_some(const gr_call *call)
{
    const tiny_plan *p = call->ctx;
    const float *const in_a = call->in[0], *const in_b = call->in[1];
    const __m512 a0 = _mm512_maskz_loadu_ps(p->a[0], in_a);
    const __m512 a1 = _mm512_maskz_loadu_ps(p->a[1], in_a + TINY_LANES);
    const __m512 b0 = _mm512_maskz_loadu_ps(p->b[0], in_b);
    const __m512 b1 = _mm512_maskz_loadu_ps(p->b[1], in_b + TINY_LANES);
    float *c = call->out[0];
    for (int v = 0; v < p->vectors; v++, c += TINY_LANES) {
        __m512 sum = _mm512_setzero_ps();
        for (int s = v * p->steps; s < (v + 1) * p->steps; s++) {
            const __m512i from_a = _mm512_loadu_si512(p->index[s][0]);
            const __m512i from_b = _mm512_loadu_si512(p->index[s][1]);
            sum = _mm512_fmadd_ps(_mm512_permutex2var_ps(a0, from_a, a1),
                                  _mm512_permutex2var_ps(b0, from_b, b1), sum);
        }
        _mm512_mask_storeu_ps(c, p->c[v], sum);
    }
    return GR_OK;
}

/* The lanes of vector `v` that hold some of n elements. */
static __mmask16 tiny_mask(int64_t n, int v)
{
    const int64_t left = n - v * TINY_LANES;
    return (__mmask16)(left >= TINY_LANES ? 0xffffu : left > 0 ? (1u << left) - 1 : 0u);
}

static void tiny_fill(tiny_plan *p, const gr_gemm *g)
{
    p->steps = (int)g->k;
    p->vectors = (int)((g->m * g->n + TINY_LANES - 1) / TINY_LANES);
    for (int v = 0; v < 2; v++) {
        p->a[v] = tiny_mask(g->m * g->k, v);
        p->b[v] = tiny_mask(g->k * g->n, v);
    }
    for (int v = 0; v < p->vectors; v++) {
        p->c[v] = tiny_mask(g->m * g->n, v);
        for (int s = 0; s < p->steps; s++) {
            for (int lane = 0; lane < TINY_LANES; lane++) {
                const int64_t place = v * TINY_LANES + lane;
                const int64_t i = place < g->m * g->n ? place / g->n : 0, j = place % g->n;
                int32_t(*index)[TINY_LANES] = p->index[v * p->steps + s];
                index[0][lane] = (int32_t)(i * g->a.row + s * g->a.column);
                index[1][lane] = (int32_t)(s * g->b.row + j * g->b.column);
            }
        }
    }
}

static bool tiny_suits(const gr_gemm *g)
{
    return g->m > 0 && g->n > 0 && g->k > 0 && g->k <= TINY_STEPS && g->m <= TINY_MOST &&
           g->n <= TINY_MOST && g->m * g->k <= TINY_MOST && g->k * g->n <= TINY_MOST &&
           g->m * g->n <= TINY_VECTORS * TINY_LANES;
}
#endif

gr_status gr_gemm_tiny_prepare(const gr_gemm *gemm, gr_request *request)
{
#if defined(GR_X86_LEVELS)
    const bool single = gemm->kit->element == sizeof(float);
    if (request->level < GR_CPU_AVX512 || !single || !tiny_suits(gemm)) return GR_UNSUPPORTED;
    const int64_t vectors = (gemm->m * gemm->n + TINY_LANES - 1) / TINY_LANES;
    tiny_plan *p;
    const size_t indices = (size_t)(vectors * gemm->k) * sizeof p->index[0];
    p = gr_arena_alloc(request->arena, sizeof *p + indices);
    if (!p) return GR_NO_MEMORY;
    tiny_fill(p, gemm);
    const bool one = vectors == 1 && p->a[1] == 0 && p->b[1] == 0;
    request->fn = one ? tiny_run_one : tiny_run_some;
    request->ctx = p;
    request->kernel = "gemm-tiny";
    return GR_OK;
#else
    (void)gemm, (void)request;
    return GR_UNSUPPORTED;
#endif
}
