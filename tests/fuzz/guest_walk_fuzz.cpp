// SPDX-License-Identifier: Apache-2.0
// Walks page tables of any content in any mode: always bounded, never out of the guest's address
// space.
#include <xenpp/mm/guest_walk.hpp>

#include <fakes/must.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

using namespace xenpp;
using fakes::must;

namespace {

/// Takes numbers from the input, zeros after its end.
class input {
public:
    input(std::uint8_t const* data, std::size_t size) : data_(data), size_(size) {}

    std::uint64_t take() {
        std::uint64_t v = 0;
        std::size_t const n = size_ < sizeof v ? size_ : sizeof v;
        std::memcpy(&v, data_, n);
        data_ += n;
        size_ -= n;
        return v;
    }

    bool is_empty() const { return size_ == 0; }

private:
    std::uint8_t const* data_;
    std::size_t size_;
};

/// The n-th read returns the n-th number of the input.
struct entry_source {
    input& in;
    unsigned reads = 0;

    expected<std::uint64_t, errc> read_entry(gpa, unsigned size) {
        ++reads;
        if (in.is_empty()) {
            return unexpected(errc::fault);
        }
        return size == 4 ? in.take() & 0xffff'ffff : in.take();
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    input in(data, size);
    std::uint64_t const choice = in.take();
    unsigned const physical_bits = 36 + static_cast<unsigned>(choice % 17);
    auto const paging = mm::paging_of(x86::cr0::value(in.take()), x86::cr3::value(in.take()),
                                      x86::cr4::value(in.take()), x86::efer::value(in.take()),
                                      physical_bits, (choice >> 8 & 1) != 0);
    mm::guest_access const access{
        .what = static_cast<mm::guest_access::kind>((choice >> 16) % 3),
        .is_user = (choice >> 9 & 1) != 0,
        .lifts_smap = (choice >> 10 & 1) != 0,
    };
    gva const address(in.take());
    entry_source source{in};
    auto const r = mm::walk_guest(paging, address, access, source);
    must(source.reads <= 5);
    if (r) {
        std::uint64_t const offset = (std::uint64_t{1} << (r->order + page_shift)) - 1;
        must(((r->address.raw() ^ address.raw()) & offset) == 0);
        must(r->address.raw() >> physical_bits == 0);
        must(!access.is_user || r->is_user);
        must(!access.is_user || access.what != mm::guest_access::kind::write || r->is_writable);
    } else if (r.error().what == mm::guest_walk_error::kind::page_fault) {
        using namespace x86::page_fault_error;
        must(!r.error().code.has(reserved) || r.error().code.has(present));
        must(r.error().code.has(user) == access.is_user);
    }
    return 0;
}
