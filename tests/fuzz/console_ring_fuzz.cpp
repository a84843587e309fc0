// SPDX-License-Identifier: Apache-2.0
// A hostile console frontend: its page changes between any two looks of the backend, which is also
// killed and started again. The log grows by what left the ring and by no more.
#include <xenpp/dev/console/backend.hpp>

#include <fakes/byte_source.hpp>
#include <fakes/bytes_on_disk.hpp>
#include <fakes/changing_memory.hpp>
#include <fakes/must.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

using namespace xenpp;
using namespace xenpp::dev;
using fakes::must;

namespace {

constexpr std::size_t page_used = sizeof(abi::xencons_interface);
constexpr std::size_t most_watched = 200; // accesses in each turn
constexpr std::size_t most_at_once = 16 * console_ring::output_size;

fakes::changing_memory& memory() {
    static fakes::changing_memory m(1);
    return m;
}

std::string const& folder() {
    static fakes::scratch_folder f;
    static std::string const path = f.path().string();
    return path;
}

abi::xencons_interface& theirs() {
    return *reinterpret_cast<abi::xencons_interface*>(memory().theirs().data());
}

/// The guest writes somewhere in its page: output, an index near where it may be, anything.
void scribble(fakes::byte_source& in) {
    auto& page = theirs();
    switch (in.below(5)) {
    case 0: page.out_prod += in.below(64); break;
    case 1: page.in_cons = page.in_prod - in.below(4); break;
    case 2: page.out_prod = page.out_cons + in.take<std::uint16_t>() % 2304; break;
    case 3: in.fill(memory().theirs().data() + page_used - 16 + in.below(13), 4); break;
    default: in.fill(memory().theirs().data() + in.take<std::uint16_t>() % (page_used - 4), 4);
    }
}

std::size_t log_size() {
    struct stat s {};

    return ::stat((folder() + "/g.log").c_str(), &s) == 0 ? static_cast<std::size_t>(s.st_size) : 0;
}

console_backend start(unsigned& notified) {
    auto& page = *reinterpret_cast<abi::xencons_interface*>(memory().ours().data());
    return console_backend::start({{domid(3), {1}, "g"}, folder(), 4096}, page,
                                  [&notified] { ++notified; })
        .value();
}

/// Somebody types at the terminal.
void type(console_backend const& b, fakes::byte_source& in) {
    std::string text(1 + in.below(200), 'k');
    int const tty = ::open(b.terminal().path().c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK);
    must(tty >= 0);
    static_cast<void>(!::write(tty, text.data(), text.size()));
    ::close(tty);
}

void step(std::optional<console_backend>& b, unsigned& notified, fakes::byte_source& in) {
    auto const before = log_size();
    bool const was_broken = b->is_broken();
    auto const told = notified;
    switch (in.below(6)) {
    case 0: // killed, and started again: unless the guest wrote over what is ours, it goes on
        b.reset();
        b.emplace(start(notified));
        return;
    case 1: type(*b, in); break;
    case 2: b->terminal_event(); break;
    case 3: scribble(in); break;
    default: static_cast<void>(b->ring_event());
    }
    must(!was_broken || (b->is_broken() && notified == told && log_size() == before));
    must(log_size() - before <= most_at_once);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    fakes::byte_source in({data, size});
    auto& m = memory();
    m.change = nullptr;
    std::memset(m.theirs().data(), 0, m.theirs().size());
    // Indices may be anywhere at first, also before a wrap.
    theirs().out_cons = theirs().out_prod = in.one_in(2) ? 0 : UINT32_MAX - in.below(100);
    unsigned notified = 0;
    std::optional<console_backend> b(start(notified));
    m.change = [&in] {
        if (!in.is_empty() && in.one_in(16)) {
            scribble(in);
        }
    };
    for (int turn = 0; turn < 64 && !in.is_empty(); ++turn) {
        m.watch_next(most_watched);
        step(b, notified, in);
    }
    m.change = nullptr;
    b->finish();
    must(std::ranges::all_of(m.theirs().subspan(page_used),
                             [](std::byte v) { return v == std::byte{}; }));
    return 0;
}
