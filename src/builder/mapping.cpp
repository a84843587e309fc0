// SPDX-License-Identifier: Apache-2.0
// Mappings of files and of anonymous memory, by mmap.
#include <xenpp/base/checked.hpp>
#include <xenpp/base/strong.hpp>
#include <xenpp/builder/mapping.hpp>

#include <sys/mman.h>

#include <cerrno>

namespace xenpp::builder {

mapping::~mapping() {
    if (!base_.empty()) {
        // munmap takes a void*: the mapping is ours, so dropping const is its end, not a write.
        ::munmap(const_cast<std::byte*>(base_.data()), base_.size());
    }
}

result<mapping> mapping::of_file(int fd, std::size_t size, std::size_t skip) {
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) {
        return fail("mmap", errno);
    }
    mapping m;
    m.base_ = {static_cast<std::byte const*>(at), size};
    m.skip_ = skip;
    m.is_of_file_ = true;
    return m;
}

void forget_pages(std::span<std::byte const> part) noexcept {
    auto const begin = align_up(reinterpret_cast<std::uintptr_t>(part.data()), page_size);
    auto const end =
        align_down(reinterpret_cast<std::uintptr_t>(part.data() + part.size()), page_size);
    if (begin < end) {
        auto* const first = const_cast<std::byte*>(part.data()) +
                            (begin - reinterpret_cast<std::uintptr_t>(part.data()));
        ::madvise(first, end - begin, MADV_DONTNEED);
    }
}

result<output_buffer> output_buffer::create(std::size_t capacity) {
    void* const at = ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        return fail("mmap", errno);
    }
    return output_buffer({static_cast<std::byte*>(at), capacity});
}

mapping output_buffer::keep(std::size_t size) && {
    auto const whole = std::exchange(whole_, {});
    auto const kept = align_up(size, page_size);
    if (kept < whole.size()) {
        ::munmap(whole.data() + kept, whole.size() - kept);
    }
    mapping m;
    if (kept != 0) {
        m.base_ = whole.first(size);
    }
    return m;
}

output_buffer::~output_buffer() {
    if (!whole_.empty()) {
        ::munmap(whole_.data(), whole_.size());
    }
}

} // namespace xenpp::builder
