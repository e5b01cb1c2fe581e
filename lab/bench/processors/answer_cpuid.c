/* Answers `cpuid` in place of the processor: each was replaced by `ud2`, which raises SIGILL.
 *
 * With HIDE_AVX512=1 the answers have neither AVX-512, AVX10 and AMX nor any VNNI, as on a
 * processor with AVX2 and no more. Bits: Intel 64 and IA-32 Architectures Software Developer's
 * Manual, volume 2A, CPUID. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define BIT(n) (1u << (n))
#define FEATURES 7
#define AVX10 0x24

static int hides;

static void answer(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *at = (const unsigned char *)registers[REG_RIP];
    const unsigned leaf = registers[REG_RAX], part = registers[REG_RCX];
    unsigned a, b, c, d;
    (void)number, (void)info;
    if (at[0] != 0x0f || at[1] != 0x0b) {
        signal(SIGILL, SIG_DFL); /* another instruction: it raises the signal again */
        return;
    }
    __cpuid_count(leaf, part, a, b, c, d);
    if (hides && leaf == FEATURES && part == 0) {
        b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
        c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
        d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));
    } else if (hides && (leaf == FEATURES || leaf == AVX10)) {
        a = b = c = d = 0;
    }
    registers[REG_RAX] = a;
    registers[REG_RBX] = b;
    registers[REG_RCX] = c;
    registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
    const char *wanted = getenv("HIDE_AVX512");
    struct sigaction how;
    hides = wanted && !strcmp(wanted, "1");
    memset(&how, 0, sizeof how);
    how.sa_sigaction = answer;
    how.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGILL, &how, NULL);
}
