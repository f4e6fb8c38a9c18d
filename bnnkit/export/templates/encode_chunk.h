/* A chunk of a series to bits: which of its thresholds does each number exceed? */
static inline void ${name}_encode(const ${name}_input *x, uint32_t step, uint32_t *bits)
{
    uint32_t word = 0, bit = 0;
    for (uint32_t time = step * ${size}u; time < (step + 1u) * ${size}u; time++) {
        const uint32_t first = ($time) * ${NAME}_INPUTS;
        for (uint32_t i = first; i < first + ${NAME}_INPUTS; i++) {
            const uint32_t end = (i + 1u) * ${NAME}_THRESHOLDS;
            for (uint32_t at = i * ${NAME}_THRESHOLDS; at < end; at++, bit++) {
                word |= (uint32_t)((int32_t)x[i] > ${name}_thresholds[at]) << (bit & 31u);
                if ((bit & 31u) == 31u) {
                    *bits++ = word;
                    word = 0;
                }
            }
        }
    }
    if ((bit & 31u) != 0u) {
        *bits = word;
    }
}

