/* The scores of a sequence of ${NAME}_INPUTS numbers a step, one step after another. */
static inline void ${name}_read(const ${name}_input *x, uint32_t steps, ${name}_score *scores)
{
    uint32_t states[2][${NAME}_STATE_WORDS];
    const uint32_t *state = ${name}_start;
    for (uint32_t t = $first; t < steps; t++) {
        ${name}_step(state, x + t * ${NAME}_INPUTS, states[t & 1u]);
        state = states[t & 1u];
    }
    ${name}_scores(state, scores);
}

/* The class of a sequence. */
static inline uint32_t ${name}_predict(const ${name}_input *x, uint32_t steps)
{
    ${name}_score scores[${NAME}_CLASSES];
    ${name}_read(x, steps, scores);
    return ${name}_largest(scores);
}

