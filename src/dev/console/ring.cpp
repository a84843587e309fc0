// SPDX-License-Identifier: Apache-2.0
// Indices run freely and are masked where they are used.
#include <xenpp/base/atomic.hpp>
#include <xenpp/dev/console/ring.hpp>

#include <algorithm>

namespace xenpp::dev {

namespace {

constexpr std::size_t out_at(std::uint32_t index) noexcept {
    return index & (console_ring::output_size - 1);
}

constexpr std::size_t in_at(std::uint32_t index) noexcept {
    return index & (console_ring::input_size - 1);
}

} // namespace

console_ring::console_ring(abi::xencons_interface& page) noexcept
    : page_(page), out_cons_(atomic_load(page.out_cons)), in_prod_(atomic_load(page.in_prod)) {}

bool console_ring::resume_at(std::uint32_t position) noexcept {
    auto const waiting = atomic_load(page_.out_prod) - out_cons_;
    if (waiting > output_size || position - out_cons_ > waiting) {
        return false;
    }
    consume(position - out_cons_);
    return true;
}

std::string_view console_ring::peek(output_buffer& into) noexcept {
    auto const waiting = atomic_load(page_.out_prod) - out_cons_;
    is_broken_ = is_broken_ || waiting > output_size;
    if (is_broken_) {
        return {};
    }
    for (std::uint32_t i = 0; i < waiting; ++i) {
        into[i] = atomic_load(page_.out[out_at(out_cons_ + i)], order::relaxed);
    }
    return {into.data(), waiting};
}

void console_ring::consume(std::size_t n) noexcept {
    out_cons_ += static_cast<std::uint32_t>(n);
    // Full: the bytes have been read before the guest may write over them.
    full_barrier();
    atomic_store(page_.out_cons, out_cons_);
}

std::size_t console_ring::input_room() noexcept {
    auto const used = in_prod_ - atomic_load(page_.in_cons);
    is_broken_ = is_broken_ || used > input_size;
    return is_broken_ ? 0 : input_size - used;
}

std::size_t console_ring::put(std::string_view input) noexcept {
    auto const n = static_cast<std::uint32_t>(std::min(input.size(), input_room()));
    for (std::uint32_t i = 0; i < n; ++i) {
        atomic_store(page_.in[in_at(in_prod_ + i)], input[i], order::relaxed);
    }
    in_prod_ += n;
    atomic_store(page_.in_prod, in_prod_);
    return n;
}

} // namespace xenpp::dev
