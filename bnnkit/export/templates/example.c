/* An example for $name.h, and its test on the device: main returns how many of the
 * $count samples below get another class than from bnnkit (at most 99), so 0 is right. */
#include "$header"

static const ${name}_input samples[$count][$size] = {
$samples
};

static const uint32_t classes[$count] = {
$classes
};

int main(void)
{
    int wrong = 0;
    for (uint32_t i = 0; i < ${count}u && wrong < 99; i++) {
        wrong += ${name}_predict(samples[i]$steps) != classes[i];
    }
    return wrong;
}
