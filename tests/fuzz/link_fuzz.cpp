// SPDX-License-Identifier: Apache-2.0
// Random owners of slots against the hypervisor's end of the link: bounded, and inside the window.
#include <xenpp/hv/link_mappings.hpp>
#include <xenpp/hv/link_rings.hpp>

#include <fakes/byte_source.hpp>
#include <fakes/must.hpp>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>

using namespace xenpp;
using namespace xenpp::hv;
using fakes::must;

namespace {

/// Where the pages of the books come from: few, so that they run out.
struct ledger {
    std::map<std::byte*, int> pages;
    std::map<std::uint64_t, int> frames;
    std::map<std::uint32_t, int> grants;

    expected<std::byte*, errc> allocate_page() {
        if (pages.size() >= 5) {
            return unexpected(errc::nomem);
        }
        auto* const p = static_cast<std::byte*>(std::calloc(1, page_size));
        pages[p] = 1;
        return p;
    }

    void free_page(std::byte* p) {
        must(pages.erase(p) == 1);
        std::free(p);
    }

    void drop_frames(domid, mfn first, std::uint32_t count, bool) {
        must(count <= link_mappings<ledger>::drop_batch);
        for (std::uint64_t i = 0; i < count; ++i) {
            must(frames[first.raw() + i]-- > 0);
        }
    }

    void drop_grant(domid, std::uint32_t handle, mfn, bool) { must(grants[handle]-- > 0); }
};

/// The hypervisor behind the rings: its answers, too, come from the input. The window is followed
/// by nothing, so a step outside of it is seen.
struct calls {
    explicit calls(fakes::byte_source& r) : input(r), held(books) {
        auto* const p = ::mmap(nullptr, link::arenas_offset, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(p != MAP_FAILED);
        window = static_cast<std::byte*>(p);
    }

    calls(calls const&) = delete;
    calls& operator=(calls const&) = delete;

    ~calls() {
        while (!held.remove_all()) {
        }
        for (auto const& [frame, count] : books.frames) {
            must(count == 0);
        }
        for (auto const& [handle, count] : books.grants) {
            must(count == 0);
        }
        must(books.pages.empty());
        ::munmap(window, link::arenas_offset);
    }

    hypercall_result call(unsigned slot, std::uint64_t number, hypercall_args& args) {
        must(slot < link::slot_count);
        ++made;
        auto const mapping = static_cast<std::uint32_t>(args.arg[0]);
        domid const d(static_cast<std::uint16_t>(args.arg[1] & 1));
        bool const known = held.is_mapping(mapping, d, true);
        switch (number & 7) {
        case 0: return unexpected(errc::restart);
        case 1: {
            auto const made_now = held.create(d, true);
            return made_now ? hypercall_result(std::uint64_t{*made_now})
                            : hypercall_result(unexpected(made_now.error()));
        }
        case 2:
            if (known && held.add_frame(mapping, mfn(args.arg[2] & 0xff))) {
                ++books.frames[args.arg[2] & 0xff];
            }
            return std::uint64_t{0};
        case 3:
            if (known && held.add_grant(mapping, static_cast<std::uint32_t>(args.arg[2]), mfn(1))) {
                ++books.grants[static_cast<std::uint32_t>(args.arg[2])];
            }
            return std::uint64_t{0};
        case 4:
        case 5: {
            auto const gone = held.remove(mapping);
            return gone ? hypercall_result(std::uint64_t{0})
                        : hypercall_result(unexpected(gone.error()));
        }
        default: break;
        }
        args.arg[3] = input.take<std::uint8_t>();
        return unexpected(args.arg[3] < 40 ? errc::restart : errc::inval);
    }

    bool release(unsigned) { return held.remove_all(); }

    void notify() {}

    std::byte* page(std::uint64_t offset) {
        must(offset <= link::arenas_offset - page_size && offset % page_size == 0);
        return window + offset;
    }

    fakes::byte_source& input;
    ledger books;
    link_mappings<ledger> held;
    std::byte* window;
    unsigned made = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    fakes::byte_source input({data, size});
    calls c(input);
    link_rings rings(c);
    while (!input.is_empty()) {
        auto const what = input.take<std::uint8_t>();
        auto const slot = what % link::slot_count;
        auto* const page = c.page(link::slot_offset(slot));
        auto& header = *reinterpret_cast<link::slot_header*>(page);
        switch (what >> 5) {
        case 0: { // a well-formed request
            auto& e = header.ring[header.request_produced % link::ring_size];
            e.number = input.take<std::uint8_t>();
            e.arg = {input.take<std::uint16_t>(),
                     input.take<std::uint8_t>(),
                     input.take<std::uint8_t>(),
                     0,
                     0,
                     0};
            ++header.request_produced;
            break;
        }
        case 1: header.reset_request = input.take<std::uint32_t>(); break;
        case 2: header.request_produced = input.take<std::uint32_t>(); break;
        case 3: { // anything anywhere in the page
            auto const at = input.take<std::uint16_t>() % page_size;
            page[at] = input.take<std::byte>();
            break;
        }
        case 4: rings.header().pending_slots = input.take<std::uint64_t>(); break;
        case 5: header.waiting = input.take<std::uint8_t>() & 1; break;
        default: {
            auto const budget = input.take<std::uint8_t>() % 32U;
            auto const before = c.made;
            rings.pump(budget);
            must(c.made - before <= budget);
            break;
        }
        }
        rings.header().pending_slots |= std::uint64_t{1} << slot;
    }
    return 0;
}
