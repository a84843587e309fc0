// SPDX-License-Identifier: Apache-2.0
// A load for a guest's memory management, as one static program: processes that come and go, map,
// touch, protect, move and unmap memory, and check what they find.
#include "../guest_clock.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t pages = 256;

sigjmp_buf after_fault;

void on_fault(int) {
    siglongjmp(after_fault, 1);
}

[[noreturn]] void complain(char const* what) {
    std::printf("LOAD-BAD %s\n", what);
    std::fflush(stdout);
    _exit(1);
}

/// A write to a page that must not be written, or a read of one that must not be read.
void expect_fault(std::uint64_t volatile* word, bool by_writing) {
    if (sigsetjmp(after_fault, 1) == 0) {
        if (by_writing) {
            *word = 1;
        } else {
            static_cast<void>(*word);
        }
        complain("no fault");
    }
}

std::uint64_t* word_of(char* map, std::size_t n) {
    return reinterpret_cast<std::uint64_t*>(map + n * page);
}

/// One child's life.
void live(std::uint64_t seed) {
    auto* map = static_cast<char*>(
        mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (map == MAP_FAILED) {
        return; // memory is short, which is no fault of anybody's
    }
    for (std::size_t n = 0; n != pages; ++n) {
        *word_of(map, n) = seed + n;
    }
    mprotect(map, pages / 2 * page, PROT_READ);
    expect_fault(word_of(map, seed % (pages / 2)), true);
    mprotect(map, page, PROT_NONE);
    expect_fault(word_of(map, 0), false);
    mprotect(map, pages * page, PROT_READ | PROT_WRITE);
    // Copy on write: the grandchild changes its own only.
    if (auto const child = fork(); child == 0) {
        for (std::size_t n = 0; n < pages; n += 3) {
            *word_of(map, n) = 0;
        }
        _exit(0);
    } else if (child > 0) {
        int status = 0;
        waitpid(child, &status, 0);
    }
    auto* const moved =
        static_cast<char*>(mremap(map, pages * page, 2 * pages * page, MREMAP_MAYMOVE));
    if (moved == MAP_FAILED) {
        return;
    }
    for (std::size_t n = 0; n != pages; ++n) {
        if (*word_of(moved, n) != seed + n) {
            complain("memory changed");
        }
    }
    munmap(moved, 2 * pages * page);
}

/// Children, one after the other, until the time is up.
[[noreturn]] void work(double end, std::uint64_t seed) {
    while (now() < end) {
        auto const child = fork();
        if (child == 0) {
            live(seed);
            _exit(0);
        }
        int status = 0;
        if (child > 0 && waitpid(child, &status, 0) == child && status != 0) {
            complain("a child failed");
        }
        ++seed;
    }
    _exit(0);
}

} // namespace

/// load SECONDS WORKERS
int main(int argc, char** argv) {
    double const seconds = argc > 1 ? std::atof(argv[1]) : 10;
    int const workers = argc > 2 ? std::atoi(argv[2]) : 4;

    struct sigaction action {};

    action.sa_handler = on_fault;
    sigaction(SIGSEGV, &action, nullptr);
    auto const end = now() + seconds;
    for (int i = 0; i != workers; ++i) {
        if (fork() == 0) {
            work(end, static_cast<std::uint64_t>(i) * 1'000'003);
        }
    }
    int bad = 0;
    int status = 0;
    while (wait(&status) > 0) {
        bad += status != 0 ? 1 : 0;
    }
    std::printf("LOAD-DONE bad=%d\n", bad);
    return bad;
}
