// SPDX-License-Identifier: Apache-2.0
// Log first, then the ring; the terminal gets what it can take.
#include <xenpp/dev/console/backend.hpp>

#include <array>

namespace xenpp::dev {

namespace {

/// A domain that never stops writing gets this many turns before others have theirs; what is left
/// has its event, for the domain goes on.
constexpr int turns_per_event = 16;

} // namespace

result<console_backend>
console_backend::start(config c, abi::xencons_interface& page, std::function<void()> notify) {
    console_ring ring(page);
    auto log =
        XENPP_TRY(console_log::open(std::move(c.folder), std::move(c.owner), ring.position()));
    // A log that somebody cut short says nothing of the ring.
    if (!ring.resume_at(log.position())) {
        XENPP_TRY(log.set_position(ring.position()));
    }
    auto terminal = XENPP_TRY(console_terminal::open(c.terminal_limit));
    return console_backend(ring, std::move(log), std::move(terminal), std::move(notify));
}

result<bool> console_backend::take_output() {
    console_ring::output_buffer buffer;
    auto const output = ring_.peek(buffer);
    if (output.empty()) {
        return false;
    }
    auto const logged = log_.append(output);
    ring_.consume(output.size());
    terminal_.show(output);
    XENPP_TRY(logged);
    return true;
}

result<void> console_backend::ring_event() {
    bool const was_broken = ring_.is_broken();
    result<void> failed;
    bool has_moved = false;
    for (int turn = 0; turn < turns_per_event; ++turn) {
        auto const taken = take_output();
        if (!taken) {
            failed = unexpected(taken.error());
        } else if (!*taken) {
            break;
        }
        has_moved = true;
    }
    has_moved = put_input() || has_moved;
    if (ring_.is_broken() && !was_broken) {
        failed = fail("console", errc::inval, "its ring's indices cannot be; it is served no more");
    }
    if (has_moved) {
        notify_();
    }
    return failed;
}

void console_backend::terminal_event() {
    terminal_.flush();
    if (put_input()) {
        notify_();
    }
}

bool console_backend::put_input() {
    std::array<char, console_ring::input_size> buffer{};
    bool has_put = false;
    for (;;) {
        auto const room = ring_.input_room();
        has_input_room_ = room != 0;
        auto const typed = terminal_.read(std::span(buffer).first(room));
        if (typed.empty()) {
            return has_put;
        }
        ring_.put(typed);
        has_put = true;
    }
}

void console_backend::finish() {
    static_cast<void>(ring_event()); // whom it would be told is gone
    log_.finish();
}

} // namespace xenpp::dev
