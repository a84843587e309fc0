// SPDX-License-Identifier: Apache-2.0
// mmap, in the few forms that are needed.
#include <xenpp/os/file.hpp>
#include <xenpp/os/mapping.hpp>

#include <fmt/format.h>

#include <sys/mman.h>

namespace xenpp::os {

namespace {

int protection(access a) noexcept {
    return a == access::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
}

result<std::byte*>
map(void* address, std::size_t size, int prot, int flags, int fd, std::uint64_t offset) {
    void* const p = ::mmap(address, size, prot, flags, fd, static_cast<off_t>(offset));
    if (p == MAP_FAILED) {
        return fail_errno("mmap", fmt::format("{} bytes", size));
    }
    return static_cast<std::byte*>(p);
}

} // namespace

mapping::~mapping() {
    if (data_ != nullptr) {
        ::munmap(data_, size_);
    }
}

result<mapping> mapping::of_file(int fd, std::uint64_t offset, std::size_t size, access a) {
    return mapping(XENPP_TRY(map(nullptr, size, protection(a), MAP_SHARED, fd, offset)), size);
}

result<mapping> mapping::of_file_at(
    std::uintptr_t address, int fd, std::uint64_t offset, std::size_t size, access a) {
    auto* const hint = reinterpret_cast<void*>(
        address); // NOLINT(performance-no-int-to-ptr): the address is the contract
    auto* const p =
        XENPP_TRY(map(hint, size, protection(a), MAP_SHARED | MAP_FIXED_NOREPLACE, fd, offset));
    mapping m(p, size);
    if (p != hint) { // a kernel before 4.17 takes the address for a wish
        return fail("mmap", errc::exist, fmt::format("address {:#x} is taken", address));
    }
    return m;
}

result<mapping> mapping::anonymous(std::size_t size) {
    return mapping(XENPP_TRY(map(nullptr, size, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)),
                   size);
}

result<mapping> mapping::reserve(std::size_t size) {
    return mapping(XENPP_TRY(map(nullptr, size, PROT_NONE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)),
                   size);
}

result<void>
mapping::place(std::size_t at, int fd, std::uint64_t offset, std::size_t size, access a) {
    if (at > size_ || size > size_ - at) {
        return fail("mmap", errc::range, "outside the reserved range");
    }
    XENPP_TRY(map(data_ + at, size, protection(a), MAP_SHARED | MAP_FIXED, fd, offset));
    return {};
}

} // namespace xenpp::os
