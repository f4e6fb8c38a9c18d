/* Register-blocked binary products in C with intrinsics: what the numba kernels are compared with.
 * Rows times panels of 16 columns, as in bnnkit/engine/kernels.py. Compiled by the benchmark only.
 */
#include <immintrin.h>
#include <stdint.h>

#define PANEL 16
#define ROWS 4

static void finish(const int64_t count[PANEL], int columns, int32_t *z, int have)
{
    for (int j = 0; j < have; j++)
        z[j] = columns - 2 * (int32_t)count[j];
}

#ifdef __AVX512VPOPCNTDQ__
static inline __attribute__((always_inline)) void tile512(const uint64_t *a, const uint64_t *b, int rows, int words, int columns,
                           int32_t *z, int n, int have)
{
    __m512i count[ROWS][2];
    for (int r = 0; r < ROWS; r++)
        count[r][0] = count[r][1] = _mm512_setzero_si512();
    for (int k = 0; k < words; k++) {
        __m512i b0 = _mm512_loadu_si512(b + PANEL * k), b1 = _mm512_loadu_si512(b + PANEL * k + 8);
        for (int r = 0; r < rows; r++) {
            __m512i x = _mm512_set1_epi64((long long)a[r * words + k]);
            count[r][0] = _mm512_add_epi64(count[r][0],
                                           _mm512_popcnt_epi64(_mm512_xor_si512(x, b0)));
            count[r][1] = _mm512_add_epi64(count[r][1],
                                           _mm512_popcnt_epi64(_mm512_xor_si512(x, b1)));
        }
    }
    for (int r = 0; r < rows; r++) {
        if (have == PANEL) {
            __m256i k8 = _mm256_set1_epi32(columns);
            for (int v = 0; v < 2; v++)
                _mm256_storeu_si256((__m256i *)(z + r * n + 8 * v),
                    _mm256_sub_epi32(k8, _mm256_slli_epi32(_mm512_cvtepi64_epi32(count[r][v]), 1)));
        } else {
            int64_t out[PANEL];
            _mm512_storeu_si512(out, count[r][0]);
            _mm512_storeu_si512(out + 8, count[r][1]);
            finish(out, columns, z + r * n, have);
        }
    }
}

void product_avx512(const uint64_t *a, const uint64_t *panels, int m, int n, int words, int columns,
                    int32_t *z)
{
    for (int first = 0; first < m; first += 512)
        for (int p = 0; p * PANEL < n; p++) {
            int last = first + 512 < m ? first + 512 : m, i = first;
            int have = n - p * PANEL < PANEL ? n - p * PANEL : PANEL;
            const uint64_t *b = panels + (int64_t)p * words * PANEL;
            int32_t *out = z + p * PANEL;
            for (; i + ROWS <= last; i += ROWS)
                tile512(a + (int64_t)i * words, b, ROWS, words, columns, out + (int64_t)i * n, n, have);
            for (; i < last; i++)
                tile512(a + (int64_t)i * words, b, 1, words, columns, out + (int64_t)i * n, n, have);
        }
}
#endif

#ifdef __AVX2__
/* Population count of bytes by two table look-ups (pshufb), summed to 64-bit lanes (psadbw). */
static inline __m256i popcount256(__m256i x)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
                                           0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
    __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
}

void product_avx2(const uint64_t *a, const uint64_t *panels, int m, int n, int words, int columns,
                  int32_t *z)
{
    for (int p = 0; p * PANEL < n; p++) {
        int have = n - p * PANEL < PANEL ? n - p * PANEL : PANEL;
        const uint64_t *b = panels + (int64_t)p * words * PANEL;
        for (int i = 0; i < m; i += 2) {
            int rows = i + 2 <= m ? 2 : 1;
            for (int half = 0; half < PANEL; half += 8) {
                __m256i count[2][2];
                for (int r = 0; r < 2; r++)
                    count[r][0] = count[r][1] = _mm256_setzero_si256();
                for (int k = 0; k < words; k++) {
                    const __m256i *at = (const __m256i *)(b + PANEL * k + half);
                    __m256i b0 = _mm256_loadu_si256(at), b1 = _mm256_loadu_si256(at + 1);
                    for (int r = 0; r < rows; r++) {
                        __m256i x = _mm256_set1_epi64x((long long)a[(int64_t)(i + r) * words + k]);
                        count[r][0] = _mm256_add_epi64(count[r][0],
                                                       popcount256(_mm256_xor_si256(x, b0)));
                        count[r][1] = _mm256_add_epi64(count[r][1],
                                                       popcount256(_mm256_xor_si256(x, b1)));
                    }
                }
                for (int r = 0; r < rows; r++) {
                    int64_t out[8];
                    _mm256_storeu_si256((__m256i *)out, count[r][0]);
                    _mm256_storeu_si256((__m256i *)(out + 4), count[r][1]);
                    int left = have - half;
                    finish(out, columns, z + (int64_t)(i + r) * n + p * PANEL + half,
                           left < 0 ? 0 : left < 8 ? left : 8);
                }
            }
        }
    }
}
#endif
