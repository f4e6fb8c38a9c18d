/* The scores of a series: ${NAME}_INPUTS numbers a time, one time after another. */
static inline void ${name}_read(const ${name}_input *x, ${name}_score *scores)
{
    uint32_t states[2][${NAME}_STATE_WORDS];
    const uint32_t *state = ${name}_start;
    for (uint32_t step = $first; step < ${NAME}_STEPS; step++) {
        ${name}_step(state, x, step, states[step & 1u]);
        state = states[step & 1u];
    }
    ${name}_scores(state, scores);
}

/* The class of a series. */
static inline uint32_t ${name}_predict(const ${name}_input *x)
{
    ${name}_score scores[${NAME}_CLASSES];
    ${name}_read(x, scores);
    return ${name}_largest(scores);
}

