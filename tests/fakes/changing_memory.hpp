// SPDX-License-Identifier: Apache-2.0
// Memory that its other owner may change between any two accesses of ours.
#pragma once

#include <xenpp/base/strong.hpp>

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <span>

namespace xenpp::fakes {

/// Pages with two views. Each instruction that touches ours faults first; the handler lets the
/// owner change what it likes in its own view, and the instruction runs then. One such object at a
/// time; it takes SIGSEGV and SIGTRAP.
class changing_memory {
public:
    explicit changing_memory(std::size_t pages) : size_(pages * page_size) {
        int const file = ::memfd_create("changing memory", MFD_CLOEXEC);
        if (file < 0 || ::ftruncate(file, static_cast<off_t>(size_)) != 0) {
            std::abort();
        }
        ours_ = map(file, PROT_NONE);
        theirs_ = map(file, PROT_READ | PROT_WRITE);
        ::close(file);
        watch();
    }

    /// Pages that somebody else mapped twice; `ours` can be read and written, also afterwards.
    changing_memory(std::span<std::byte> ours, std::span<std::byte> theirs)
        : size_(ours.size()), ours_(ours.data()), theirs_(theirs.data()), is_lent_(true) {
        protect(PROT_NONE);
        watch();
    }

    changing_memory(changing_memory const&) = delete;
    changing_memory& operator=(changing_memory const&) = delete;

    ~changing_memory() {
        self_ = nullptr;
        if (is_lent_) {
            protect(PROT_READ | PROT_WRITE);
        } else {
            ::munmap(ours_, size_);
            ::munmap(theirs_, size_);
        }
    }

    /// What code under test gets.
    std::span<std::byte> ours() const { return {ours_, size_}; }

    /// What its other owner writes to.
    std::span<std::byte> theirs() const { return {theirs_, size_}; }

    /// Called before each access of ours. It runs in a signal handler: no memory is allocated.
    std::function<void()> change;

    /// After so many accesses the owner does nothing more until this is called again: for what
    /// copies much, byte by byte.
    void watch_next(std::size_t n) {
        left_ = n;
        protect(PROT_NONE);
    }

    /// Accesses so far.
    std::size_t accesses = 0;

private:
    std::byte* map(int file, int protection) const {
        void* const p = ::mmap(nullptr, size_, protection, MAP_SHARED, file, 0);
        if (p == MAP_FAILED) {
            std::abort();
        }
        return static_cast<std::byte*>(p);
    }

    void protect(int protection) const {
        if (::mprotect(ours_, size_, protection) != 0) {
            std::abort();
        }
    }

    void watch() {
        static bool const is_handled = [] {
            handle(SIGSEGV, &on_access, &before_);
            handle(SIGTRAP, &on_step, nullptr);
            return true;
        }();
        static_cast<void>(is_handled);
        self_ = this;
    }

    static void handle(int signal, void (*what)(int, siginfo_t*, void*), struct sigaction* before) {
        struct sigaction a {};

        a.sa_sigaction = what;
        a.sa_flags = SA_SIGINFO | SA_NODEFER;
        if (::sigaction(signal, &a, before) != 0) {
            std::abort();
        }
    }

    static constexpr greg_t trap_flag = 0x100;

    static greg_t& flags_of(void* context) {
        return static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL];
    }

    static void on_access(int signal, siginfo_t* info, void* context) {
        auto* const at = static_cast<std::byte*>(info->si_addr);
        if (self_ == nullptr || at < self_->ours_ || at >= self_->ours_ + self_->size_) {
            // Not ours: the fault happens again, for whoever handled such things before.
            ::sigaction(signal, &before_, nullptr);
            return;
        }
        ++self_->accesses;
        if (self_->change) {
            self_->change();
        }
        self_->protect(PROT_READ | PROT_WRITE);
        flags_of(context) |= trap_flag;
    }

    static void on_step(int, siginfo_t*, void* context) {
        flags_of(context) &= ~trap_flag;
        if (self_ != nullptr && --self_->left_ != 0) {
            self_->protect(PROT_NONE);
        }
    }

    static inline changing_memory* self_ = nullptr;

    static inline struct sigaction before_ {};

    std::size_t size_;
    std::byte* ours_ = nullptr;
    std::byte* theirs_ = nullptr;
    bool is_lent_ = false;
    std::size_t left_ = SIZE_MAX; ///< accesses until the owner rests
};

} // namespace xenpp::fakes
