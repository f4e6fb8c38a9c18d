/* Register-blocked binary products in C with intrinsics: what the numba kernels are compared with.
 *
 * z (m, n) = columns - 2 * popcount(a XOR b), for packed rows a (m, words) and packed rows b in
 * panels of 16: panels (n / 16 rounded up, words, 16), missing rows 0. A tile keeps its counters in
 * registers while the words go by. Compiled and loaded by the benchmark only.
 */
#include <immintrin.h>
#include <stdint.h>

#define PANEL 16
#define BLOCK 512 /* rows whose words stay in the cache while the panels go by */
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8") /* or the counters do not stay in registers */

/* Write the sums of one row of a tile: all that the panel has, or those that exist. */
INLINE void store(const int64_t *count, int columns, int have, int32_t *z)
{
    for (int j = 0; j < have; j++)
        z[j] = columns - 2 * (int32_t)count[j];
}

#ifdef __AVX512VPOPCNTDQ__
INLINE void tile512(int rows, const uint64_t *a, const uint64_t *b, int words, int columns,
                    int have, int32_t *z, int n)
{
    __m512i count[8][2];
    UNROLL for (int r = 0; r < rows; r++)
        count[r][0] = count[r][1] = _mm512_setzero_si512();
    for (int k = 0; k < words; k++) {
        __m512i b0 = _mm512_loadu_si512(b + PANEL * k);
        __m512i b1 = _mm512_loadu_si512(b + PANEL * k + 8);
        UNROLL for (int r = 0; r < rows; r++) {
            __m512i x = _mm512_set1_epi64((long long)a[(int64_t)r * words + k]);
            __m512i d0 = _mm512_popcnt_epi64(_mm512_xor_si512(x, b0));
            __m512i d1 = _mm512_popcnt_epi64(_mm512_xor_si512(x, b1));
            count[r][0] = _mm512_add_epi64(count[r][0], d0);
            count[r][1] = _mm512_add_epi64(count[r][1], d1);
        }
    }
    __m256i base = _mm256_set1_epi32(columns);
    UNROLL for (int r = 0; r < rows; r++) {
        int32_t *out = z + (int64_t)r * n;
        if (have == PANEL) {
            for (int v = 0; v < 2; v++) {
                __m256i twice = _mm256_slli_epi32(_mm512_cvtepi64_epi32(count[r][v]), 1);
                _mm256_storeu_si256((__m256i *)(out + 8 * v), _mm256_sub_epi32(base, twice));
            }
        } else {
            int64_t sums[PANEL];
            _mm512_storeu_si512(sums, count[r][0]);
            _mm512_storeu_si512(sums + 8, count[r][1]);
            store(sums, columns, have, out);
        }
    }
}

/* 8 rows x 2 vectors: 16 of the 32 registers count. */
void product_avx512(const uint64_t *a, const uint64_t *panels, int m, int n, int words,
                    int columns, int32_t *z)
{
    for (int first = 0; first < m; first += BLOCK) {
        int last = first + BLOCK < m ? first + BLOCK : m;
        for (int at = 0; at < n; at += PANEL) {
            const uint64_t *b = panels + (int64_t)at * words;
            int have = n - at < PANEL ? n - at : PANEL, i = first;
            for (; i + 8 <= last; i += 8)
                tile512(8, a + (int64_t)i * words, b, words, columns, have,
                        z + (int64_t)i * n + at, n);
            for (; i + 4 <= last; i += 4)
                tile512(4, a + (int64_t)i * words, b, words, columns, have,
                        z + (int64_t)i * n + at, n);
            for (; i < last; i++)
                tile512(1, a + (int64_t)i * words, b, words, columns, have,
                        z + (int64_t)i * n + at, n);
        }
    }
}
#endif

#ifdef __AVX2__
/* Ones in each byte, by looking up its two halves in a table. */
INLINE __m256i ones_a_byte(__m256i x)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
                                           0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
    __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return _mm256_add_epi8(low, high);
}

INLINE void tile256(int rows, const uint64_t *a, const uint64_t *b, int words, int columns,
                    int have, int32_t *z, int n)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i count[4][2];
    UNROLL for (int r = 0; r < rows; r++)
        count[r][0] = count[r][1] = zero;
    for (int k = 0; k < words; k++) {
        const __m256i *at = (const __m256i *)(b + PANEL * k);
        __m256i b0 = _mm256_loadu_si256(at), b1 = _mm256_loadu_si256(at + 1);
        UNROLL for (int r = 0; r < rows; r++) {
            __m256i x = _mm256_set1_epi64x((long long)a[(int64_t)r * words + k]);
            __m256i d0 = _mm256_sad_epu8(ones_a_byte(_mm256_xor_si256(x, b0)), zero);
            __m256i d1 = _mm256_sad_epu8(ones_a_byte(_mm256_xor_si256(x, b1)), zero);
            count[r][0] = _mm256_add_epi64(count[r][0], d0);
            count[r][1] = _mm256_add_epi64(count[r][1], d1);
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        int64_t sums[8];
        _mm256_storeu_si256((__m256i *)sums, count[r][0]);
        _mm256_storeu_si256((__m256i *)(sums + 4), count[r][1]);
        store(sums, columns, have, z + (int64_t)r * n);
    }
}

/* 4 rows x 2 vectors, half a panel: 8 of the 16 registers count. */
void product_avx2(const uint64_t *a, const uint64_t *panels, int m, int n, int words,
                  int columns, int32_t *z)
{
    for (int first = 0; first < m; first += BLOCK) {
        int last = first + BLOCK < m ? first + BLOCK : m;
        for (int at = 0; at < n; at += 8) {
            const uint64_t *b = panels + (int64_t)(at / PANEL) * PANEL * words + at % PANEL;
            int have = n - at < 8 ? n - at : 8, i = first;
            for (; i + 4 <= last; i += 4)
                tile256(4, a + (int64_t)i * words, b, words, columns, have,
                        z + (int64_t)i * n + at, n);
            for (; i < last; i++)
                tile256(1, a + (int64_t)i * words, b, words, columns, have,
                        z + (int64_t)i * n + at, n);
        }
    }
}
#endif
