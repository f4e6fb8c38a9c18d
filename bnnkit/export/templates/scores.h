/* $what */
static inline void ${name}_scores($argument, ${name}_score *scores)
{
$layers
    for (uint32_t c = 0; c < ${NAME}_CLASSES; c++) {
        const uint32_t differ = ${name}_differ($last, ${name}_classes + c * $words, $words);
        scores[c] = $score;
    }
}

