/* Runs a network on samples from standard input; writes each sample's scores and its class.
 *
 * The header is called net.h. For a network that reads sequences, STEPS says how long they are; one
 * that reads chunks of a series knows it.
 */
#include "net.h"

#include <stdio.h>

#if defined(NET_TIMES)
#define SIZE (NET_TIMES * NET_INPUTS)
#elif defined(STEPS)
#define SIZE (STEPS * NET_INPUTS)
#else
#define SIZE NET_INPUTS
#endif

int main(void)
{
    net_input x[SIZE];
    net_score scores[NET_CLASSES];
    while (fread(x, sizeof x, 1, stdin) == 1) {
        uint32_t predicted;
#if defined(NET_TIMES)
        net_read(x, scores);
        predicted = net_predict(x);
#elif defined(STEPS)
        net_read(x, STEPS, scores);
        predicted = net_predict(x, STEPS);
#else
        net_scores(x, scores);
        predicted = net_predict(x);
#endif
        for (uint32_t c = 0; c < NET_CLASSES; c++) {
            const int64_t score = (int64_t)scores[c];
            fwrite(&score, sizeof score, 1, stdout);
        }
        fwrite(&predicted, sizeof predicted, 1, stdout);
    }
    return 0;
}
