// SPDX-License-Identifier: Apache-2.0
// 16550 programming (National PC16550D data sheet): divisor latch, FIFO, line status.
#include "platform/serial.hpp"

#include "platform/cpu.hpp"

namespace xenpp::image {

namespace {

constexpr std::uint16_t com1 = 0x3f8;
constexpr std::uint16_t com2 = 0x2f8;

// Register offsets.
constexpr std::uint16_t data = 0, interrupt_enable = 1, interrupt_id = 2, fifo_control = 2,
                        line_control = 3, modem_control = 4, line_status = 5;
constexpr std::uint8_t receiver_ready = 0x01, transmitter_empty = 0x20;

void uart_init(std::uint16_t base, std::uint8_t interrupts) noexcept {
    outb(base + interrupt_enable, 0);
    outb(base + line_control, 0x80); // divisor latch: 1 is 115200 baud
    outb(base + data, 1);
    outb(base + interrupt_enable, 0);
    outb(base + line_control, 0x03);  // 8 bits, no parity, one stop bit
    outb(base + fifo_control, 0x07);  // FIFOs on and cleared, interrupt at one byte
    outb(base + modem_control, 0x0b); // DTR, RTS, OUT2 (lets the interrupt through)
    outb(base + interrupt_enable, interrupts);
}

} // namespace

bool serial_init() noexcept {
    uart_init(com1, 0);
    uart_init(com2, 1);
    return inb(com2 + line_status) != 0xff;
}

void serial_write(std::string_view text) noexcept {
    auto const put = [](char c) {
        for (unsigned spins = 0; (inb(com1 + line_status) & transmitter_empty) == 0; ++spins) {
            if (spins == 1'000'000) {
                return; // nobody drains the port: the console ring has the text
            }
        }
        outb(com1 + data, static_cast<std::uint8_t>(c));
    };
    for (char const c : text) {
        if (c == '\n') {
            put('\r');
        }
        put(c);
    }
}

void doorbell_ring() noexcept {
    if ((inb(com2 + line_status) & transmitter_empty) != 0) {
        outb(com2 + data, 'x');
    }
}

void doorbell_drain() noexcept {
    for (unsigned i = 0; i < 64 && (inb(com2 + line_status) & receiver_ready) != 0; ++i) {
        (void)inb(com2 + data);
    }
    (void)inb(com2 + interrupt_id);
}

} // namespace xenpp::image
