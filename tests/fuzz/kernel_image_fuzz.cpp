// SPDX-License-Identifier: Apache-2.0
// Any bytes as a kernel file: refused in words, or a plan whose parts stay within their bounds.
#include "fakes/bytes_on_disk.hpp"

#include <xenpp/builder/pvh_layout.hpp>

#include <fakes/must.hpp>

using namespace xenpp;
using namespace xenpp::builder;
using fakes::must;

namespace {

void check_image(kernel_image const& image) {
    auto const& segments = image.elf().segments;
    must(!segments.empty());
    for (std::size_t i = 0; i < segments.size(); ++i) {
        auto const& s = segments[i];
        must(s.memory_size != 0 && s.end() > s.paddr);
        must(image.contents(s).size() <= s.memory_size);
        must(i == 0 || segments[i - 1].end() <= s.paddr);
    }
}

void check_plan(pvh_plan const& plan) {
    for (auto const& p : plan.placements) {
        must(p.content.size() <= p.size);
        bool const in_ram = p.end() <= to_gpa(plan.ram[0].end());
        bool const in_firmware = p.at >= pvh::acpi_base && p.end() <= pvh::mmio_hole_end;
        must(in_ram || in_firmware);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    constexpr std::size_t limit = std::size_t{16} << 20;
    auto const image = parse_kernel(fakes::mapped(std::as_bytes(std::span(data, size))), limit);
    if (!image) {
        must(!image.error().detail.empty());
        return 0;
    }
    check_image(*image);
    std::byte const ramdisk[8] = {};
    auto const plan = plan_pvh({.kernel = &*image,
                                .ramdisk = ramdisk,
                                .command_line = "console=hvc0",
                                .memory_mib = 256,
                                .vcpus = 1,
                                .max_vcpus = 2});
    if (plan) {
        check_plan(*plan);
    } else {
        must(!plan.error().detail.empty());
    }
    return 0;
}
