// SPDX-License-Identifier: Apache-2.0
// How long Linux takes for what costs a guest most, as the only process of its machine: a fork with
// an exit, a page fault, a system call. Prints "path NAME NANOSECONDS" for the fastest of several
// rounds, then switches the machine off.
#include "../guest_clock.hpp"

#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>

namespace {

constexpr int rounds = 8;
constexpr std::size_t page = 4096;
constexpr std::size_t pages = 1024;
constexpr int forks = 64;
constexpr int calls = 4096;

double now_ns() {
    return now() * 1e9;
}

/// `measure` gives the nanoseconds of `times` repetitions.
template <class Measure>
void path(char const* name, int times, Measure measure) {
    double best = measure();
    for (int n = 1; n < rounds; ++n) {
        double const ns = measure();
        best = ns < best ? ns : best;
    }
    std::printf("path %s %.0f\n", name, best / times);
    std::fflush(stdout);
}

double forks_and_exits() {
    double const begin = now_ns();
    for (int n = 0; n < forks; ++n) {
        pid_t const child = fork();
        if (child == 0) {
            _exit(0);
        }
        waitpid(child, nullptr, 0);
    }
    return now_ns() - begin;
}

double page_faults() {
    void* const memory =
        mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(memory, pages * page, MADV_NOHUGEPAGE);
    auto* const bytes = static_cast<char volatile*>(memory);
    double const begin = now_ns();
    for (std::size_t n = 0; n < pages; ++n) {
        bytes[n * page] = 1;
    }
    double const ns = now_ns() - begin;
    munmap(memory, pages * page);
    return ns;
}

double system_calls() {
    double const begin = now_ns();
    for (int n = 0; n < calls; ++n) {
        syscall(SYS_getppid);
    }
    return now_ns() - begin;
}

} // namespace

int main() {
    path("fork_exit", forks, forks_and_exits);
    path("page_fault", static_cast<int>(pages), page_faults);
    path("system_call", calls, system_calls);
    std::puts("paths done");
    std::fflush(stdout);
    reboot(RB_POWER_OFF);
    return 0;
}
