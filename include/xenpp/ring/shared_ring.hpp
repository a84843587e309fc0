// SPDX-License-Identifier: Apache-2.0
// Both ends of the ring that split drivers share (Xen: io/ring.h).
#pragma once

#include <xenpp/abi/io/ring.hpp>
#include <xenpp/base/atomic.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

namespace xenpp::ring {

/// A copy that the compiler may not repeat: the other side changes its memory while we look.
inline void copy_once(void* to, void const* from, std::size_t n) noexcept {
    std::memcpy(to, from, n);
    __asm__ volatile("" : : : "memory");
}

/// The place of both in an entry of a ring of `Request` and `Response`.
template <class Request, class Response>
inline constexpr std::size_t entry_size = sizeof(Request) > sizeof(Response) ? sizeof(Request)
                                                                             : sizeof(Response);

/// How many entries `bytes` of a ring's pages hold: a power of two. 0: not even one.
template <class Request, class Response>
constexpr std::uint32_t entries_in(std::size_t bytes) noexcept {
    std::uint32_t n = 0;
    if (bytes > sizeof(abi::sring_header)) {
        auto const room = (bytes - sizeof(abi::sring_header)) / entry_size<Request, Response>;
        for (n = room != 0 ? 1 : 0; n != 0 && std::size_t{n} * 2 <= room;) {
            n *= 2;
        }
    }
    return n;
}

/// The backend's end: it takes requests and puts responses. The ring's pages stay mapped for the
/// life of this object.
template <class Request, class Response>
class back_ring {
    static_assert(std::is_trivially_copyable_v<Request> && std::is_trivially_copyable_v<Response>);

public:
    /// `bytes` of pages at `pages`, enough for one entry. Requests are taken from `taken` on,
    /// responses put from `answered` on.
    back_ring(std::byte* pages,
              std::size_t bytes,
              std::uint32_t taken = 0,
              std::uint32_t answered = 0) noexcept
        : pages_(pages)
        , size_(entries_in<Request, Response>(bytes))
        , req_cons_(taken)
        , rsp_prod_(answered)
        , rsp_pushed_(answered) {}

    std::uint32_t size() const noexcept { return size_; }

    /// The next request's index.
    std::uint32_t taken() const noexcept { return req_cons_; }

    /// The next response's index.
    std::uint32_t answered() const noexcept { return rsp_prod_; }

    /// What the page says was answered: where a backend goes on after the one before it.
    static std::uint32_t answered_in(std::byte const* pages) noexcept {
        return atomic_load(header_of(pages).rsp_prod);
    }

    /// Requests that wait. Nothing: the frontend's index cannot be, its ring is broken.
    std::optional<std::uint32_t> waiting() const noexcept {
        // Not behind what was taken, nor more than a ring's worth beyond what was answered.
        auto const n = atomic_load(header().req_prod) - req_cons_;
        auto const taken = req_cons_ - rsp_prod_;
        if (taken > size_ || n > size_ - taken) {
            return std::nullopt;
        }
        return n;
    }

    /// Copies the next request and takes it; only while `waiting()` said that there is one.
    void take(Request& into) noexcept {
        copy_once(&into, entry(req_cons_), sizeof into);
        ++req_cons_;
    }

    /// Asks to be told when `least` requests wait, and looks once more. As `waiting`.
    std::optional<std::uint32_t> wait_for_more(std::uint32_t least = 1) noexcept {
        atomic_store(header().req_event, req_cons_ + least);
        full_barrier(); // the frontend sees the event index, or we see its request
        return waiting();
    }

    /// Puts a response, which the frontend sees after `push`; at most one for each request taken.
    void put(Response const& r) noexcept {
        std::memcpy(entry(rsp_prod_), &r, sizeof r);
        ++rsp_prod_;
    }

    /// Shows the frontend what was put. True: it wants to be told.
    bool push() noexcept {
        auto const old = rsp_pushed_;
        if (old == rsp_prod_) {
            return false;
        }
        // Full: the slots' requests have been read, and are ours, before the frontend fills them.
        full_barrier();
        atomic_store(header().rsp_prod, rsp_prod_);
        rsp_pushed_ = rsp_prod_;
        full_barrier(); // as in wait_for_more, the other way round
        return rsp_prod_ - atomic_load(header().rsp_event) < rsp_prod_ - old;
    }

private:
    static abi::sring_header& header_of(std::byte* pages) noexcept {
        return *reinterpret_cast<abi::sring_header*>(pages);
    }

    static abi::sring_header const& header_of(std::byte const* pages) noexcept {
        return *reinterpret_cast<abi::sring_header const*>(pages);
    }

    abi::sring_header& header() const noexcept { return header_of(pages_); }

    std::byte* entry(std::uint32_t index) const noexcept {
        return pages_ + sizeof(abi::sring_header) +
               std::size_t{index & (size_ - 1)} * entry_size<Request, Response>;
    }

    std::byte* pages_;
    std::uint32_t size_;
    std::uint32_t req_cons_;
    std::uint32_t rsp_prod_;
    std::uint32_t rsp_pushed_;
};

/// The frontend's end: it puts requests and takes responses.
template <class Request, class Response>
class front_ring {
    static_assert(std::is_trivially_copyable_v<Request> && std::is_trivially_copyable_v<Response>);

public:
    /// Begins a new ring in `bytes` of pages at `pages`, which nobody else uses yet.
    front_ring(std::byte* pages, std::size_t bytes) noexcept
        : pages_(pages), size_(entries_in<Request, Response>(bytes)) {
        std::memset(pages, 0, sizeof(abi::sring_header));
        header().req_event = 1;
        header().rsp_event = 1;
    }

    std::uint32_t size() const noexcept { return size_; }

    /// Requests that may be put now.
    std::uint32_t room() const noexcept { return size_ - (req_prod_ - rsp_cons_); }

    void put(Request const& r) noexcept {
        std::memcpy(entry(req_prod_), &r, sizeof r);
        ++req_prod_;
    }

    /// Shows the backend what was put. True: it wants to be told.
    bool push() noexcept {
        auto const old = req_pushed_;
        if (old == req_prod_) {
            return false;
        }
        full_barrier();
        atomic_store(header().req_prod, req_prod_);
        req_pushed_ = req_prod_;
        full_barrier();
        return req_prod_ - atomic_load(header().req_event) < req_prod_ - old;
    }

    /// Responses that wait. Nothing: the backend's index cannot be.
    std::optional<std::uint32_t> waiting() const noexcept {
        auto const n = atomic_load(header().rsp_prod) - rsp_cons_;
        return n > req_pushed_ - rsp_cons_ ? std::nullopt : std::optional(n);
    }

    void take(Response& into) noexcept {
        copy_once(&into, entry(rsp_cons_), sizeof into);
        ++rsp_cons_;
    }

    /// Asks to be told of the next response, and looks once more. As `waiting`.
    std::optional<std::uint32_t> wait_for_more() noexcept {
        atomic_store(header().rsp_event, rsp_cons_ + 1);
        full_barrier();
        return waiting();
    }

private:
    abi::sring_header& header() const noexcept {
        return *reinterpret_cast<abi::sring_header*>(pages_);
    }

    std::byte* entry(std::uint32_t index) const noexcept {
        return pages_ + sizeof(abi::sring_header) +
               std::size_t{index & (size_ - 1)} * entry_size<Request, Response>;
    }

    std::byte* pages_;
    std::uint32_t size_;
    std::uint32_t req_prod_ = 0;
    std::uint32_t req_pushed_ = 0;
    std::uint32_t rsp_cons_ = 0;
};

} // namespace xenpp::ring
