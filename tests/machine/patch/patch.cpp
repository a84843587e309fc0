// SPDX-License-Identifier: Apache-2.0
// Changes code under a breakpoint while another CPU runs into it, as kernels change theirs: as one
// static program for guests with two CPUs.
//
// usage: patch ROUNDS
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

constexpr std::uint8_t int3 = 0xcc;
constexpr std::uint8_t ret = 0xc3;
constexpr unsigned too_often = 1'000'000;

std::uint8_t volatile* code = nullptr;
std::atomic<unsigned> begun = 0;
std::atomic<unsigned> ended = 0;

// In this round: breakpoints met that were no longer there.
std::atomic<unsigned> met = 0;

/// As a kernel's handler: a breakpoint that is gone by now was never there.
void on_trap(int, siginfo_t*, void* context) {
    auto& rip = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
    --rip;
    if (*code != int3 && ++met == too_often) {
        std::printf("PATCH-STUCK in round %u\n", begun.load());
        std::fflush(stdout);
        _Exit(1);
    }
}

void stay_on(std::size_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void run(unsigned rounds) {
    stay_on(1);
    auto const call = reinterpret_cast<void (*)()>(const_cast<std::uint8_t*>(code));
    for (unsigned n = 1; n <= rounds; ++n) {
        while (begun != n) {
        }
        call();
        ended = n;
    }
}

} // namespace

int main(int argc, char** argv) {
    auto const rounds = static_cast<unsigned>(std::atoi(argc > 1 ? argv[1] : "1000"));
    code = static_cast<std::uint8_t*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    struct sigaction trap = {};
    trap.sa_sigaction = on_trap;
    trap.sa_flags = SA_SIGINFO;
    sigaction(SIGTRAP, &trap, nullptr);
    stay_on(0);
    std::thread other(run, rounds);
    unsigned times = 0;
    unsigned worst = 0;
    for (unsigned n = 1; n <= rounds; ++n) {
        met = 0;
        *code = int3;
        begun = n;
        for (unsigned volatile wait = n * 7 % 512; wait != 0;) { // from early to late
            wait = wait - 1;
        }
        *code = ret;
        while (ended != n) {
        }
        times += met;
        worst = met > worst ? met.load() : worst;
    }
    other.join();
    std::printf("PATCH-DONE rounds=%u met=%u worst=%u\n", rounds, times, worst);
}
