/* One step in time: the state after it, from the state before it and $source. `after` must
 * be another array than `before`; before the first input stands ${name}_start. */
static inline void ${name}_step(const uint32_t *before, const ${name}_input *x,$number uint32_t *after)
{
$read
    uint32_t word = 0;
    for (uint32_t j = 0; j < ${NAME}_STATE; j++) {
        uint32_t differ = ${name}_differ(a, ${name}_xs + j * $x_words, $x_words);
        differ += ${name}_differ(before, ${name}_ss + j * ${NAME}_STATE_WORDS, ${NAME}_STATE_WORDS);
        word |= (uint32_t)(differ <= $limit) << (j & 31u);
        if ((j & 31u) == 31u || j + 1u == ${NAME}_STATE) {
            *after++ = word;
            word = 0;
        }
    }
}

