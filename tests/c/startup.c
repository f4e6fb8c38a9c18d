/* The least that a Cortex-M needs before main, and a way to tell qemu what main returned.
 *
 * Nothing is linked but libgcc, so a network that asked for a libc would not link at all.
 */
#include <stdint.h>

int main(void);
extern uint32_t stack_top[];
void reset(void);

/* The semihosting call "exit with this code": SYS_EXIT_EXTENDED, ADP_Stopped_ApplicationExit. */
static void leave(uint32_t code)
{
    uint32_t block[2] = {0x20026u, code};
    register uint32_t operation __asm__("r0") = 0x20u;
    register uint32_t *argument __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : : "r"(operation), "r"(argument) : "memory");
}

void reset(void)
{
    leave((uint32_t)main());
    for (;;) {
    }
}

static void fault(void)
{
    leave(100u);
    for (;;) {
    }
}

static const struct {
    uint32_t *stack;
    void (*handlers[3])(void);
} vectors __attribute__((section(".vectors"), used)) = {stack_top, {reset, fault, fault}};
