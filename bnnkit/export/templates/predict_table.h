/* The class of one sample of ${NAME}_INPUTS numbers. */
static inline uint32_t ${name}_predict(const ${name}_input *x)
{
    ${name}_score scores[${NAME}_CLASSES];
    ${name}_scores(x, scores);
    return ${name}_largest(scores);
}

