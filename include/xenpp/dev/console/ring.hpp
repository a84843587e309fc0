// SPDX-License-Identifier: Apache-2.0
// The backend's end of a console ring.
#pragma once

#include <xenpp/abi/io/console.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace xenpp::dev {

/// Takes a guest's output from its page and puts input there. The guest may write to the page
/// whenever it likes: its indices are read once and checked, ours are never read back. A ring with
/// indices that cannot be is broken, and stays so.
class console_ring {
public:
    static constexpr std::size_t output_size = sizeof(abi::xencons_interface::out);
    static constexpr std::size_t input_size = sizeof(abi::xencons_interface::in);

    /// Room for all the output a ring can hold.
    using output_buffer = std::array<char, output_size>;

    /// Goes on where the page says. `page` must stay mapped for the life of this object.
    explicit console_ring(abi::xencons_interface& page) noexcept;

    bool is_broken() const noexcept { return is_broken_; }

    /// How much output was taken in all, modulo 2^32.
    std::uint32_t position() const noexcept { return out_cons_; }

    /// Goes on at `position` instead, if that is output which the page holds or has just held:
    /// between its two indices. False, and nothing done, otherwise.
    bool resume_at(std::uint32_t position) noexcept;

    /// Copies the output that waits; it stays there. Empty: none, or the ring is broken.
    std::string_view peek(output_buffer& into) noexcept;

    /// Gives the first `n` bytes that `peek` showed back to the guest as room.
    void consume(std::size_t n) noexcept;

    /// How much input may be put there now.
    std::size_t input_room() noexcept;

    /// Puts input there, as much as has room; says how much.
    std::size_t put(std::string_view input) noexcept;

private:
    abi::xencons_interface& page_;
    std::uint32_t out_cons_;
    std::uint32_t in_prod_;
    bool is_broken_ = false;
};

} // namespace xenpp::dev
