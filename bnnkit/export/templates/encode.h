/* Inputs to bits: which of its thresholds does each exceed? */
static inline void ${name}_encode(const ${name}_input *x, uint32_t *bits)
{
    uint32_t word = 0, at = 0;
    for (uint32_t i = 0; i < ${NAME}_INPUTS; i++) {
        for (uint32_t j = 0; j < ${NAME}_THRESHOLDS; j++, at++) {
            word |= (uint32_t)((int32_t)x[i] > $threshold) << (at & 31u);
            if ((at & 31u) == 31u) {
                *bits++ = word;
                word = 0;
            }
        }
    }
    if ((at & 31u) != 0u) {
        *bits = word;
    }
}

