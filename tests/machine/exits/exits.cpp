// SPDX-License-Identifier: Apache-2.0
// A load for entries and exits, as one static program: each CPU executes CPUID in a loop while a
// timer interrupts it thousands of times a second.
#include "../guest_clock.hpp"

#include <cpuid.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace {

void execute_cpuid(double until) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    do {
        for (int i = 0; i != 1000; ++i) {
            __cpuid(0, a, b, c, d);
        }
    } while (now() < until);
}

/// Sleeps of the shortest kind. Says how many there were.
void be_woken(int cpu, double until) {
    prctl(PR_SET_TIMERSLACK, 1);
    long woken = 0;
    for (; now() < until; ++woken) {
        timespec const wait{0, 150'000};
        nanosleep(&wait, nullptr);
    }
    std::printf("EXITS-CPU%d woken %ld times\n", cpu, woken);
}

} // namespace

/// exits SECONDS: two processes a CPU, then "EXITS-DONE".
int main(int argc, char** argv) {
    double const until = now() + (argc > 1 ? std::atof(argv[1]) : 10);
    long const cpus = sysconf(_SC_NPROCESSORS_ONLN);
    for (int n = 0; n != 2 * cpus; ++n) {
        if (fork() != 0) {
            continue;
        }
        cpu_set_t mine;
        CPU_ZERO(&mine);
        CPU_SET(static_cast<std::size_t>(n / 2), &mine);
        sched_setaffinity(0, sizeof mine, &mine);
        if (n % 2 == 0) {
            nice(10);
            execute_cpuid(until);
        } else {
            be_woken(n / 2, until);
        }
        std::exit(0);
    }
    while (wait(nullptr) > 0) {
    }
    std::puts("EXITS-DONE");
}
