// SPDX-License-Identifier: Apache-2.0
// Typed memory for hypercall arguments, given back by itself.
#pragma once

#include <xenpp/transport/doors.hpp>

#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace xenpp::transport {

/// `count` objects of a plain type, all zero at first, where the hypervisor can read and write
/// them.
template <class T>
class hypercall_buffer {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 64);

public:
    static result<hypercall_buffer> create(doors& d, std::size_t count = 1) {
        return hypercall_buffer(d, XENPP_TRY(d.allocate(count * sizeof(T))), count);
    }

    hypercall_buffer(hypercall_buffer&& o) noexcept
        : doors_(std::exchange(o.doors_, nullptr)), memory_(o.memory_), count_(o.count_) {}

    hypercall_buffer& operator=(hypercall_buffer&& o) noexcept {
        std::swap(doors_, o.doors_);
        std::swap(memory_, o.memory_);
        std::swap(count_, o.count_);
        return *this;
    }

    hypercall_buffer(hypercall_buffer const&) = delete;
    hypercall_buffer& operator=(hypercall_buffer const&) = delete;

    ~hypercall_buffer() {
        if (doors_ != nullptr) {
            doors_->release(memory_);
        }
    }

    T* data() const noexcept { return reinterpret_cast<T*>(memory_.data); }

    std::size_t size() const noexcept { return count_; }

    T& operator*() const noexcept { return *data(); }

    T* operator->() const noexcept { return data(); }

    T& operator[](std::size_t i) const noexcept { return data()[i]; }

    std::span<T> all() const noexcept { return {data(), count_}; }

    /// What goes into a hypercall's argument or a guest handle.
    std::uint64_t address() const noexcept { return memory_.address; }

private:
    hypercall_buffer(doors& d, hypercall_memory memory, std::size_t count) noexcept
        : doors_(&d), memory_(memory), count_(count) {}

    doors* doors_;
    hypercall_memory memory_;
    std::size_t count_;
};

} // namespace xenpp::transport
