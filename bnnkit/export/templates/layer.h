/* A layer of signs: a neuron is +1 where at most $limit of its inputs differ from its weights. */
static inline void ${name}_layer(const uint32_t *in, uint32_t words, const uint32_t *weights,
    $declared, uint32_t rows, uint32_t *out)
{
    uint32_t word = 0;
    for (uint32_t j = 0; j < rows; j++) {
        const uint32_t differ = ${name}_differ(in, weights + j * words, words);
        word |= (uint32_t)((int32_t)differ <= $limit) << (j & 31u);
        if ((j & 31u) == 31u || j + 1u == rows) {
            *out++ = word;
            word = 0;
        }
    }
}

